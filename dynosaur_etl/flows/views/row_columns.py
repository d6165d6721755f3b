"""The short columns of a set of rows as arrays in memory, by which rows are found and sorted.

800,000 rows take about 50 MB and some seconds to read; after that, a filter takes milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.flows.views.row_set import RowSet
from dynosaur_etl.snapshots.layout import TEST
from dynosaur_etl.store.storage import Storage

CODED = ("dataset", "licence", "task_key", "growth_day", "split", "mode", "pii")
"""The columns in which many rows share a value."""

_KEY = "instance_key"
_QUALITY = "quality"
_KEPT = 3
_NOT_PICKED = -1

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class CodedColumn:
    """A column as numbers into its distinct values."""

    codes: NDArray[np.int32]
    names: Sequence[str]

    def among(self, chosen: Sequence[int]) -> Mask:
        """Tell which rows have one of those values, named by their numbers."""
        wanted = np.zeros(len(self.names) + 1, bool)
        wanted[list(chosen)] = True
        found: Mask = wanted[self.codes]
        return found

    def equal(self, name: str) -> Mask:
        """Tell which rows have that value."""
        return self.among([number for number, known in enumerate(self.names) if known == name])


@dataclass(frozen=True)
class RowColumns:
    """All rows of a set, one place in each array a row.

    Attributes:
        file: number of the file among the set's paths.
        row: number of the row in its file.
        key: the first 64 bits of the instance key.
        quality: in [0, 1]; NaN where none is known.
        rank: of the pick, from 0; -1 where the row was not picked.
        gain: that the pick brought; NaN where the row was not picked.
        held_out: whether it is held out for tests.
    """

    file: NDArray[np.int32]
    row: NDArray[np.int32]
    key: NDArray[np.uint64]
    coded: Mapping[str, CodedColumn]
    quality: NDArray[np.float32]
    rank: NDArray[np.int32]
    gain: NDArray[np.float32]
    held_out: Mask

    def __len__(self) -> int:
        return len(self.row)

    @property
    def picked(self) -> Mask:
        """Which rows were picked."""
        found: Mask = self.rank != _NOT_PICKED
        return found


def row_columns(rows: RowSet) -> RowColumns:
    """Return the columns of a set; they are kept for the sets that were looked at last.

    Raises:
        Corrupt: a file is missing or cannot be read.
    """
    found = _columns(rows.storage, rows.paths, rows.pool, rows.selection)
    return with_licences(found, rows.licences) if rows.licences else found


def key_number(key: str) -> np.uint64:
    """Return the 64 bits by which an instance key, in hex, is found."""
    return np.uint64(int(key[:16], 16))


def with_licences(columns: RowColumns, licences: Mapping[str, str]) -> RowColumns:
    """Put the licence that holds now in the place of the one written down, by dataset."""
    licence, dataset = columns.coded["licence"], columns.coded["dataset"]
    names, codes = [*licence.names], licence.codes.copy()
    for name, now in licences.items():
        if now not in names:
            names.append(now)
        codes[dataset.equal(name)] = names.index(now)
    coded = {**columns.coded, "licence": CodedColumn(codes, names)}
    return RowColumns(**(vars(columns) | {"coded": coded}))


@lru_cache(_KEPT)
def _columns(storage: Storage, paths: tuple[str, ...], pool: str, selection: str) -> RowColumns:
    tables = [_short_columns(storage, path, number) for number, path in enumerate(paths)]
    table = pa.concat_tables(tables) if tables else _short_schema().empty_table()
    if pool:
        live = storage.read_table(pool)
        table = table.take(live["number"])
        table = table.set_column(table.schema.get_field_index(_QUALITY), _QUALITY, live[_QUALITY])
        table = table.set_column(table.schema.get_field_index("held"), "held", live["held_out"])
    keys = _key_numbers(table[_KEY])
    rank, gain = _picks(storage, selection, keys)
    return RowColumns(
        file=table["file"].to_numpy().astype(np.int32),
        row=table["at"].to_numpy().astype(np.int32),
        key=keys,
        coded={name: _coded(table[name]) for name in CODED},
        quality=table[_QUALITY].to_numpy().astype(np.float32),
        rank=rank,
        gain=gain,
        held_out=np.asarray(table["held"].to_numpy(), bool),
    )


def _short_schema() -> pa.Schema:
    shared = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            (_KEY, pa.string()),
            *((name, shared) for name in CODED),
            (_QUALITY, pa.float64()),
            ("file", pa.int32()),
            ("at", pa.int32()),
            ("held", pa.bool_()),
        ]
    )


def _short_columns(storage: Storage, path: str, number: int) -> pa.Table:
    """Read what is short of a file; whether a row is held out a version's shards tell by name."""
    with storage.open(path) as file:
        try:
            parquet = pq.ParquetFile(file, read_dictionary=list(CODED))
            has_quality = _QUALITY in parquet.schema_arrow.names
            table = parquet.read([_KEY, *CODED, *([_QUALITY] if has_quality else [])])
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"{path}: {error}") from error
    size = table.num_rows
    columns = {name: table[name] for name in table.column_names}
    if not has_quality:
        columns[_QUALITY] = pa.array(np.full(size, np.nan))
    columns["file"] = pa.array(np.full(size, number, np.int32))
    columns["at"] = pa.array(np.arange(size, dtype=np.int32))
    columns["held"] = pa.array(np.full(size, path.startswith(f"{TEST}-")))
    schema = _short_schema()
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def _key_numbers(keys: pa.ChunkedArray) -> NDArray[np.uint64]:
    if not len(keys):
        return np.zeros(0, np.uint64)
    heads = "".join(pc.utf8_slice_codeunits(keys, 0, 16).to_pylist())
    return np.frombuffer(bytes.fromhex(heads), ">u8").astype(np.uint64)


def _coded(column: pa.ChunkedArray) -> CodedColumn:
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    return CodedColumn(np.asarray(whole.indices, np.int32), whole.dictionary.to_pylist())


def _picks(
    storage: Storage, path: str, keys: NDArray[np.uint64]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    rank = np.full(len(keys), _NOT_PICKED, np.int32)
    gain = np.full(len(keys), np.nan, np.float32)
    if not path or not len(keys):
        return rank, gain
    picks: Any = storage.read_table(path)
    order = np.argsort(keys, kind="stable")
    wanted = _key_numbers(picks[_KEY])
    at = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    there = keys[at] == wanted
    rank[at[there]] = picks["rank"].to_numpy()[there]
    gain[at[there]] = picks["gain"].to_numpy()[there]
    return rank, gain
