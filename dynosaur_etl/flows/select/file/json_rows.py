"""Rows of JSON: one object a line, or one list of objects.

A text stays a text, whether it looks like a date or not. What Arrow has no one type for, such as
numbers beside texts, or objects without fields, is kept as text: strings as they are, all else as
JSON.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, TextIO

import pyarrow as pa

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

_ROWS_TOGETHER = 10_000
_LOSSY = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def read_json(text: TextIO) -> Iterator[pa.Table]:
    """Yield tables of the objects in a text.

    Raises:
        InvalidInput: it is not JSON, holds something else than objects, or a name stands twice in
            one.
    """
    rows = _rows(text)
    number = 0
    while together := list(islice(rows, _ROWS_TOGETHER)):
        names = list(dict.fromkeys(chain.from_iterable(together)))
        columns = [_column(name, [row.get(name) for row in together], number) for name in names]
        number += len(together)
        if names:
            yield pa.table(columns, names=names)


def _rows(text: TextIO) -> Iterator[dict[str, Any]]:
    number = 0
    for number, line in enumerate(text, start=1):
        if number == 1 and line.lstrip().startswith("["):
            yield from _listed(line + text.read())
            return
        if line.strip():
            yield _object(_parsed(line, f"line {number}"), f"line {number}")


def _listed(text: str) -> Iterator[dict[str, Any]]:
    for number, value in enumerate(_parsed(text, "text")):
        yield _object(value, f"row {number}")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as e:
        raise InvalidInput(f"JSON: {where}: {e}") from e


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"received the name {twice!r} twice in one object; allowed: once")
    return found


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(not_allowed(f"JSON: {where}", str(value)[:80], "an object"))
    return value


def _column(name: str, values: list[Any], first: int) -> pa.Array:
    try:
        found = array_of(values)
        return json_text(values) if has_empty_struct(found.type) else found
    except UnicodeEncodeError as e:
        row = first + next(at for at, value in enumerate(values) if not _is_unicode(value))
        words = f"column {name!r} of row {row}: received half of a surrogate pair"
        raise InvalidInput(f"{words}; allowed: what UTF-8 can hold") from e


def array_of(values: Iterable[Any]) -> pa.Array:
    """Return an array of the one type of all values; where there is none, of JSON text."""
    kept = list(values)
    try:
        return pa.array(kept)
    except _LOSSY:
        return json_text(kept)


def json_text(values: Iterable[Any]) -> pa.Array:
    """Return an array of strings: texts as they are, all else but null as JSON."""
    return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def has_empty_struct(kind: pa.DataType) -> bool:
    """Return whether a struct without fields is in a type; Parquet has none."""
    if pa.types.is_struct(kind) and kind.num_fields == 0:
        return True
    return any(has_empty_struct(kind.field(at).type) for at in range(kind.num_fields))


def _is_unicode(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
