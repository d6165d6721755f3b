"""Two versions row by row: the picks that came, that went, and that moved in rank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.paging import ListSearch, PlaceText, cursor, read_cursor
from dynosaur_etl.flows.views.row_columns import Places, RowColumns, key_number, row_columns
from dynosaur_etl.flows.views.row_search import MOST, SIZE, RowLine, read_rows
from dynosaur_etl.flows.views.row_set import RowSet, row_set

Kind = Literal["added", "removed", "moved"]
_PLACES: TypeAdapter[tuple[str]] = TypeAdapter(tuple[PlaceText])


class CompareSearch(ListSearch):
    """Which part of the rows that differ is asked for."""

    size: int = Field(SIZE, ge=1, le=MOST)
    kind: Kind = "added"


@dataclass(frozen=True)
class ComparedRow:
    """A row with its rank in both versions, from 1; None where it was not picked."""

    line: RowLine
    before: int | None
    after: int | None


@dataclass(frozen=True)
class ComparedRows:
    """A part of the rows that differ.

    Attributes:
        numbers: of rows that were added, removed and moved in rank.
        kept: rows that both versions picked, moved or not.
        following: cursor of the next part, empty at the end.
    """

    rows: Sequence[ComparedRow]
    numbers: dict[Kind, int]
    kept: int
    following: str


@dataclass(frozen=True)
class _Picks:
    """The picks of a version in the order of their ranks: places among its rows, and keys."""

    places: Places
    keys: NDArray[np.uint64]


def compare_rows(services: Services, old: int, new: int, search: CompareSearch) -> ComparedRows:
    """Return a part of the rows in which two versions differ.

    Rows that came or went stand in the order of their ranks, those that moved by how far.

    Raises:
        InvalidInput: there is no such version, or the place is none of the list.
        Corrupt: a file is missing or cannot be read.
    """
    return compare_sets(row_set(services, old), row_set(services, new), search)


def compare_sets(old: RowSet, new: RowSet, search: CompareSearch) -> ComparedRows:
    """Return the same of two sets of rows, wherever they lie."""
    sets = old, new
    columns = row_columns(sets[0]), row_columns(sets[1])
    before, after = map(_picks, columns)
    _, of_before, of_after = np.intersect1d(before.keys, after.keys, return_indices=True)
    found = {
        "added": np.setdiff1d(np.arange(len(after.keys)), of_after),
        "removed": np.setdiff1d(np.arange(len(before.keys)), of_before),
        "moved": _moved(of_before, of_after),
    }
    side = 0 if search.kind == "removed" else 1
    picks, ranks = (before, after)[side], found[search.kind]
    begin = _begin(picks.keys[ranks], search.after)
    shown = ranks[begin : begin + search.size]
    lines = read_rows(sets[side], columns[side], picks.places[shown])
    rank_before = dict(zip(of_after.tolist(), of_before.tolist(), strict=True))
    rows = [
        _row(line, search.kind, rank, rank_before)
        for line, rank in zip(lines, shown.tolist(), strict=True)
    ]
    follows = begin + search.size < len(ranks)
    return ComparedRows(
        rows=rows,
        numbers={"added": len(found["added"]), "removed": len(found["removed"]),
                 "moved": len(found["moved"])},
        kept=len(of_after),
        following=cursor((lines[-1].instance_key,)) if follows else "",
    )  # fmt: skip


def _picks(columns: RowColumns) -> _Picks:
    places = np.nonzero(columns.picked)[0]
    places = places[np.argsort(columns.rank[places], kind="stable")]
    return _Picks(places, columns.key[places])


def _moved(before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the new ranks of rows whose rank is another one now, those that moved most first."""
    by = np.abs(after - before)
    order = np.lexsort((after, -by))
    moved: NDArray[np.int64] = after[order[by[order] > 0]]
    return moved


def _row(line: RowLine, kind: Kind, rank: int, rank_before: dict[int, int]) -> ComparedRow:
    if kind == "removed":
        return ComparedRow(line, rank + 1, None)
    earlier = rank_before.get(rank)
    return ComparedRow(line, None if earlier is None else earlier + 1, rank + 1)


def _begin(keys: NDArray[np.uint64], after: str) -> int:
    named = read_cursor(after, _PLACES)
    if named is None:
        return 0
    try:
        [at] = np.nonzero(keys == key_number(named[0]))[0][:1]
    except ValueError as error:
        allowed = "the address of a page's link"
        raise InvalidInput(not_allowed("after", after[:80], allowed)) from error
    return int(at) + 1
