"""A nested value of plain text as one flat text, such as `turns[0].text is 'Hello'.` for each part.

Every scalar stands under its path. Nulls and empty texts inside are left out, since a structure
often has parts that only some rows fill; lists of scalars are written in one piece. A part whose
name is no plain word stands in brackets, so that `a.b` in one structure and `b` in another part `a`
have paths of their own: `f['a.b']` and `f.a.b`.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dynosaur_etl.domain.features import element_of, labels_of

_PLAIN_NAME = re.compile(r"[\w -]+")


def flatten(name: str, feature: Any, value: Any) -> str | None:
    """Return the flat text of a nested value; None where it holds no text.

    Args:
        name: of the field, with which every path begins.
        feature: of the field, in its JSON form, whose `Field.flattens`.
        value: of the row, as Arrow's `as_py()` gives it.
    """
    parts = [f"{path} is {text}." for path, text in _parts(name, feature, value)]
    return " ".join(parts) or None


def _parts(path: str, feature: Any, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            inner = _part_of(feature, name)
            yield from _parts(f"{path}{_step(name)}", inner, part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _items(path, element_of(feature), value)
    else:
        text = _scalar(feature, value)
        if text:
            yield path, f"'{text}'"


def _items(path: str, feature: Any, items: Sequence[Any]) -> Iterator[tuple[str, str]]:
    if any(isinstance(item, Mapping | list | tuple) for item in items):
        for number, item in enumerate(items):
            yield from _parts(f"{path}[{number}]", feature, item)
        return
    texts = filter(None, (_scalar(feature, item) for item in items))
    listed = ", ".join(f"'{text}'" for text in texts)
    if listed:
        yield path, listed


def _step(name: str) -> str:
    return f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{name!r}]"


def _part_of(feature: Any, name: str) -> Any:
    """Return the feature of a struct's part; `Sequence` of a struct is a struct of lists."""
    element = element_of(feature)
    if isinstance(element, Mapping) and element.get("_type") is None:
        return [element.get(name)]
    return feature.get(name) if isinstance(feature, Mapping) else None


def _scalar(feature: Any, value: Any) -> str:
    labels = labels_of(feature)
    if labels:
        return labels[value].strip() if isinstance(value, int) and 0 <= value < len(labels) else ""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
