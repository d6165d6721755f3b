"""The one form of Parquet that the product writes."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 10_000
PARQUET_FORM = {"compression": "zstd", "write_page_index": True, "store_schema": True}


def as_parquet(table: pa.Table) -> pa.Buffer:
    """Return a table as Parquet in the one form of the product: zstd, page index, fixed row groups.

    In memory, as the format's many small writes to a file take several times as long.
    """
    file = pa.BufferOutputStream()
    pq.write_table(table, file, row_group_size=ROW_GROUP_ROWS, **PARQUET_FORM)
    return file.getvalue()


def write_stream(schema: pa.Schema, tables: Iterable[pa.Table], target: Path) -> int:
    """Write a stream of tables to a file as their concatenation, and return the rows."""
    rows = 0
    waiting = schema.empty_table()
    with pq.ParquetWriter(target, schema, **PARQUET_FORM) as writer:
        for table in tables:
            rows += table.num_rows
            waiting = pa.concat_tables([waiting, table])
            while waiting.num_rows >= ROW_GROUP_ROWS:
                writer.write_table(waiting.slice(0, ROW_GROUP_ROWS).combine_chunks())
                waiting = waiting.slice(ROW_GROUP_ROWS)
        if waiting.num_rows or not rows:
            writer.write_table(waiting.combine_chunks())
    return rows
