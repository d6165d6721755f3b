"""The one form of Parquet that the product writes."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 10_000
PARQUET_FORM = {"compression": "zstd", "write_page_index": True, "store_schema": True}
_CHILD = "item"


def as_parquet(table: pa.Table) -> pa.Buffer:
    """Return a table as Parquet in the one form of the product: zstd, page index, fixed row groups.

    In memory, as the format's many small writes to a file take several times as long.
    """
    table, file = table.cast(one_form(table.schema)), pa.BufferOutputStream()
    pq.write_table(table, file, row_group_size=ROW_GROUP_ROWS, **PARQUET_FORM)
    return file.getvalue()


def write_stream(schema: pa.Schema, tables: Iterable[pa.Table], target: Path) -> int:
    """Write a stream of tables to a file as their concatenation, and return the rows."""
    rows, schema = 0, one_form(schema)
    waiting = schema.empty_table()
    with pq.ParquetWriter(target, schema, **PARQUET_FORM) as writer:
        for table in tables:
            rows += table.num_rows
            waiting = pa.concat_tables([waiting, table.cast(schema)])
            while waiting.num_rows >= ROW_GROUP_ROWS:
                writer.write_table(waiting.slice(0, ROW_GROUP_ROWS).combine_chunks())
                waiting = waiting.slice(ROW_GROUP_ROWS)
        if waiting.num_rows or not rows:
            writer.write_table(waiting.combine_chunks())
    return rows


def one_form(schema: pa.Schema) -> pa.Schema:
    """Return a schema with one name for the children of its lists, however deep they lie.

    Arrow names them `item`, or `element` once they were read from Parquet; the same rows are to
    give the same bytes all the same.
    """
    return pa.schema([_field(field, field.name) for field in schema], schema.metadata)


def _field(field: pa.Field, name: str) -> pa.Field:
    return pa.field(name, _type(field.type), field.nullable, field.metadata)


def _type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_field(kind.value_field, _CHILD), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(_field(kind.value_field, _CHILD))
    if pa.types.is_list(kind):
        return pa.list_(_field(kind.value_field, _CHILD))
    if pa.types.is_struct(kind):
        return pa.struct([_field(field, field.name) for field in kind])
    return kind
