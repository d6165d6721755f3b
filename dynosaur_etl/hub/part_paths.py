"""The parts of a nested field: their paths, and what stands at the end of one.

`.by` is a part of a structure, `[0].text` one of the first item of a list of structures, `[*]` all
texts of a list.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from dynosaur_etl.domain.features import (
    MAX_DEPTH,
    FieldKind,
    element_of,
    fields_of,
    is_structure,
)
from dynosaur_etl.domain.nested import path_step
from dynosaur_etl.hub.answers import names_choice

LONGEST_NAME = 60
TEXT_FEATURE = {"dtype": "string", "_type": "Value"}

_SAID = frozenset({FieldKind.TEXT, FieldKind.LABEL, FieldKind.BOOLEAN})
_LISTED = frozenset({FieldKind.TEXT, FieldKind.LABEL})


class Step(Enum):
    """What is taken of a list."""

    FIRST = "[0]"
    ALL = "[*]"


Path = tuple[str | Step, ...]


def parts_of(feature: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the paths of what is a text, label or truth value, with the feature of its column.

    A number counts where it may name the right one of some choices.
    """
    return _walk(feature, (), MAX_DEPTH)


def written(path: Path) -> str:
    """Return a path as it stands behind the field's name."""
    return "".join(step.value if isinstance(step, Step) else path_step(step) for step in path)


def _walk(feature: Any, path: Path, depth: int) -> Iterator[tuple[Path, dict[str, Any]]]:
    element = element_of(feature)
    (kind,) = {one.kind for one in fields_of({"": feature if element is None else element})}
    if depth == 0:
        return
    if element is not None and is_structure(element):
        for name, part in element.items():
            yield from _walk(part, (*path, Step.FIRST, name), depth - 1)
    elif element is not None:
        if kind in _LISTED:
            yield (*path, Step.ALL), TEXT_FEATURE
    elif is_structure(feature):
        for name, part in feature.items():
            yield from _walk(part, (*path, name), depth - 1)
    elif kind in _SAID:
        yield path, feature if kind is FieldKind.LABEL else TEXT_FEATURE
    elif kind is FieldKind.NUMBER and names_choice(str(path[-1])):
        yield path, feature


def text_at(value: Any, path: Path) -> str | None:
    """Return the text at the end of a path; None where there is none."""
    for number, step in enumerate(path):
        if step is Step.ALL:
            return _together(value or ())
        if step is Step.FIRST:
            if isinstance(value, Mapping):  # a list of structures, stored as a structure of lists
                parts = value.get(str(path[number + 1])) or [None]
                return text_at(parts[0], path[number + 2 :])
            value = value[0] if value else None
        else:
            value = (value or {}).get(step)
    return None if value is None else str(value).strip() or None


def _together(items: Iterable[str | None]) -> str | None:
    """Return the texts of a list as one value."""
    texts = list(dict.fromkeys(text.strip() for text in items if text and text.strip()))
    if not texts:
        return None
    if all(_say_the_same(texts[0], text) for text in texts):
        return texts[0]
    return ", ".join(texts) if all(map(_is_name, texts)) else None


def _say_the_same(first: str, second: str) -> bool:
    one, other = (f" {' '.join(text.casefold().split())} " for text in (first, second))
    return one in other or other in one


def _is_name(text: str) -> bool:
    return len(text) <= LONGEST_NAME and "," not in text and len(text.splitlines()) == 1
