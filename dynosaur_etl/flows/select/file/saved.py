"""Folders that `datasets` saved, read without it: Arrow streams and a list of them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import ipc

from dynosaur_etl.domain.errors import InvalidInput

STATE, SPLITS = "state.json", "dataset_dict.json"


def is_saved(folder: Path) -> bool:
    """Return whether a folder is a `Dataset` or a `DatasetDict` on disk."""
    return (folder / STATE).is_file() or (folder / SPLITS).is_file()


def saved_splits(folder: Path) -> list[str] | None:
    """Return the names of a saved `DatasetDict`'s splits; None for a saved `Dataset`.

    Raises:
        InvalidInput: the file that lists them cannot be read.
    """
    if not (folder / SPLITS).is_file():
        return None
    return [str(name) for name in _read(folder / SPLITS, "splits")]


def read_saved(folder: Path) -> pa.Table:
    """Read all rows of a saved `Dataset`, or of one split of a `DatasetDict`.

    Raises:
        InvalidInput: a file that it lists is missing or cut short.
    """
    names = [str(Path(file["filename"]).name) for file in _read(folder / STATE, "_data_files")]
    try:
        tables = [read_arrow(folder / name) for name in names]
        return pa.concat_tables(tables)
    except (pa.ArrowException, OSError) as e:
        raise InvalidInput(f"saved dataset {str(folder)!r} cannot be read: {e}") from e


def read_arrow(file: Path) -> pa.Table:
    """Read an Arrow file, of either form that there is: a stream or with a footer."""
    with pa.memory_map(str(file)) as source:
        first = source.read(6)
        source.seek(0)
        opened = ipc.open_file(source) if first == b"ARROW1" else ipc.open_stream(source)
        return opened.read_all()


def _read(file: Path, field: str) -> list[Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))[field]
    except (OSError, ValueError, KeyError) as e:
        raise InvalidInput(f"saved dataset: {str(file)!r} cannot be read: {e}") from e
    if not isinstance(found, list):
        raise InvalidInput(f"saved dataset: {str(file)!r}: received no list of {field}")
    return found
