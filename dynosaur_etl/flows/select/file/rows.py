"""The rows of a file or folder, with what was left out on the way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.select.file.folder import ALL, chosen_split, splits_of
from dynosaur_etl.flows.select.file.formats import Format, allowed_formats, format_of, read_files
from dynosaur_etl.flows.select.file.saved import is_saved, read_saved, saved_splits
from dynosaur_etl.flows.select.file.stacking import stacked_files

_ABOUT_DATA = frozenset(
    {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "manifest.json"}
)


@dataclass(frozen=True)
class Rows:
    """What was read.

    Attributes:
        table: all rows.
        notes: what was left out, each in a sentence.
    """

    table: pa.Table
    notes: tuple[str, ...] = ()


def read_rows(source: Path, split: str | None = None, encoding: str | None = None) -> Rows:
    """Read a file, a folder of data files, or a folder that `datasets` saved.

    Args:
        source: where the rows are.
        split: of a folder, see `folder.chosen_split`; a file has none.
        encoding: of text; None for UTF-8 or what a byte order mark says.

    Raises:
        InvalidInput: nothing is there, it cannot be read, or it holds no rows.
    """
    if source.is_dir():
        found = _saved(source, split) if is_saved(source) else _folder(source, split, encoding)
    else:
        found = _file(source, split, encoding)
    if not found.table.num_rows:
        raise InvalidInput(not_allowed(f"input {str(source)!r}", "no rows", "one row or more"))
    return found


def _file(source: Path, split: str | None, encoding: str | None) -> Rows:
    kind = format_of(source)
    if kind is None or not source.is_file():
        received = "a file of another name" if source.exists() else "nothing that is there"
        allowed = f"a file or folder of {allowed_formats()}"
        raise InvalidInput(f"input {str(source)!r}: received {received}; allowed: {allowed}")
    if split is not None:
        raise InvalidInput(not_allowed("--split", split, "a folder's, not a file's"))
    return Rows(read_files([source], kind, encoding))


def _saved(folder: Path, split: str | None) -> Rows:
    names = saved_splits(folder)
    if names is None:
        if split is not None:
            raise InvalidInput(not_allowed("--split", split, "none: the saved dataset has one"))
        return Rows(read_saved(folder))
    chosen = chosen_split({name: [folder / name] for name in names}, split, folder)
    tables = [(name, read_saved(folder / name)) for name in chosen]
    return Rows(stacked_files(tables), _left_out([name for name in names if name not in chosen]))


def _folder(folder: Path, split: str | None, encoding: str | None) -> Rows:
    files = sorted(_data_files(folder))
    if not files:
        words = f"a folder of {allowed_formats()}"
        raise InvalidInput(not_allowed(f"folder {str(folder)!r}", "no data files", words))
    splits = splits_of(folder, files)
    chosen = chosen_split(splits, split, folder)
    read = list(dict.fromkeys(file for name in chosen for file in splits[name]))
    notes = list(_left_out([name for name in splits if name not in chosen]))
    if beside := len(set(files).difference(*splits.values())):
        notes.append(f"data files that belong to no split, and are not read: {beside}")
    return Rows(read_files(read, _one_format(folder, read), encoding), tuple(notes))


def _data_files(folder: Path) -> Iterator[Path]:
    """Files that hold rows by their names; hidden ones and those that tell of others do not."""
    for file in folder.rglob("*"):
        inside = file.relative_to(folder)
        hidden = any(part.startswith((".", "_")) for part in inside.parts)
        if not hidden and file.name not in _ABOUT_DATA and format_of(file) is not None:
            if file.is_symlink() and not file.exists():
                raise InvalidInput(f"input {str(file)!r}: received a link that leads nowhere")
            if file.is_file():
                yield file


def _one_format(folder: Path, files: Sequence[Path]) -> Format:
    kinds = {kind: file for file in files if (kind := format_of(file)) is not None}
    if len(kinds) > 1:
        held = ", ".join(f"{kind} ({file.name})" for kind, file in kinds.items())
        words = "files of one; name one of them, or move the others away"
        raise InvalidInput(
            f"folder {str(folder)!r}: received several formats: {held}; allowed: {words}"
        )
    return next(iter(kinds))


def _left_out(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    which = f"split {names[0]} is" if len(names) == 1 else f"splits {', '.join(names)} are"
    return (f"the {which} not read; --split {ALL} reads all",)
