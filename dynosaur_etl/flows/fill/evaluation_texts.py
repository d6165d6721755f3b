"""The texts of evaluation sets, from a folder that the user names.

Read are `.txt` (the file is one text), `.json`, `.jsonl` (every string in them, keys aside) and
`.parquet` (every column of strings, those inside lists and structures among them), in folders of
any depth. A file of another kind is refused, so that no evaluation set is left out unseen.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.text import clean_text

SUFFIXES = (".txt", ".json", ".jsonl", ".parquet")
_BATCH_CHARACTERS = 1 << 24
_BATCH_ROWS = 10_000
_FILES_REMEMBERED = 10_000


@dataclass(frozen=True)
class EvaluationFile:
    """A file of evaluation texts, named by its path below the folder."""

    path: Path
    name: str
    sha256: str

    @property
    def identity(self) -> list[str]:
        return [self.name, self.sha256]


def evaluation_files(folder: str) -> list[EvaluationFile]:
    """List the files of the folder by name; none where no folder is named.

    Raises:
        InvalidInput: there is no such folder, it holds no file, or one of another kind.
    """
    if not folder:
        return []
    root = Path(folder)
    found = sorted(path for path in root.rglob("*") if path.is_file())
    wrong = [path.name for path in found if path.suffix.lower() not in SUFFIXES]
    if wrong or not found:
        received = f"{folder}: {wrong[0] if wrong else 'no file'}"
        raise InvalidInput(not_allowed("evaluation texts", received, f"files {SUFFIXES}"))
    return [_evaluation_file(path, root) for path in found]


def _evaluation_file(path: Path, root: Path) -> EvaluationFile:
    told = path.stat()
    sha256 = _sha256(path, told.st_size, told.st_mtime_ns)
    return EvaluationFile(path, path.relative_to(root).as_posix(), sha256)


def read_texts(files: Sequence[EvaluationFile]) -> Iterator[tuple[str, pa.Array]]:
    """Give the texts of the files in batches, each with its file's name.

    Raises:
        InvalidInput: a file is not what its name says.
    """
    for file in files:
        try:
            for batch in _batches(file.path):
                yield file.name, batch
        except (ValueError, OSError, RecursionError, pa.ArrowException) as error:
            words = f"{type(error).__name__} {error}"[:300]
            what, allowed = f"evaluation texts, {file.name}", f"a readable {file.path.suffix}"
            raise InvalidInput(not_allowed(what, words, allowed)) from error


def _batches(path: Path) -> Iterator[pa.Array]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from _parquet_texts(path)
    elif suffix == ".txt":
        yield pa.array([path.read_text(encoding="utf-8")], pa.large_string())
    elif suffix == ".jsonl":
        yield from _batched(_json_line_texts(path))
    else:
        yield from _batched(_json_texts(path))


def _parquet_texts(path: Path) -> Iterator[pa.Array]:
    for batch in pq.ParquetFile(path).iter_batches(_BATCH_ROWS):
        for column in batch.columns:
            for texts in _text_columns(column):
                yield pc.cast(texts.drop_null(), pa.large_string())


def _text_columns(column: pa.Array) -> Iterator[pa.Array]:
    """Give a column's strings, and those that stand in its lists and structures."""
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _text_columns(pc.list_flatten(column))
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _text_columns(part)
    elif pa.types.is_dictionary(kind):
        yield from _text_columns(column.dictionary_decode())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield column


def _json_texts(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        yield from _strings(json.load(file))


def _json_line_texts(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in filter(str.strip, file):
            yield from _strings(json.loads(line))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield clean_text(value)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def _batched(texts: Iterator[str]) -> Iterator[pa.Array]:
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if characters > _BATCH_CHARACTERS:
            yield pa.array(batch, pa.large_string())
            batch, characters = [], 0
    yield pa.array(batch, pa.large_string())


@lru_cache(_FILES_REMEMBERED)
def _sha256(path: Path, size: int, changed_at: int) -> str:  # noqa: ARG001 - they name the content
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
