"""Instances found by filters, words and order, a part at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.domain.models import Mode
from dynosaur_etl.flows.views.paging import (
    Day,
    ListSearch,
    PlaceText,
    Text,
    cursor,
    read_cursor,
)
from dynosaur_etl.flows.views.row_columns import (
    Mask,
    Places,
    RowColumns,
    key_number,
    row_columns,
)
from dynosaur_etl.flows.views.row_set import RowSet
from dynosaur_etl.flows.views.row_words import WordIndex
from dynosaur_etl.forms.form import Form

SIZE, MOST = 20, 50
COLUMNS = (
    "instance_key", "instruction", "input", "output", "task_key", "dataset", "revision", "config",
    "split", "row", "licence", "mode", "growth_day", "pii",
)  # fmt: skip
_PLACES: TypeAdapter[tuple[str]] = TypeAdapter(tuple[PlaceText])
_SORTS_KEPT = 8
Share = Annotated[float, Field(ge=0, le=1)]


class RowSearch(ListSearch):
    """By what instances are found; what is empty does not matter.

    Attributes:
        words: of instruction, input and output, all of which must be there.
        source: a dataset, an owner with `/` at the end, or the beginning of a name with `*`.
        picked: `yes`, held out as `test`, or `no` for what only the pool has.
        least: of the quality, in [0, 1]; `most` is its upper end.
        pii: `yes` for rows in which personal data was found.
    """

    size: int = Field(SIZE, ge=1, le=MOST)
    version: int | None = Field(None, ge=0, le=1_000_000)
    words: Text = ""
    source: Text = ""
    licence: Text = ""
    task: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:-]{0,200}$")] = ""
    form: Form | Literal[""] = ""
    mode: Mode | Literal[""] = ""
    day: Day = ""
    split: Text = ""
    picked: Literal["", "yes", "test", "no"] = ""
    least: Share | Literal[""] = ""
    most: Share | Literal[""] = ""
    pii: Literal["", "yes", "no"] = ""
    sort: Literal["", "rank", "newest", "oldest", "best", "worst"] = ""


@dataclass(frozen=True)
class RowLine:
    """An instance with what a selection made of it; `rank` counts from 1."""

    instance_key: str
    instruction: str
    input: str
    output: str
    task_key: str
    dataset: str
    revision: str
    config: str
    split: str
    row: int
    licence: str
    mode: str
    growth_day: str
    pii: str
    quality: float | None
    rank: int | None
    gain: float | None
    held_out: bool

    @property
    def standing(self) -> str:
        """What became of it, in words."""
        if self.rank is not None:
            return f"picked as number {self.rank:,}"
        return "held out for tests" if self.held_out else "in the pool only"


@dataclass(frozen=True)
class RowPart:
    """Rows of a list.

    Attributes:
        following: cursor of the next part, empty at the end.
        total: how many rows are found in all.
        of: how many rows the set has.
        more: whether the words stand in more rows than are looked through.
        missing: files whose words are not indexed yet.
    """

    rows: Sequence[RowLine]
    following: str
    total: int
    of: int
    more: bool = False
    missing: int = 0


def find_rows(
    rows: RowSet, search: RowSearch, words: WordIndex, tasks: Collection[str] | None = None
) -> RowPart:
    """Return a part of the rows that the filters let through, in the order that is asked for.

    Args:
        rows: the set.
        search: filters, order and place.
        words: the index; where files of the set are missing there, indexing begins.
        tasks: keys of the tasks of the form that is asked for; None where none is.

    Raises:
        InvalidInput: the place is none of this list.
        Corrupt: a file is missing or cannot be read.
        IndexUnavailable: the index of words cannot be read.
    """
    columns = row_columns(rows)
    chosen = _filtered(columns, search, tasks)
    more, missing = False, 0
    if search.words:
        found = words.find(rows, search.words)
        if found.missing:
            words.build_beside(rows)
            found = words.find(rows, search.words)
        more, missing = found.more, found.missing
        chosen &= _at(columns, found.file, found.row)
    order = _order(rows, search.sort or ("rank" if search.picked == "yes" else "newest"))
    places = order[chosen[order]]
    begin = _begin(columns, places, order, search.after)
    shown = places[begin : begin + search.size]
    lines = read_rows(rows, columns, shown)
    follows = begin + search.size < len(places)
    following = cursor((lines[-1].instance_key,)) if follows else ""
    return RowPart(lines, following, len(places), len(columns), more, missing)


def read_rows(rows: RowSet, columns: RowColumns, places: Places) -> list[RowLine]:
    """Read rows whole, in the order of their places; each file is opened once.

    Raises:
        Corrupt: a file is missing or cannot be read.
    """
    found: dict[int, Mapping[str, Any]] = {}
    for file in np.unique(columns.file[places]):
        ours = places[columns.file[places] == file]
        table = _taken(rows, rows.paths[file], columns.row[ours])
        found |= dict(zip(ours.tolist(), table.to_pylist(), strict=True))
    return [_line(columns, place, found[place]) for place in places.tolist()]


def find_row(rows: RowSet, key: str) -> RowLine | None:
    """Return one row by its key; None where the set has no such one."""
    columns = row_columns(rows)
    for place in np.nonzero(columns.key == key_number(key))[0]:
        [line] = read_rows(rows, columns, np.array([place]))
        if line.instance_key == key:
            return line
    return None


def _filtered(columns: RowColumns, search: RowSearch, tasks: Collection[str] | None) -> Mask:
    chosen: Mask = np.ones(len(columns), bool)
    equal = {
        "licence": search.licence.lower(), "task_key": search.task, "mode": search.mode,
        "growth_day": search.day, "split": search.split,
    }  # fmt: skip
    for name, value in equal.items():
        if value:
            chosen &= columns.coded[name].equal(value)
    if search.source:
        chosen &= _of_source(columns, search.source)
    if tasks is not None:
        known = columns.coded["task_key"]
        chosen &= known.among([n for n, key in enumerate(known.names) if key in tasks])
    if search.pii:
        without = columns.coded["pii"].equal("")
        chosen &= without if search.pii == "no" else ~without
    return chosen & _of_selection(columns, search)


def _of_source(columns: RowColumns, source: str) -> Mask:
    known = columns.coded["dataset"]
    if not source.endswith(("/", "*")):
        return known.equal(source)
    start = source.removesuffix("*")
    return known.among([n for n, name in enumerate(known.names) if name.startswith(start)])


def _of_selection(columns: RowColumns, search: RowSearch) -> Mask:
    chosen: Mask = np.ones(len(columns), bool)
    if search.picked == "yes":
        chosen &= columns.picked
    if search.picked == "test":
        chosen &= columns.held_out
    if search.picked == "no":
        chosen &= ~columns.picked & ~columns.held_out
    if search.least != "":
        chosen &= columns.quality >= np.float32(search.least)
    if search.most != "":
        chosen &= columns.quality <= np.float32(search.most)
    return chosen


def _at(columns: RowColumns, file: NDArray[np.int64], row: NDArray[np.int64]) -> Mask:
    """Tell which rows stand at those places of files."""
    chosen: Mask = np.zeros(len(columns), bool)
    if len(file) and len(columns):
        own = _numbers(columns.file, columns.row)
        wanted = _numbers(file, row)
        at = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
        chosen[at[own[at] == wanted]] = True
    return chosen


def _numbers(file: NDArray[Any], row: NDArray[Any]) -> NDArray[np.int64]:
    return file.astype(np.int64) << 32 | row.astype(np.int64)


def _order(rows: RowSet, sort: str) -> Places:
    return _kept_order(rows.storage, rows.paths, rows.pool, rows.selection, sort)


@lru_cache(_SORTS_KEPT)
def _kept_order(
    storage: Any, paths: tuple[str, ...], pool: str, selection: str, sort: str
) -> Places:
    columns = row_columns(RowSet("", None, storage, paths, pool, selection))
    if sort == "rank":
        return np.argsort(np.where(columns.picked, columns.rank, len(columns)), kind="stable")
    if sort == "best":
        return np.argsort(-columns.quality, kind="stable")
    if sort == "worst":
        return np.argsort(columns.quality, kind="stable")
    forward = np.arange(len(columns))
    return forward if sort == "oldest" else forward[::-1]


def _begin(columns: RowColumns, places: Places, order: Places, after: str) -> int:
    """Return where the part begins: behind the row that the cursor names, found or not."""
    named = read_cursor(after, _PLACES)
    if named is None:
        return 0
    allowed = "the address of a page's link"
    try:
        [last] = np.nonzero(columns.key == key_number(named[0]))[0][:1]
    except ValueError as error:
        raise InvalidInput(not_allowed("after", after[:80], allowed)) from error
    standing = np.empty(len(order), np.int64)
    standing[order] = np.arange(len(order))
    return int(np.searchsorted(standing[places], standing[last], side="right"))


def _taken(rows: RowSet, path: str, at: NDArray[np.int32]) -> pa.Table:
    """Read those rows of a file, of the row groups that hold them alone."""
    with rows.storage.open(path) as opened:
        try:
            file = pq.ParquetFile(opened)
            sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
            starts = np.concatenate([[0], np.cumsum(sizes)])
            group = np.searchsorted(starts, at, side="right") - 1
            needed = np.unique(group)
            table = file.read_row_groups(needed.tolist(), columns=list(COLUMNS))
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"{path}: {error}") from error
    begins = np.concatenate([[0], np.cumsum(np.array(sizes)[needed])])[:-1]
    local = at - starts[group] + begins[np.searchsorted(needed, group)]
    return table.take(pa.array(local))


def _line(columns: RowColumns, place: int, read: Mapping[str, Any]) -> RowLine:
    quality, rank = float(columns.quality[place]), int(columns.rank[place])
    licence = columns.coded["licence"]
    return RowLine(
        **(dict(read) | {"licence": licence.names[licence.codes[place]]}),
        quality=None if np.isnan(quality) else quality,
        rank=None if rank < 0 else rank + 1,
        gain=None if rank < 0 else float(columns.gain[place]),
        held_out=bool(columns.held_out[place]),
    )
