"""CSV and JSON files on the Hub: records drawn from what is read of them within a bound."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TextIO

import pyarrow as pa

from dynosaur_etl.domain.models import Revision
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles, RepoFile

MAX_RECORDS = 50_000
MAX_CHARACTERS = 64_000_000
MAX_LINE = 8_000_000

_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_DECIMAL = re.compile(
    r"-?(?:(?:0|[1-9]\d{0,17})(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][-+]?\d{1,2})?", re.ASCII
)
_BOOLEANS = {"true": True, "True": True, "TRUE": True} | dict.fromkeys(
    ("false", "False", "FALSE"), False
)


@dataclass(frozen=True)
class Drawn:
    """A record, with its place: the split and the index in it."""

    split: str
    index: int
    values: Mapping[str, Any]


class _Reader:
    """Reads lines until a number of characters is used up; the rest counts as not there."""

    def __init__(self, characters: int) -> None:
        self._left = characters
        self.is_cut = False

    def lines(self, text: TextIO) -> Iterator[str]:
        while not self.is_cut and (line := text.readline(MAX_LINE + 1)):
            if len(line) > MAX_LINE:
                raise ValueError(f"a line of over {MAX_LINE} characters")
            self._left -= len(line)
            if self._left < 0:
                self.is_cut = True
                return
            yield line


def draw_records(
    client: HubClient, revision: Revision, files: ConfigFiles, rows: int, draw: Random
) -> tuple[list[Drawn], dict[str, int]]:
    """Draw records over the splits, and count each split's.

    At most 50,000 records and 64 million characters are read, shared out evenly among the splits;
    a split that has more is drawn from its beginning, and its count is -1.
    """
    drawn: list[Drawn] = []
    counts: dict[str, int] = {}
    seen = 0
    for split, shards in files.splits.items():
        reader = _Reader(MAX_CHARACTERS // len(files.splits))
        count = 0
        most = MAX_RECORDS // len(files.splits)
        for values in _records(client, revision, shards, reader):
            if count == most:
                reader.is_cut = True
                break
            _keep(drawn, Drawn(split, count, values), seen, rows, draw)
            count += 1
            seen += 1
        counts[split] = -1 if reader.is_cut else count
    order = list(files.splits)
    return sorted(drawn, key=lambda item: (order.index(item.split), item.index)), counts


def infer_column(texts: Sequence[str | None]) -> pa.Array:
    """Give CSV cells the narrowest type that holds all of them; an empty cell is null.

    Words such as `NA` and `None` stay text, and so do numbers with leading zeros.
    """
    values = [text or None for text in texts]
    given = [text for text in values if text is not None]
    for fits, convert, kind in _KINDS:
        if given and all(map(fits, given)):
            return pa.array([None if text is None else convert(text) for text in values], kind)
    return pa.array(values, pa.string())


_KINDS: tuple[tuple[Callable[[str], Any], Callable[[str], Any], pa.DataType], ...] = (
    (_INTEGER.fullmatch, int, pa.int64()),
    (_DECIMAL.fullmatch, float, pa.float64()),
    (_BOOLEANS.__contains__, _BOOLEANS.__getitem__, pa.bool_()),
)


def _keep(drawn: list[Drawn], record: Drawn, seen: int, rows: int, draw: Random) -> None:
    """Keep `rows` of all records so far, each as likely as any other (Vitter's algorithm R)."""
    if len(drawn) < rows:
        drawn.append(record)
    elif (place := draw.randrange(seen + 1)) < rows:
        drawn[place] = record


def _records(
    client: HubClient, revision: Revision, shards: Sequence[RepoFile], reader: _Reader
) -> Iterator[Mapping[str, Any]]:
    for shard in shards:
        remote = client.open(revision.dataset_id, revision.sha, shard.path, shard.size)
        with io.TextIOWrapper(remote, encoding="utf-8-sig", newline="") as text:
            suffix = shard.path.rpartition(".")[2].lower()
            if suffix in {"csv", "tsv"}:
                yield from _csv_records(reader, text, "\t" if suffix == "tsv" else ",")
            elif suffix == "json" and not _is_lines(text):
                yield from _document_records(text, shard.size)
            else:
                yield from _json_records(reader.lines(text))


def _csv_records(source: _Reader, text: TextIO, delimiter: str) -> Iterator[dict[str, str]]:
    csv.field_size_limit(MAX_LINE)  # of the process; too long a cell is left out with its row
    reader = csv.reader(source.lines(text), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header):
            raise ValueError("two columns of the header have the same name")
        for cells in filter(None, reader):
            if len(cells) != len(header):
                found = f"line {reader.line_num}: {len(cells)} cells"
                raise ValueError(f"{found}; allowed: {len(header)}")
            yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        if not source.is_cut:  # where reading stopped inside a quoted cell, its record is not read
            raise ValueError(f"line {reader.line_num}: {error}") from error


def _json_records(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.strip():
            yield _record(json.loads(line))


def _is_lines(text: TextIO) -> bool:
    """Whether a `.json` file holds one record a line, as seen from its first line."""
    first = text.readline(MAX_LINE)
    text.seek(0)
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return False


def _document_records(text: TextIO, size: int) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSON list, or of the one list in a JSON object."""
    if size > MAX_CHARACTERS:
        raise ValueError(f"one JSON document of {size} bytes; allowed: {MAX_CHARACTERS}")
    document = json.load(text)
    if isinstance(document, dict) and len(document) == 1:
        document = next(iter(document.values()))
    if not isinstance(document, list):
        raise TypeError(f"JSON {type(document).__name__}; allowed: a list of records")
    yield from map(_record, document)


def _record(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"JSON {type(value).__name__}; allowed: an object for each record")
    return value
