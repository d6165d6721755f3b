"""Statistics of columns, side by side: of a pool and its picks, or of two versions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.row_columns import row_columns
from dynosaur_etl.flows.views.row_search import read_rows
from dynosaur_etl.flows.views.row_set import EVERYTHING, RowSet, row_set
from dynosaur_etl.flows.views.version_figures import required_version, version_folder
from dynosaur_etl.snapshots.sources import read_sources

SAMPLED = 2_000
_SHOWN = 15
_SHORT = 40
_LENGTHS = (0, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
_TENTHS = 10
_LANGUAGES = "Languages of the source's card"
_SHARED = {
    "licence": "Licence", "mode": "How the task came about", "split": "Split of the source",
    "pii": "Personal data", "growth_day": "Growth day", "dataset": "Source",
}  # fmt: skip


@dataclass(frozen=True)
class StatisticLine:
    """A value of a column with its share of each part, 0 to 1."""

    value: str
    left: float
    right: float


@dataclass(frozen=True)
class ColumnStatistics:
    """A column: what its values are, and those that most rows have.

    Attributes:
        unit: of the values; empty where they are names.
        sampled: whether it is counted in an even sample of up to 2,000 rows of each part.
        more: how many values are not shown.
    """

    name: str
    unit: str
    lines: Sequence[StatisticLine]
    sampled: bool
    more: int = 0


@dataclass(frozen=True)
class RowStatistics:
    """Two parts of rows, by name and number, and their columns.

    Attributes:
        version: whose rows they are; 0 for everything in the store.
    """

    version: int | None
    left: str
    right: str
    left_rows: int
    right_rows: int
    columns: Sequence[ColumnStatistics]


@dataclass(frozen=True)
class _Part:
    name: str
    rows: RowSet
    picked: bool
    folder: Path | None

    @property
    def size(self) -> int:
        """How many rows it has."""
        columns = row_columns(self.rows)
        return int(columns.picked.sum()) if self.picked else len(columns)


def row_statistics(
    services: Services, version: int | None, against: int | None = None
) -> RowStatistics:
    """Return the statistics of a version's pool beside its picks, or of two versions' picks.

    Args:
        services: the process's services.
        version: the one that is looked at; the head where none is named.
        against: another version, whose picks take the place of the pool.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: a file is missing or cannot be read.
    """
    rows = row_set(services, version)
    folder = _folder_of(services, rows)
    left = _Part(rows.name, rows, picked=False, folder=folder)
    right = left if rows.version == EVERYTHING else _picks(rows, folder)
    if against:
        other = row_set(services, against)
        left = _picks(other, _folder_of(services, other))
    return _side_by_side(left, right)


def folder_statistics(rows: RowSet, folder: Path) -> RowStatistics:
    """Return the statistics of all rows of a version's folder beside its picks."""
    whole = _Part("all rows of the folder", rows, picked=False, folder=folder)
    return _side_by_side(whole, _Part("picks", rows, picked=True, folder=folder))


def _folder_of(services: Services, rows: RowSet) -> Path | None:
    if not rows.version:
        return None
    return version_folder(services, required_version(services, rows.version))


def _picks(rows: RowSet, folder: Path | None) -> _Part:
    return _Part(rows.name.replace("pool", "picks"), rows, picked=True, folder=folder)


def _languages(part: _Part) -> dict[str, Counter[str]]:
    """Count rows by the languages that the cards of their sources name."""
    found = Counter[str]()
    if part.folder is not None:
        count = "selected_instances" if part.picked else "pool_instances"
        for row in read_sources(part.folder).to_pylist():
            found[row["languages"] or "not named"] += row[count]
    return {_LANGUAGES: found}


@lru_cache(16)
def _side_by_side(left: _Part, right: _Part) -> RowStatistics:
    """Count the columns of both parts; kept, as neither ever changes."""
    languages = [_languages(part) for part in (left, right)]
    exact = [_exact(part.rows, part.picked) for part in (left, right)]
    sampled = [_sampled(part.rows, part.picked) for part in (left, right)]
    columns = [
        *(_column(name, "", exact, sampled=False) for name in _SHARED.values()),
        _column(_LANGUAGES, "", languages, sampled=False),
        _column("Quality", "0 to 1", exact, sampled=False, ordered=True),
        *(
            _column(f"Length of the {name}", "characters", sampled, sampled=True, ordered=True)
            for name in ("instruction", "input", "output")
        ),
        _column("Short outputs, as labels are", "", sampled, sampled=True),
    ]
    return RowStatistics(right.rows.version, left.name, right.name, left.size, right.size, columns)


def _column(
    name: str,
    unit: str,
    parts: Sequence[Mapping[str, Counter[str]]],
    *,
    sampled: bool,
    ordered: bool = False,
) -> ColumnStatistics:
    left, right = (part[name] for part in parts)
    values = list(left | right) if ordered else [value for value, _ in (left + right).most_common()]
    shown = sorted(values, key=_begins) if ordered else values[:_SHOWN]
    totals = left.total() or 1, right.total() or 1
    lines = [
        StatisticLine(value, left[value] / totals[0], right[value] / totals[1]) for value in shown
    ]
    return ColumnStatistics(name, unit, lines, sampled, len(values) - len(shown))


def _begins(value: str) -> float:
    """Return where a range begins, so that ranges stand in their order."""
    try:
        return float(value.split(" ", maxsplit=1)[0].replace(",", ""))
    except ValueError:
        return float("inf")


@lru_cache(8)
def _exact(rows: RowSet, picked: bool) -> Mapping[str, Counter[str]]:
    columns = row_columns(rows)
    mask = columns.picked if picked else np.ones(len(columns), bool)
    found: dict[str, Counter[str]] = {}
    for name, words in _SHARED.items():
        coded = columns.coded[name]
        counts = np.bincount(coded.codes[mask], minlength=len(coded.names)).tolist()
        found[words] = Counter(
            {name or "none": n for name, n in zip(coded.names, counts, strict=True) if n}
        )
    found["Quality"] = _tenths(columns.quality[mask])
    return found


def _tenths(quality: Any) -> Counter[str]:
    known = quality[~np.isnan(quality)]
    tenths = np.minimum((known * _TENTHS).astype(int), _TENTHS - 1)
    counts = Counter({f"{n / 10:.1f} to {(n + 1) / 10:.1f}": int((tenths == n).sum())
                      for n in range(_TENTHS)})  # fmt: skip
    return counts + Counter({"no score": len(quality) - len(known)})


@lru_cache(8)
def _sampled(rows: RowSet, picked: bool) -> Mapping[str, Counter[str]]:
    columns = row_columns(rows)
    places = np.nonzero(columns.picked)[0] if picked else np.arange(len(columns))
    chosen = np.unique(np.linspace(0, len(places) - 1, min(SAMPLED, len(places))).round())
    lines = read_rows(rows, columns, places[chosen.astype(int)]) if len(places) else []
    found: dict[str, Counter[str]] = {
        f"Length of the {name}": Counter(length_range(len(getattr(line, name))) for line in lines)
        for name in ("instruction", "input", "output")
    }
    short = (line.output for line in lines if len(line.output) <= _SHORT)
    found["Short outputs, as labels are"] = Counter(short)
    return found


def length_range(length: int) -> str:
    """Return the range of lengths that a text belongs to."""
    begin = max(limit for limit in _LENGTHS if limit <= length)
    later = [limit for limit in _LENGTHS if limit > begin]
    return f"{begin:,} to {later[0] - 1:,}" if later else f"{begin:,} or more"
