"""`sources.csv`: the list of sources that a person opens in a spreadsheet."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.snapshots.layout import SOURCES

# A cell that begins with one of the first six is a formula to a spreadsheet; the last marks one
# that was disarmed, so that reading gives back the very text.
_MARKED = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True)
class VersionSource:
    """A source of a version at a revision, with its numbers of rows; see `schemas.SOURCES`."""

    dataset: str
    revision: str
    licence: str
    languages: str
    pretty_name: str
    pool_instances: int
    selected_instances: int
    url: str


def write_sources(table: pa.Table, path: Path) -> None:
    """Write the sources; a text that a spreadsheet would compute is led in by an apostrophe."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(table.column_names)
        for row in table.to_pylist():
            writer.writerow([_disarmed(value) for value in row.values()])


def read_sources(folder: Path) -> pa.Table:
    """Read the sources of a snapshot, columns `schemas.SOURCES`.

    Raises:
        Corrupt: the file is missing or holds other columns or values.
    """
    path = folder / SOURCES
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file, strict=True)
            if header != schemas.SOURCES.names:
                raise Corrupt(f"{path}: found columns {header}; expected {schemas.SOURCES.names}")
            columns = list(zip(*rows, strict=True)) or [()] * len(header)
        parsed = [_parsed(*column) for column in zip(columns, schemas.SOURCES.types, strict=True)]
        return pa.table(parsed, schema=schemas.SOURCES)
    except (OSError, ValueError, csv.Error) as error:
        raise Corrupt(f"{path}: {error}") from error


def _disarmed(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_MARKED) else value


def _parsed(column: Sequence[str], kind: pa.DataType) -> pa.Array:
    if pa.types.is_integer(kind):
        return pa.array(map(int, column), kind)
    return pa.array((text.removeprefix("'") for text in column), kind)
