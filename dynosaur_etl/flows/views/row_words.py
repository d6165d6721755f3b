"""In which rows words stand: an index beside the store, made from its files and made again at will.

It is one SQLite file below the home. A file of instances never changes, so it is indexed once; what
an index of other machines or of an earlier life of the store holds besides does no harm.
"""

import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, StoreUnavailable, not_allowed
from dynosaur_etl.flows.views.row_set import RowSet

MOST_FOUND = 50_000
_TEXTS = ("instruction", "input", "output")
_ROWS_A_FILE = 2**32
_WAIT_SECONDS = 30
_MOMENT_SECONDS = 0.25
"""In which a small store is indexed, so that its first search finds all."""

_MOST_LETTERS = 20_000
"""Of a row's texts; words beyond are not found."""

_WORD = re.compile(r'"([^"]*)"|(\S+)')
_TABLES = """
create table if not exists files (number integer primary key, path text unique not null);
create virtual table if not exists words using fts5(texts, content='', columnsize=0);
"""
_building = threading.Lock()


class IndexUnavailable(StoreUnavailable):
    """The index of words cannot be read or written; the pages show why."""


@dataclass(frozen=True)
class FoundWords:
    """Where words were found.

    Attributes:
        file: number of each row's file among the set's paths.
        row: number of each row in its file.
        more: whether more than 50,000 rows hold the words; the first are given.
        missing: files of the set that are not indexed yet.
    """

    file: NDArray[np.int64]
    row: NDArray[np.int64]
    more: bool
    missing: int


class WordIndex:
    """The index in a folder; it is made when it is first written to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "words.sqlite"

    def find(self, rows: RowSet, words: str) -> FoundWords:
        """Return the rows of a set that hold all words; "several words" stand side by side.

        Raises:
            InvalidInput: it holds no word.
            IndexUnavailable: the index cannot be read.
        """
        asked = _query(words)
        with self._open() as database:
            numbers = dict(database.execute("select path, number from files"))
            found = database.execute(
                "select rowid from words where words match ? limit ?", (asked, MOST_FOUND + 1)
            ).fetchall()
        at = {numbers[path]: place for place, path in enumerate(rows.paths) if path in numbers}
        ids = np.array([row for (row,) in found[:MOST_FOUND]], np.int64)
        place = np.full(max(numbers.values(), default=0) + 1, -1, np.int64)
        place[list(at)] = list(at.values())
        file = place[ids // _ROWS_A_FILE] if len(ids) else ids
        ours = file >= 0
        missing = sum(path not in numbers for path in rows.paths)
        return FoundWords(file[ours], (ids % _ROWS_A_FILE)[ours], len(found) > MOST_FOUND, missing)

    def build(self, rows: RowSet) -> None:
        """Index the files of a set that are not indexed yet, each in one transaction.

        Raises:
            Corrupt: a file is missing or cannot be read.
            IndexUnavailable: the index cannot be written.
        """
        for path in rows.paths:
            with self._open() as database:
                self._add(database, rows, path)

    def build_beside(self, rows: RowSet) -> None:
        """Begin to index in a thread of its own, where none is at it, and wait a moment for it."""
        if _building.acquire(blocking=False):
            thread = threading.Thread(target=self._build_and_release, args=(rows,), daemon=True)
            thread.start()
            thread.join(_MOMENT_SECONDS)

    def _build_and_release(self, rows: RowSet) -> None:
        try:
            self.build(rows)
        finally:
            _building.release()

    def _add(self, database: sqlite3.Connection, rows: RowSet, path: str) -> None:
        if database.execute("select 1 from files where path = ?", (path,)).fetchone():
            return
        database.execute("begin immediate")
        added = database.execute("insert or ignore into files (path) values (?)", (path,))
        if added.rowcount:
            first = (added.lastrowid or 0) * _ROWS_A_FILE
            database.executemany(
                "insert into words (rowid, texts) values (?, ?)",
                ((first + number, text) for number, text in enumerate(_texts(rows, path))),
            )
        database.execute("commit")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None)
            try:
                database.execute("pragma journal_mode = wal")
                database.execute("pragma synchronous = off")
                database.executescript(_TABLES)
                yield database
            finally:
                database.close()
        except (sqlite3.Error, OSError) as error:
            words = f"the index of words {self.path}: {error}; it may be removed, and is made again"
            raise IndexUnavailable(words) from error


def _query(words: str) -> str:
    """Write what is looked for as SQLite reads it: texts in quotes, all of which must be there."""
    parts: Sequence[str] = [quoted or plain for quoted, plain in _WORD.findall(words)]
    sound = [part.replace('"', "") for part in parts if re.search(r"\w", part)]
    if not sound:
        raise InvalidInput(not_allowed("words", words, "a word or more"))
    return " ".join(f'"{part}"' for part in sound)


def _texts(rows: RowSet, path: str) -> Iterator[str]:
    with rows.storage.open(path) as file:
        try:
            for batch in pq.ParquetFile(file).iter_batches(2_000, columns=list(_TEXTS)):
                texts = zip(*(batch[name].to_pylist() for name in _TEXTS), strict=True)
                yield from ("\n".join(row)[:_MOST_LETTERS] for row in texts)
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"{path}: {error}") from error
