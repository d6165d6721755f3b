"""Which files are read, and how: Parquet, Arrow, JSON and CSV."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.select.file.csv_rows import read_csv, typed
from dynosaur_etl.flows.select.file.json_rows import read_json
from dynosaur_etl.flows.select.file.saved import read_arrow
from dynosaur_etl.flows.select.file.stacking import stacked_files, stacked_json
from dynosaur_etl.flows.select.file.streams import PACKED_SUFFIXES, open_text


class Format(StrEnum):
    """How rows are written in a file."""

    PARQUET = "Parquet"
    ARROW = "Arrow"
    JSON = "JSON"
    CSV = "CSV"


SUFFIXES = {
    ".parquet": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
    ".jsonl": Format.JSON,
    ".ndjson": Format.JSON,
    ".json": Format.JSON,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
}
_TEXT = (Format.JSON, Format.CSV)
_ENCRYPTED = b"PARE"
_COMMA, _TAB = ",", "\t"


def format_of(file: Path) -> Format | None:
    """Return the format that a file's name tells, packed or not; None where it tells none."""
    packed = file.suffix.lower() in PACKED_SUFFIXES
    name = Path(file.stem) if packed else file
    found = SUFFIXES.get(name.suffix.lower())
    return None if packed and found not in _TEXT else found


def allowed_formats() -> str:
    """Name the files that are read, in words."""
    return f"{', '.join(SUFFIXES)}; all but Parquet and Arrow also as {', '.join(PACKED_SUFFIXES)}"


def read_files(files: Sequence[Path], kind: Format, encoding: str | None) -> pa.Table:
    """Read files of one format into one table; columns that a file lacks are null in its rows.

    Raises:
        InvalidInput: one cannot be read, or a column has types in two files that have no common
            one.
    """
    if kind is Format.JSON:
        return stacked_json(chain.from_iterable(_json(file, encoding) for file in files))
    if kind is Format.CSV:
        found = list(chain.from_iterable(_csv(file, encoding) for file in files))
        return typed(stacked_files(found))
    return stacked_files([(str(file), _columnar(file, kind)) for file in files])


def _json(file: Path, encoding: str | None) -> Iterator[pa.Table]:
    with open_text(file, encoding) as text, _named(file):
        yield from read_json(text)


def _csv(file: Path, encoding: str | None) -> Iterator[tuple[str, pa.Table]]:
    separator = _TAB if ".tsv" in file.suffixes else _COMMA
    with open_text(file, encoding) as text, _named(file):
        for table in read_csv(text, separator):
            yield str(file), table


def _columnar(file: Path, kind: Format) -> pa.Table:
    reader = _parquet if kind is Format.PARQUET else read_arrow
    with _named(file):
        try:
            table = reader(file)
        except (pa.ArrowException, OSError) as e:
            raise InvalidInput(f"cannot be read: {e}") from e
        twice = [name for name, number in Counter(table.column_names).items() if number > 1]
        if twice:
            raise InvalidInput(f"column {twice[0]!r}: received twice; allowed: once")
        return table


def _parquet(file: Path) -> pa.Table:
    with file.open("rb") as source:
        if source.read(len(_ENCRYPTED)) == _ENCRYPTED:
            raise InvalidInput("received encrypted Parquet; allowed: Parquet that is not encrypted")
    with pq.ParquetFile(file) as parquet:
        return parquet.read()


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Name the file in what is refused within."""
    try:
        yield
    except InvalidInput as e:
        raise InvalidInput(f"input {str(file)!r}: {e}") from e
