"""Writing the tables of a snapshot, so that their bytes depend on their values alone."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.snapshots import layout
from dynosaur_etl.snapshots.layout import described_schema, shard_names
from dynosaur_etl.store.parquet_form import PARQUET_FORM, ROW_GROUP_ROWS

ROW_GROUP_BYTES = 64 * 2**20
"""Most text of a row group: the Hub's viewer reads a page of rows by whole groups."""


def write_features_parquet(table: pa.Table, schema: pa.Schema, target: Path) -> int:
    """Write a table with its features into one file; gives its size in memory, in bytes."""
    return _write([table], schema, target)


def write_shards(
    tables: Iterable[pa.Table], rows: int, schema: pa.Schema, part: str, folder: Path
) -> Iterator[tuple[str, int, int]]:
    """Write tables one after the other as the shards of a part.

    Only a row group is held in memory. However the rows are cut into tables, the bytes are the
    same.

    Args:
        tables: with the columns of the schema, `rows` rows in all.
        rows: of all shards; their names tell how many there are.
        schema: of the rows.
        part: `layout.TRAIN`, `TEST` or `FULL`.
        folder: of the snapshot.

    Yields:
        The name of each shard, its rows and its size in memory, in bytes.

    Raises:
        Corrupt: the tables have fewer or more rows than that.
    """
    groups = regrouped(tables, min(ROW_GROUP_ROWS, layout.SHARD_ROWS))
    for number, name in enumerate(shard_names(part, rows)):
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        length = min(layout.SHARD_ROWS, rows - number * layout.SHARD_ROWS)
        yield name, length, _write(_of_length(groups, length, part), schema, target)
    if next(groups, None) is not None:
        raise Corrupt(f"{part}: found more than its {rows} rows")


def regrouped(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Cut tables anew into tables of `rows` rows; the last one may be shorter."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        while sum(map(len, waiting)) >= rows:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, rows)
            waiting = [whole.slice(rows)]
    rest = pa.concat_tables(waiting) if waiting else None
    if rest is not None and len(rest):
        yield rest


def _of_length(groups: Iterator[pa.Table], rows: int, part: str) -> Iterator[pa.Table]:
    while rows > 0:
        group = next(groups, None)
        if group is None:
            raise Corrupt(f"{part}: {rows} rows are missing")
        if len(group) > rows:
            raise Corrupt(f"{part}: found {len(group) - rows} rows too many")
        rows -= len(group)
        yield group


def _write(tables: Iterable[pa.Table], schema: pa.Schema, target: Path) -> int:
    described, size = described_schema(schema), 0
    with pq.ParquetWriter(target, described, **PARQUET_FORM) as writer:
        for table in regrouped(tables, ROW_GROUP_ROWS):
            group = table.cast(described).combine_chunks()
            size += sum(_memory(column.combine_chunks()) for column in group.columns)
            writer.write_table(group, row_group_size=_group_rows(group))
    return size


def _group_rows(group: pa.Table) -> int:
    """Give the rows of a row group, fewer than usual where the texts are long."""
    text = sum(
        pc.sum(pc.binary_length(group[field.name])).as_py() or 0
        for field in group.schema
        if pa.types.is_string(field.type)
    )
    parts = max(1, -(-text // ROW_GROUP_BYTES))
    return max(1, -(-len(group) // parts))


def _memory(values: pa.Array) -> int:
    """Measure values as Arrow holds them, apart from what their history left in the buffers."""
    if pa.types.is_string(values.type):
        return 4 * len(values) + (pc.sum(pc.binary_length(values)).as_py() or 0)
    if pa.types.is_list(values.type):
        return 4 * len(values) + _memory(values.flatten())
    if pa.types.is_struct(values.type):
        return sum(_memory(column) for column in values.flatten())
    return len(values) * int(values.type.bit_width) // 8
