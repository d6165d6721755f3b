"""How a training set differs from the one before: what came, what went and why."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field, TypeAdapter, ValidationError

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.jsonable import IfKnown
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.layout import (
    DIFF,
    REJECTS,
    SELECTION,
    SOURCES,
    TASKS,
    TRAIN,
    shard_names,
)
from dynosaur_etl.snapshots.manifest import read_manifest, require_whole
from dynosaur_etl.snapshots.sources import read_sources

KEYS_LISTED = 1000

_COLUMNS = ["instance_key", "task_key", "dataset", "licence", "quality"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Moved:
    """A figure or a text on both sides; None where a side has none."""

    from_: Annotated[Any, Field(alias="from")]
    to: Any


@dataclass(frozen=True)
class RowsMoved:
    """Rows that were added, that were dropped or that are on both sides.

    Attributes:
        keys_sha256: digest of the sorted keys of the instances.
        keys: themselves, of up to `KEYS_LISTED`; None where there are more.
    """

    number: int
    by_source: Mapping[str, int]
    by_licence: Mapping[str, int]
    by_task_type: Mapping[str, int]
    by_reason: Mapping[str, int]
    keys_sha256: str
    keys: IfKnown[Sequence[str]] = None


@dataclass(frozen=True)
class SourcesMoved:
    """Datasets that one side alone has, that were withdrawn, and that are at another revision.

    Attributes:
        withdrawn: by dataset, why.
        changed: by dataset, its revision and licence where they are others.
    """

    added: Sequence[str]
    dropped: Sequence[str]
    withdrawn: Mapping[str, str]
    changed: Mapping[str, Mapping[str, Moved]]


@dataclass(frozen=True)
class TasksMoved:
    """How many tasks one side alone has, and how many both have."""

    added: int
    dropped: int
    kept: int


@dataclass(frozen=True)
class SnapshotDiff:
    """How one snapshot differs from another; the content of `diff.json`."""

    added: RowsMoved
    dropped: RowsMoved
    kept: RowsMoved
    sources: SourcesMoved
    tasks: TasksMoved
    counts: Mapping[str, Moved]
    figures: Mapping[str, Moved]


_STORED: TypeAdapter[SnapshotDiff] = TypeAdapter(SnapshotDiff)


@dataclass(frozen=True)
class _Side:
    """One of the two training sets, as far as a diff looks at it."""

    rows: Mapping[str, Row]
    tasks: Mapping[str, str]
    sources: Mapping[str, Mapping[str, str]]
    withdrawn: Mapping[str, tuple[str, str]]
    counts: Mapping[str, int]
    figures: Mapping[str, float]


@dataclass(frozen=True)
class _Reasons:
    """The words for a row that the other side lacks: with its source, its task, or alone."""

    source: str
    task: str
    row: str

    def of(self, row: Row, other: _Side) -> str:
        if row["dataset"] in other.withdrawn:
            return other.withdrawn[row["dataset"]][0] if self is _DROPPED else "readmitted"
        if row["dataset"] not in other.sources:
            return self.source
        return self.row if row["task_key"] in other.tasks else self.task


_EMPTY = _Side({}, {}, {}, {}, {}, {})
_ADDED = _Reasons("new_source", "new_task", "newly_selected")
_DROPPED = _Reasons("source_gone", "task_gone", "not_selected")


def diff(old_folder: Path | None, new: SnapshotContent) -> SnapshotDiff:
    """Compare a snapshot on disk with the content of the next one; with nothing, all is added.

    Reasons of what was added: `new_source`, `readmitted` (the old side had left it out),
    `new_task` (of a source that was there), `newly_selected` (its task was there). Of what was
    dropped: `withdrawn` and `newest_rejected` (their words are under `sources`), `source_gone`,
    `task_gone`, `not_selected` (its task is still there). The type of a task is `classification`
    where its outputs are a closed list, else `generation`. Keys are listed up to `KEYS_LISTED` of
    a part; their digest is always given.

    Raises:
        Corrupt: the old snapshot cannot be read.
    """
    old = _EMPTY if old_folder is None else _read_side(old_folder)
    selected = new.selected.select(_COLUMNS)
    return _compare(
        old, _side(selected, new.selection, new.tasks, new.sources, new.rejects, new.counts)
    )


def diff_folders(old_folder: Path, new_folder: Path) -> SnapshotDiff:
    """Compare any two snapshots on disk, as `diff` does.

    Raises:
        Corrupt: one of them cannot be read.
    """
    return _compare(_read_side(old_folder), _read_side(new_folder))


def read_diff(folder: Path) -> SnapshotDiff:
    """Read what a snapshot has written down of its difference to the one before it.

    Raises:
        Corrupt: the file is missing or has another form.
    """
    try:
        return _STORED.validate_json((folder / DIFF).read_bytes())
    except (OSError, ValidationError) as error:
        raise Corrupt(f"{folder / DIFF}: {error}") from error


def _compare(old: _Side, now: _Side) -> SnapshotDiff:
    added = [row for key, row in now.rows.items() if key not in old.rows]
    dropped = [row for key, row in old.rows.items() if key not in now.rows]
    kept = [row for key, row in now.rows.items() if key in old.rows]
    return SnapshotDiff(
        added=_part(added, [_ADDED.of(row, old) for row in added], now),
        dropped=_part(dropped, [_DROPPED.of(row, now) for row in dropped], old),
        kept=_part(kept, ["still_selected"] * len(kept), now),
        sources=_moved_sources(old, now),
        tasks=TasksMoved(
            added=len(now.tasks.keys() - old.tasks.keys()),
            dropped=len(old.tasks.keys() - now.tasks.keys()),
            kept=len(now.tasks.keys() & old.tasks.keys()),
        ),
        counts=_moved(old.counts, now.counts),
        figures=_moved(old.figures, now.figures),
    )


def _read_side(folder: Path) -> _Side:
    manifest = read_manifest(folder)
    names = shard_names(TRAIN, manifest.rows)
    require_whole(folder, manifest, (*names, SELECTION, TASKS, REJECTS, SOURCES))
    try:
        shards = [
            pq.read_table(folder / name, columns=_COLUMNS, partitioning=None) for name in names
        ]
        selection = pq.read_table(folder / SELECTION)
        tasks = pq.read_table(folder / TASKS, columns=["task_key", "label_space"])
        rejects = pq.read_table(folder / REJECTS)
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"{folder}: {error}") from error
    sources = read_sources(folder)
    return _side(pa.concat_tables(shards), selection, tasks, sources, rejects, manifest.counts)


def _side(
    selected: pa.Table,
    selection: pa.Table,
    tasks: pa.Table,
    sources: pa.Table,
    rejects: pa.Table,
    counts: Mapping[str, int],
) -> _Side:
    return _Side(
        rows={row["instance_key"]: row for row in selected.to_pylist()},
        tasks=_task_types(tasks),
        sources=_by_dataset(sources),
        withdrawn=_withdrawn(rejects),
        counts=counts,
        figures={
            "rows": selected.num_rows,
            "coverage": selection["coverage"][-1].as_py(),
            "quality_mean": math.fsum(selected["quality"].to_pylist()) / selected.num_rows,
        },
    )


def _task_types(tasks: pa.Table) -> dict[str, str]:
    closed = pc.greater(pc.list_value_length(tasks["label_space"]), 0).to_pylist()
    return {
        key: "classification" if labelled else "generation"
        for key, labelled in zip(tasks["task_key"].to_pylist(), closed, strict=True)
    }


def _withdrawn(rejects: pa.Table) -> dict[str, tuple[str, str]]:
    """Give the sources that may not be used any more, with reason and words."""
    chosen = (pc.field("stage") == str(Stage.SELECT)) & pc.field("reason").isin(
        [str(Reason.WITHDRAWN), str(Reason.NEWEST_REJECTED)]
    )
    rows = rejects.filter(chosen).to_pylist()
    return {row["subject"]: (row["reason"], row["detail"]) for row in rows}


def _by_dataset(sources: pa.Table) -> dict[str, Mapping[str, str]]:
    """Join the revisions and licences of each dataset, as one may stand there at several."""
    joined: dict[str, dict[str, str]] = {}
    for name in ("revision", "licence"):
        pairs = zip(sources["dataset"].to_pylist(), sources[name].to_pylist(), strict=True)
        for dataset, value in sorted(set(pairs)):
            entry = joined.setdefault(dataset, {})
            entry[name] = f"{entry[name]}, {value}" if name in entry else value
    return dict(joined)


def _part(rows: Sequence[Row], reasons: Sequence[str], side: _Side) -> RowsMoved:
    keys = sorted(row["instance_key"] for row in rows)
    return RowsMoved(
        number=len(rows),
        by_source=_tally(row["dataset"] for row in rows),
        by_licence=_tally(row["licence"] for row in rows),
        by_task_type=_tally(side.tasks[row["task_key"]] for row in rows),
        by_reason=_tally(reasons),
        keys_sha256=digest(keys),
        keys=keys if len(keys) <= KEYS_LISTED else None,
    )


def _tally(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _moved_sources(old: _Side, now: _Side) -> SourcesMoved:
    before, after = old.sources, now.sources
    return SourcesMoved(
        added=sorted(after.keys() - before.keys()),
        dropped=sorted(before.keys() - after.keys()),
        withdrawn={
            name: now.withdrawn[name][1] for name in sorted(before) if name in now.withdrawn
        },
        changed={
            dataset: _moved(before[dataset], after[dataset])
            for dataset in sorted(before.keys() & after.keys())
            if before[dataset] != after[dataset]
        },
    )


def _moved(old: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Moved]:
    return {name: Moved(old.get(name), now.get(name)) for name in sorted(old.keys() | now)}
