"""The columns that a selection goes by, checked row by row before any work is done."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.vectors.fixed_point import IntArray

TEXT_COLUMNS = ("instruction", "text", "prompt", "question")
_USUAL = {
    "input": ("input", "context"),
    "output": ("output", "response", "answer", "completion"),
    "task": ("task_key", "task"),
}
"""What other columns are called where they are not named; a file may lack them."""


@dataclass(frozen=True)
class Columns:
    """Names of the columns that matter; None where there is none."""

    text: str | None = None
    embedding: str | None = None
    quality: str | None = None
    ids: str | None = None
    group: str | None = None
    cost: str | None = None
    source: str | None = None
    length: str | None = None
    tags: str | None = None
    input: str | None = None
    output: str | None = None
    task: str | None = None


def found_columns(table: pa.Table, asked: Columns) -> Columns:
    """Return the columns asked for, and usual ones for texts where none were named.

    Raises:
        InvalidInput: a column is not there, or there is neither a text nor a vector.
    """
    for name in filter(None, asdict(asked).values()):
        if name not in table.column_names:
            raise InvalidInput(not_allowed("column", name, table.column_names))
    usual = {
        field: _first_of(table, names)
        for field, names in _USUAL.items()
        if getattr(asked, field) is None
    }
    found = replace(asked, **usual)
    if asked.text or asked.embedding:
        return found
    text = _first_of(table, TEXT_COLUMNS)
    if text is None:
        words = "--text or --embedding, one of " + ", ".join(table.column_names)
        raise InvalidInput(not_allowed("text column", None, words))
    return replace(found, text=text)


def _first_of(table: pa.Table, names: Sequence[str]) -> str | None:
    """The first of some names that is a column, of texts."""
    for name in names:
        if name in table.column_names and _holds_texts(table[name].type):
            return name
    return None


@dataclass(frozen=True)
class Candidates:
    """The rows of which may be selected, and what counts of them.

    Attributes:
        at: their positions in the input, ascending.
        texts: by what they are: `text`, `input`, `output`, as far as there are such columns.
        vectors: [n, d] as they were given, or None.
        quality: from 0 to 1 [n], or None.
        ids: distinct names, or None.
        groups: labels that a cap counts, or None.
        costs: whole numbers from 1 [n], or None.
        sources: where each is from, or None.
        lengths: as they were given [n], or None.
        tags: lists of labels, or None.
        tasks: what each belongs to, or None.
    """

    at: IntArray
    texts: Mapping[str, list[str]]
    vectors: NDArray[np.number] | None
    quality: NDArray[np.float64] | None
    ids: list[Any] | None
    groups: list[Any] | None
    costs: IntArray | None
    sources: list[Any] | None
    lengths: IntArray | None
    tags: list[list[str]] | None
    tasks: list[Any] | None

    def __len__(self) -> int:
        return len(self.at)


def read_candidates(table: pa.Table, columns: Columns) -> Candidates:
    """Return the rows that have a text, or a vector where vectors are given.

    Raises:
        InvalidInput: a column is of another type than it must be, or a value is not allowed; the
            row is named.
    """
    used = table.select(list(dict.fromkeys(filter(None, asdict(columns).values()))))
    filled = _filled(used, columns)
    rows = used.filter(filled)
    at = np.flatnonzero(filled.to_numpy(zero_copy_only=False)).astype(np.int64)
    if not len(at):
        source = columns.embedding or columns.text
        raise InvalidInput(not_allowed(f"column {source!r}", "nothing in any row", "texts in some"))
    source = columns.source or columns.group
    return Candidates(
        at=at,
        texts=_texts(rows, columns),
        vectors=vectors_of(rows, columns.embedding, at) if columns.embedding else None,
        quality=qualities_of(rows, columns.quality, at) if columns.quality else None,
        ids=ids_of(rows, columns.ids, at) if columns.ids else None,
        groups=_listed(rows, columns.group),
        costs=costs_of(rows, columns.cost, at) if columns.cost else None,
        sources=_listed(rows, source),
        lengths=costs_of(rows, columns.length, at) if columns.length else None,
        tags=tags_of(rows, columns.tags) if columns.tags else None,
        tasks=_listed(rows, columns.task),
    )


def _texts(rows: pa.Table, columns: Columns) -> dict[str, list[str]]:
    named = {"text": columns.text, "input": columns.input, "output": columns.output}
    return {
        kind: [text or "" for text in texts_of(rows, name).to_pylist()]
        for kind, name in named.items()
        if name is not None
    }


def _listed(rows: pa.Table, name: str | None) -> list[Any] | None:
    return None if name is None else list(rows[name].to_pylist())


def tags_of(rows: pa.Table, name: str) -> list[list[str]]:
    """Return a column of lists of texts, or of texts with commas between the tags."""
    values = rows[name].to_pylist()
    kind = rows[name].type
    if _holds_texts(kind):
        return [(value or "").split(",") for value in values]
    if not _is_list(kind) or not _is_text(kind.value_type):
        raise InvalidInput(not_allowed(f"column {name!r}", str(kind), "lists of texts"))
    return [[tag for tag in value or [] if tag is not None] for value in values]


def _filled(table: pa.Table, columns: Columns) -> pa.ChunkedArray:
    """Which rows have a vector where vectors are given, else a text of more than white space."""
    if columns.embedding:
        return table[columns.embedding].is_valid()
    trimmed = pc.utf8_trim_whitespace(texts_of(table, columns.text or ""))
    return pc.fill_null(pc.greater(pc.utf8_length(trimmed), 0), False)


def texts_of(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column of texts; bytes are read as UTF-8."""
    column = table[name]
    if not _holds_texts(column.type):
        raise InvalidInput(not_allowed(f"column {name!r}", str(column.type), "texts"))
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid as e:
        raise InvalidInput(not_allowed(f"column {name!r}", "bytes", "UTF-8 text")) from e


def _holds_texts(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return _is_text(inner) or _is_bytes(inner) or bool(pa.types.is_null(inner))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def vectors_of(table: pa.Table, name: str, at: IntArray) -> NDArray[np.number]:
    """Return a column of lists of numbers as a matrix [n, d]; `at` names the rows in a refusal.

    Raises:
        InvalidInput: no lists of numbers, lists of several lengths, or a vector that is zero or
            not finite.
    """
    column = table[name]
    kind = column.type.storage_type if hasattr(column.type, "storage_type") else column.type
    if not _is_list_of_numbers(kind):
        words = "a list of numbers in each row"
        raise InvalidInput(not_allowed(f"column {name!r}", str(column.type), words))
    parts: list[NDArray[np.number]] = []
    first = 0
    for chunk in column.chunks:
        rows = at[first : first + len(chunk)]
        first += len(chunk)
        if len(rows):
            parts.append(_matrix(chunk, name, rows, parts[0].shape[1] if parts else None))
    return np.concatenate(parts)


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def _is_list_of_numbers(kind: pa.DataType) -> bool:
    if not _is_list(kind):
        return False
    inner = kind.value_type
    return bool(pa.types.is_floating(inner) or pa.types.is_integer(inner))


def _matrix(column: Any, name: str, rows: IntArray, width: int | None) -> NDArray[np.number]:
    """The vectors of some rows, checked."""
    column = column.storage if isinstance(column, pa.ExtensionArray) else column
    if not pa.types.is_fixed_size_list(column.type):
        column = column.cast(pa.large_list(column.type.value_type))
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    width = int(lengths[0]) if width is None else width
    _refuse_rows(lengths != width, name, rows, f"another length than {width}")
    _refuse_rows(lengths == 0, name, rows, "no numbers")
    flat = column.flatten()
    gaps = np.asarray(flat.is_null()).reshape(len(rows), width).any(axis=1)
    _refuse_rows(gaps, name, rows, "an empty place")
    found: NDArray[np.number] = flat.to_numpy(zero_copy_only=False).reshape(len(rows), width)
    found = found if found.dtype.kind == "f" else found.astype(np.float64)
    peak = np.abs(found).max(axis=1)
    _refuse_rows(~np.isfinite(peak), name, rows, "a value that is not finite")
    _refuse_rows(peak == 0, name, rows, "a zero vector")
    return found


def _refuse_rows(bad: Any, name: str, rows: IntArray, received: str) -> None:
    if bad.any():
        row = int(rows[np.flatnonzero(bad)[0]])
        allowed = "vectors of one length, finite, not all zero"
        raise InvalidInput(f"column {name!r}: row {row} has {received}; allowed: {allowed}")


def numbers_of(table: pa.Table, name: str, at: IntArray) -> NDArray[np.float64]:
    """Return a column of numbers; where a cell is empty the row is refused."""
    column = table[name]
    try:
        cast = column.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
        raise InvalidInput(not_allowed(f"column {name!r}", str(column.type), "numbers")) from e
    empty = np.flatnonzero(cast.is_null().to_numpy(zero_copy_only=False))
    if len(empty):
        row = int(at[empty[0]])
        raise InvalidInput(
            f"column {name!r}: row {row} has no value; allowed: a number in each row"
        )
    return np.array(cast.to_numpy(zero_copy_only=False), np.float64)


def qualities_of(table: pa.Table, name: str, at: IntArray) -> NDArray[np.float64]:
    """Return a column of numbers from 0 to 1."""
    found = numbers_of(table, name, at)
    bad = np.flatnonzero(~((found >= 0) & (found <= 1)))
    if len(bad):
        row, value = int(at[bad[0]]), float(found[bad[0]])
        words = "0 to 1; divide by the scale's largest value first"
        raise InvalidInput(f"column {name!r}: row {row} has {value!r}; allowed: {words}")
    return found


def costs_of(table: pa.Table, name: str, at: IntArray) -> IntArray:
    """Return a column of whole numbers from 1."""
    found = numbers_of(table, name, at)
    bad = np.flatnonzero(~((found >= 1) & (found == np.rint(found)) & (found < 2**53)))
    if len(bad):
        row, value = int(at[bad[0]]), float(found[bad[0]])
        words = "whole numbers from 1"
        raise InvalidInput(f"column {name!r}: row {row} has {value!r}; allowed: {words}")
    return found.astype(np.int64)


def ids_of(table: pa.Table, name: str, at: IntArray) -> list[Any]:
    """Return a column of distinct names."""
    found: list[Any] = table[name].to_pylist()
    first: dict[str, int] = {}
    for row, value in zip(at.tolist(), found, strict=True):
        if value is None:
            raise InvalidInput(f"column {name!r}: row {row} has no value; allowed: a name in each")
        if str(value) in first:
            words = f"row {row} has {str(value)!r}, as row {first[str(value)]} has"
            raise InvalidInput(f"column {name!r}: {words}; allowed: names that are there once")
        first[str(value)] = row
    return found
