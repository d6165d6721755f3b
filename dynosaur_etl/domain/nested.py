"""A nested value of plain text as one flat text, such as `turns[0].text is 'Hello'.` for each part.

Every scalar stands under its path. Nulls and empty texts inside are left out, since a structure
often has parts that only some rows fill; lists of scalars are written in one piece. A part whose
name is no plain word stands in brackets, so that `a.b` in one structure and `b` in another part `a`
have paths of their own: `f['a.b']` and `f.a.b`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN_NAME = re.compile(r"[\w -]+")


def flatten(name: str, value: Any) -> str | None:
    """Return the flat text of a nested value; None where it holds no text.

    Args:
        name: of the field, with which every path begins.
        value: of the row: texts, lists, mappings and None, as `rendering.readable` gives them.
    """
    parts = [f"{path} is {text}." for path, text in _parts(name, value)]
    return " ".join(parts) or None


def _parts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _parts(f"{path}{path_step(name)}", part)
    elif isinstance(value, list):
        yield from _items(path, value)
    elif text := _text(value):
        yield path, f"'{text}'"


def _items(path: str, items: list[Any]) -> Iterator[tuple[str, str]]:
    if any(isinstance(item, Mapping | list) for item in items):
        for number, item in enumerate(items):
            yield from _parts(f"{path}[{number}]", item)
        return
    listed = ", ".join(f"'{text}'" for text in map(_text, items) if text)
    if listed:
        yield path, listed


def path_step(name: str) -> str:
    """Return what stands in a path for a part of a structure."""
    return f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{name!r}]"


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
