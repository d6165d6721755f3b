"""How a training set differs from the one before: what came, what went and why."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.layout import SELECTION, TASKS, train_names
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.sources import read_sources

KEYS_LISTED = 1000

_COLUMNS = ["instance_key", "task_key", "dataset", "licence", "quality"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Side:
    """One of the two training sets, as far as a diff looks at it."""

    rows: Mapping[str, Row]
    tasks: frozenset[str]
    sources: Mapping[str, Mapping[str, str]]
    counts: Mapping[str, int]
    figures: Mapping[str, float]


@dataclass(frozen=True)
class _Reasons:
    """The words for a row that the other side lacks: with its source, its task, or alone."""

    source: str
    task: str
    row: str

    def of(self, row: Row, other: _Side) -> str:
        if row["dataset"] not in other.sources:
            return self.source
        return self.row if row["task_key"] in other.tasks else self.task


_EMPTY = _Side({}, frozenset(), {}, {}, {})
_ADDED = _Reasons("new_source", "new_task", "newly_selected")
_DROPPED = _Reasons("source_gone", "task_gone", "not_selected")


def diff(old_folder: Path | None, new: SnapshotContent) -> dict[str, Any]:
    """Compare a snapshot on disk with the content of the next one; with nothing, all is added.

    Reasons of what was added: `new_source`, `new_task` (of a source that was there),
    `newly_selected` (its task was there). Of what was dropped: `source_gone`, `task_gone`,
    `not_selected` (its task is still there). Keys are listed up to `KEYS_LISTED` of a part; their
    digest is always given.

    Raises:
        Corrupt: the old snapshot cannot be read.
    """
    old = _EMPTY if old_folder is None else _read_side(old_folder)
    return _compare(
        old, _side(new.selected.select(_COLUMNS), new.selection, new.tasks, new.sources, new.counts)
    )


def diff_folders(old_folder: Path, new_folder: Path) -> dict[str, Any]:
    """Compare any two snapshots on disk, as `diff` does.

    Raises:
        Corrupt: one of them cannot be read.
    """
    return _compare(_read_side(old_folder), _read_side(new_folder))


def _compare(old: _Side, now: _Side) -> dict[str, Any]:
    added = [row for key, row in now.rows.items() if key not in old.rows]
    dropped = [row for key, row in old.rows.items() if key not in now.rows]
    kept = [row for key, row in now.rows.items() if key in old.rows]
    return {
        "added": _part(added, [_ADDED.of(row, old) for row in added]),
        "dropped": _part(dropped, [_DROPPED.of(row, now) for row in dropped]),
        "kept": _part(kept, ["still_selected"] * len(kept)),
        "sources": _moved_sources(old.sources, now.sources),
        "tasks": {
            "added": len(now.tasks - old.tasks),
            "dropped": len(old.tasks - now.tasks),
            "kept": len(now.tasks & old.tasks),
        },
        "counts": _moved(old.counts, now.counts),
        "figures": _moved(old.figures, now.figures),
    }


def _read_side(folder: Path) -> _Side:
    manifest = read_manifest(folder)
    try:
        shards = [
            pq.read_table(folder / name, columns=_COLUMNS, partitioning=None)
            for name in train_names(manifest.rows)
        ]
        selection = pq.read_table(folder / SELECTION)
        tasks = pq.read_table(folder / TASKS, columns=["task_key"])
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"{folder}: {error}") from error
    sources = read_sources(folder)
    return _side(pa.concat_tables(shards), selection, tasks, sources, manifest.counts)


def _side(
    selected: pa.Table,
    selection: pa.Table,
    tasks: pa.Table,
    sources: pa.Table,
    counts: Mapping[str, int],
) -> _Side:
    return _Side(
        rows={row["instance_key"]: row for row in selected.to_pylist()},
        tasks=frozenset(tasks["task_key"].to_pylist()),
        sources=_by_dataset(sources),
        counts=counts,
        figures={
            "rows": selected.num_rows,
            "coverage": selection["coverage"][-1].as_py(),
            "quality_mean": math.fsum(selected["quality"].to_pylist()) / selected.num_rows,
        },
    )


def _by_dataset(sources: pa.Table) -> dict[str, Mapping[str, str]]:
    """Join the revisions and licences of each dataset, as one may stand there at several."""
    joined: dict[str, dict[str, str]] = {}
    for name in ("revision", "licence"):
        pairs = zip(sources["dataset"].to_pylist(), sources[name].to_pylist(), strict=True)
        for dataset, value in sorted(set(pairs)):
            entry = joined.setdefault(dataset, {})
            entry[name] = f"{entry[name]}, {value}" if name in entry else value
    return dict(joined)


def _part(rows: Sequence[Row], reasons: Sequence[str]) -> dict[str, Any]:
    keys = sorted(row["instance_key"] for row in rows)
    part = {
        "number": len(rows),
        "by_source": _tally(row["dataset"] for row in rows),
        "by_licence": _tally(row["licence"] for row in rows),
        "by_reason": _tally(reasons),
        "keys_sha256": digest(keys),
    }
    return part | ({"keys": keys} if len(keys) <= KEYS_LISTED else {})


def _tally(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _moved_sources(
    old: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    return {
        "added": sorted(now.keys() - old.keys()),
        "dropped": sorted(old.keys() - now.keys()),
        "changed": {
            dataset: _moved(old[dataset], now[dataset])
            for dataset in sorted(old.keys() & now.keys())
            if old[dataset] != now[dataset]
        },
    }


def _moved(old: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"from": old.get(name), "to": now.get(name)} for name in sorted(old.keys() | now)}
