"""The same rows give the same bytes, whatever way they came."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.store.parquet_form import PARQUET_FORM, one_form
from dynosaur_etl.store.storage import Storage


def nested(child: str) -> pa.Table:
    """A table whose lists, of every kind and depth, have children of that name."""

    def of(kind: pa.DataType) -> pa.Field:
        return pa.field(child, kind)

    turns = pa.list_(of(pa.struct([("role", pa.string()), ("parts", pa.list_(of(pa.string())))])))
    schema = pa.schema(
        {
            "labels": pa.list_(of(pa.string())),
            "vector": pa.list_(of(pa.float16()), 4),
            "turns": turns,
            "tree": pa.list_(of(pa.list_(of(pa.int64())))),
            "large": pa.large_list(of(pa.string())),
            "note": pa.struct([("tags", pa.list_(of(pa.string())))]),
            "plain": pa.int64(),
        }
    )
    rows = [
        {
            "labels": ["a", None][: n % 3],
            "vector": np.arange(n, n + 4).astype(np.float16),
            "turns": [{"role": "user", "parts": ["x"] * (n % 2)}] * (n % 4) or None,
            "tree": [[n], []],
            "large": None if n % 5 == 0 else [str(n)],
            "note": None if n % 7 == 0 else {"tags": ["t"]},
            "plain": n,
        }
        for n in range(25_000)
    ]
    return pa.Table.from_pylist(rows, schema)


ITEMS, ELEMENTS = nested("item"), nested("element")


def read_back(table: pa.Table, folder: Path) -> pa.Table:
    pq.write_table(table, folder / "table.parquet", **PARQUET_FORM)
    return pq.read_table(folder / "table.parquet")


def stored_and_read(table: pa.Table, folder: Path) -> pa.Table:
    storage = Storage(str(folder / "other"))
    return storage.read_table(storage.write_table("k", table).path)


def sliced(table: pa.Table, _: Path) -> pa.Table:
    return pa.concat_tables([table.slice(at, 700) for at in range(0, table.num_rows, 700)])


def as_it_is(table: pa.Table, _: Path) -> pa.Table:
    return table


@pytest.mark.parametrize("way", [as_it_is, read_back, stored_and_read, sliced])
@pytest.mark.parametrize("table", [ITEMS, ELEMENTS], ids=["item", "element"])
def test_every_way_to_a_file_gives_the_same_bytes(
    way: Callable[[pa.Table, Path], pa.Table], table: pa.Table, tmp_path: Path
) -> None:
    storage, found = Storage(str(tmp_path / "store")), way(table, tmp_path)
    whole = storage.write_table("k", found)
    assert whole == storage.write_table("k", ITEMS)
    streams = [
        storage.write_tables("k", schema, (found.slice(at, 999) for at in range(0, 25_000, 999)))
        for schema in (ITEMS.schema, ELEMENTS.schema, found.schema)
    ]
    assert len(set(streams)) == 1
    assert storage.read_table(streams[0].path).equals(storage.read_table(whole.path))


def test_rows_are_kept_as_they_are(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    kept = storage.read_table(storage.write_table("k", ELEMENTS).path)
    assert kept.to_pylist()[:99] == ITEMS.to_pylist()[:99]
    assert one_form(kept.schema) == one_form(ITEMS.schema) == ITEMS.schema
