"""Rows that moved from one version to another, by what they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynosaur_etl.snapshots.diff import SnapshotDiff

MOVES_SHOWN = 100


@dataclass(frozen=True)
class MovedLine:
    """How many rows of a name were added, and how many were dropped."""

    name: str
    added: int
    dropped: int


@dataclass(frozen=True)
class MovedLines:
    """The names of which the most rows moved, and how many more there are."""

    lines: Sequence[MovedLine]
    more: int


def moves(diff: SnapshotDiff) -> dict[str, MovedLines]:
    """Return the rows that moved by reason, source, licence and task type, the most moved first."""
    added, dropped = diff.added, diff.dropped
    return {
        "reason": _moved(added.by_reason, dropped.by_reason),
        "source": _moved(added.by_source, dropped.by_source),
        "licence": _moved(added.by_licence, dropped.by_licence),
        "task type": _moved(added.by_task_type, dropped.by_task_type),
    }


def _moved(added: Mapping[str, int], dropped: Mapping[str, int]) -> MovedLines:
    lines = [
        MovedLine(name, added.get(name, 0), dropped.get(name, 0))
        for name in added.keys() | dropped.keys()
    ]
    lines.sort(key=lambda line: (-line.added - line.dropped, line.name))
    return MovedLines(lines[:MOVES_SHOWN], max(0, len(lines) - MOVES_SHOWN))
