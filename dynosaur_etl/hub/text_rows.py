"""CSV and JSON files on the Hub: records drawn from what is read of them within a bound."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TextIO

import pyarrow as pa

from dynosaur_etl.domain.models import Revision
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles
from dynosaur_etl.hub.csv_records import csv_records
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.file_draw import ReadFile, SplitReading, drawn_files
from dynosaur_etl.hub.json_records import document_records, is_document, line_records

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
    """A record, with its place: the split and the number in it."""

    split: str
    index: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class DrawnRecords:
    """Records in the order of split and number, and what was read of each split."""

    records: list[Drawn]
    reading: dict[str, SplitReading]


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
) -> DrawnRecords:
    """Draw records over the files that `drawn_files` chooses, and count what is read of each.

    At most 50,000 records and 64 million characters are read, shared out evenly among the files;
    a file that has more is read from its beginning.
    """
    chosen = drawn_files(files.splits, draw)
    share = max(sum(map(len, chosen.values())), 1)
    kept = _Reservoir(rows, draw)
    reading: dict[str, SplitReading] = {}
    for split, shards in chosen.items():
        read: list[ReadFile] = []
        for shard in shards:
            first = sum(before.rows for before in read)
            reader = _Reader(MAX_CHARACTERS // share)
            count = 0
            for values in _records(client, revision, shard, files.options, reader):
                if count == max(MAX_RECORDS // share, 1):
                    reader.is_cut = True
                    break
                kept.offer(Drawn(split, first + count, values))
                count += 1
            read.append(ReadFile(shard.path, count, is_whole=not reader.is_cut))
        reading[split] = SplitReading(len(files.splits[split]), tuple(read))
    order = list(files.splits)
    drawn = sorted(kept.drawn, key=lambda item: (order.index(item.split), item.index))
    return DrawnRecords(drawn, reading)


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


@dataclass
class _Reservoir:
    """Keeps `rows` of all records offered, each as likely as any other (Vitter's algorithm R)."""

    rows: int
    draw: Random
    drawn: list[Drawn] = field(default_factory=list)
    seen: int = 0

    def offer(self, record: Drawn) -> None:
        if len(self.drawn) < self.rows:
            self.drawn.append(record)
        elif (place := self.draw.randrange(self.seen + 1)) < self.rows:
            self.drawn[place] = record
        self.seen += 1


def _records(
    client: HubClient,
    revision: Revision,
    shard: RepoFile,
    options: Mapping[str, Any],
    reader: _Reader,
) -> Iterator[Mapping[str, Any]]:
    remote = client.open(revision.dataset_id, revision.sha, shard.path, shard.size)
    encoding, errors = _encoding(options), options.get("encoding_errors") or "strict"
    with io.TextIOWrapper(remote, encoding=encoding, errors=errors, newline="") as text:
        suffix = shard.path.rpartition(".")[2].lower()
        if suffix in _SEPARATORS:
            yield from _csv_records(reader, text, options, _SEPARATORS[suffix])
        elif options.get("field") is not None or is_document(text):
            if shard.size > MAX_CHARACTERS:
                allowed = f"allowed: {MAX_CHARACTERS}"
                raise ValueError(f"one JSON document of {shard.size} bytes; {allowed}")
            yield from document_records(text, options.get("field"))
        else:
            yield from line_records(reader.lines(text))


_SEPARATORS = {"csv": ",", "tsv": "\t"}


def _encoding(options: Mapping[str, Any]) -> str:
    """Return the encoding that the card names; of UTF-8 a mark at the beginning is no text."""
    named = str(options.get("encoding") or "utf-8")
    return "utf-8-sig" if named.lower().replace("_", "-") in {"utf-8", "utf8"} else named


def _csv_records(
    source: _Reader, text: TextIO, options: Mapping[str, Any], separator: str
) -> Iterator[Mapping[str, Any]]:
    try:
        yield from csv_records(source.lines(text), options, separator)
    except csv.Error as error:
        if not source.is_cut:  # where reading stopped inside a quoted cell, its record is not read
            raise ValueError(f"CSV: {error}") from error
