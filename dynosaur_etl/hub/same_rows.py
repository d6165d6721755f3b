"""Marks of what a config holds, by which the same rows are known under another name.

A mark is a hash of a row's values, whatever its columns are called and in whatever order they
stand, or git's name of a file that was read. Of each config the smallest marks are kept: two
samples of the same rows have the same ones (Broder, On the resemblance and containment of
documents, 1997). Where a set has more rows than are sampled, two draws hardly meet, and the files
tell.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil
from typing import Any

import pyarrow as pa

from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.file_draw import SplitReading

SAME_ROWS_VERSION = "mirrors-2"
MOST_MARKS = 64
LEAST_ROWS = 10
LEAST_CHARACTERS = 20
LEAST_BYTES = 1_000
LEAST_SHARE = 0.9
_VALUE_CHARACTERS = 2_000


@dataclass(frozen=True)
class Marks:
    """What tells the contents of a config: up to 64 numbers of each kind, ascending."""

    rows: Sequence[int] = field(default=())
    files: Sequence[int] = field(default=())

    def are_those_of(self, other: "Marks") -> bool:
        """Return whether nine tenths of the rows or of the files are the same."""
        return (len(self.rows) >= LEAST_ROWS and _are_shared(self.rows, other.rows)) or _are_shared(
            self.files, other.files
        )


class MarkIndex:
    """The marks of many configs, by mark: what has those of another is found without asking all."""

    def __init__(self) -> None:
        self._known: list[Marks] = []
        self._of_row: dict[int, list[int]] = defaultdict(list)
        self._of_file: dict[int, list[int]] = defaultdict(list)

    def add(self, marks: Marks) -> None:
        """Add a config's marks; its place is how many were added before."""
        place = len(self._known)
        self._known.append(marks)
        for places, own in ((self._of_row, marks.rows), (self._of_file, marks.files)):
            for mark in own:
                places[mark].append(place)

    def places_like(self, own: Marks) -> Iterator[int]:
        """Yield the places of those whose marks `own` are, ascending."""
        near = {*_sharing(own.rows, self._of_row), *_sharing(own.files, self._of_file)}
        return (place for place in sorted(near) if own.are_those_of(self._known[place]))


def marks_of(
    table: pa.Table, reading: Mapping[str, SplitReading], files: Iterable[RepoFile]
) -> Marks:
    """Return the marks of a config.

    Args:
        table: its sampled rows; columns of the product's own begin with `__`.
        reading: which files were read, by split.
        files: of the repository.
    """
    read = {part.path for split in reading.values() for part in split.read}
    named = [file for file in files if file.path in read and file.oid]
    whole = sum(file.size for file in named) >= LEAST_BYTES
    return Marks(
        _smallest(filter(None, map(_row_text, _own(table).to_pylist()))),
        _smallest(file.oid for file in named if whole),
    )


def _own(table: pa.Table) -> pa.Table:
    return table.select([name for name in table.column_names if not name.startswith("__")])


def _row_text(row: Mapping[str, Any]) -> str:
    """Return a row's values in an order of their own; nothing of a row too short to be known by."""
    values = sorted(repr(value)[:_VALUE_CHARACTERS] for value in row.values() if value is not None)
    text = "\x1f".join(values)
    return text if len(text) >= LEAST_CHARACTERS else ""


def _smallest(texts: Iterable[str]) -> list[int]:
    marks = {_mark(text) for text in texts}
    return sorted(marks)[:MOST_MARKS]


def _mark(text: str) -> int:
    """Return a hash of 63 bits: what a column of signed integers holds."""
    hashed = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(hashed) >> 1


def _sharing(own: Sequence[int], places: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """Yield every place that can share enough of the marks, and few others.

    Whatever shares nine tenths of them misses one tenth at most, so that it has one of any tenth
    and one more; the rarest of them lead to the fewest others.
    """
    asked = len(own) - ceil(LEAST_SHARE * len(own)) + 1
    rarest = sorted(own, key=lambda mark: len(places.get(mark, ())))
    for mark in rarest[:asked]:
        yield from places.get(mark, ())


def _are_shared(own: Collection[int], others: Collection[int]) -> bool:
    most = max(len(own), len(others))
    return bool(own) and len(set(own) & set(others)) >= LEAST_SHARE * most
