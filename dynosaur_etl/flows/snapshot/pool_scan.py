"""Reading the pool that a selection has recorded; a piece at a time, as it can be large."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.snapshots.layout import SELECTED
from dynosaur_etl.store.parquet_form import ROW_GROUP_ROWS
from dynosaur_etl.store.storage import Storage

_QUALITY = SELECTED.field("quality")
_SHARED = (
    "instruction", "task_key", "dataset", "revision", "config", "split", "licence", "mode",
    "prompt_version", "growth_day", "pii",
)  # fmt: skip


@dataclass(frozen=True)
class RecordedPool:
    """The live instances that a selection saw.

    Attributes:
        files: of instances, in the order in which their rows are numbered.
        rows: columns `schemas.POOL`, by number.
    """

    files: Sequence[str]
    rows: pa.Table


@dataclass(frozen=True)
class PoolScan:
    """What a snapshot needs of the pool.

    Attributes:
        selected: the instances of the selection, in its order, with their quality.
        held_out: the held-out instances, in the pool's order, with their quality.
        tasks: keys of all tasks that have an instance.
        sources: instances by dataset and revision.
        growth: instances by growth day.
    """

    selected: pa.Table
    held_out: pa.Table
    tasks: frozenset[str]
    sources: Counter[tuple[str, str]]
    growth: Counter[str]


def scan_pool(storage: Storage, pool: RecordedPool, selection: pa.Table) -> PoolScan:
    """Read the pool once.

    Args:
        storage: that holds the files.
        pool: as it was recorded.
        selection: columns `schemas.SELECTION`.

    Raises:
        Corrupt: a file is not what it was, or a selected instance is not in the pool.
    """
    chosen: list[pa.Table] = []
    held: list[pa.Table] = []
    tasks: set[str] = set()
    sources: Counter[tuple[str, str]] = Counter()
    growth: Counter[str] = Counter()
    for rows, held_out in _pieces(storage, pool):
        at = pc.is_in(rows["instance_key"], value_set=selection["instance_key"])
        chosen.append(rows.filter(pc.and_not(at, held_out)).cast(SELECTED))
        held.append(rows.filter(held_out).cast(SELECTED))
        tasks.update(pc.unique(rows["task_key"]).to_pylist())
        sources.update(by_source(rows))
        growth.update(_counted(rows["growth_day"]))
    selected = _in_order(_joined(chosen), selection)
    return PoolScan(selected, _joined(held), frozenset(tasks), sources, growth)


def trainable(storage: Storage, pool: RecordedPool) -> Iterator[pa.Table]:
    """Read the instances that may be trained on, in the pool's order, with their quality."""
    for rows, held_out in _pieces(storage, pool):
        yield rows.filter(pc.invert(held_out)).cast(SELECTED)


def by_source(rows: pa.Table) -> dict[tuple[str, str], int]:
    """Count rows by their dataset and revision."""
    counted = rows.group_by(["dataset", "revision"]).aggregate([([], "count_all")])
    return {(row["dataset"], row["revision"]): row["count_all"] for row in counted.to_pylist()}


def _pieces(storage: Storage, pool: RecordedPool) -> Iterator[tuple[pa.Table, pa.Array]]:
    """Give the live rows, a row group's worth at a time, and which of them are held out.

    Texts that many rows share are dictionaries there.
    """
    numbers: NDArray[np.int64] = pool.rows["number"].to_numpy()
    quality, held_out = pool.rows["quality"], pool.rows["held_out"].combine_chunks()
    first = 0
    for path in pool.files:
        with storage.batches(path, rows=ROW_GROUP_ROWS, shared=_SHARED) as (_, batches):
            for batch in batches:
                start, end = np.searchsorted(numbers, [first, first + len(batch)])
                if end > start:
                    live = _live(pa.Table.from_batches([batch]), numbers[start:end] - first)
                    scored = live.append_column(_QUALITY, quality.slice(start, end - start))
                    yield scored, held_out.slice(start, end - start)
                first += len(batch)
    if len(numbers) and numbers[-1] >= first:
        raise Corrupt(f"pool: found {first} rows in its files; expected {numbers[-1] + 1} or more")


def _live(rows: pa.Table, at: NDArray[np.int64]) -> pa.Table:
    return rows if len(at) == len(rows) else rows.take(pa.array(at))


def _counted(values: pa.ChunkedArray) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(values).to_pylist()}


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables) if tables else SELECTED.empty_table()


def _in_order(rows: pa.Table, selection: pa.Table) -> pa.Table:
    at = pc.index_in(selection["instance_key"], value_set=rows["instance_key"])
    if at.null_count:
        raise Corrupt(f"pool: {at.null_count} selected instances are not in its files")
    return rows.take(at)
