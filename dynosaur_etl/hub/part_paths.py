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
from dynosaur_etl.forms.cells import read_choices
from dynosaur_etl.hub.answers import lists_choices, names_choice

LONGEST_NAME = 60
TEXT_FEATURE: dict[str, Any] = {"dtype": "string", "_type": "Value"}
CHOICES_FEATURE: dict[str, Any] = {"feature": TEXT_FEATURE, "_type": "List"}

_SAID = frozenset({FieldKind.TEXT, FieldKind.LABEL, FieldKind.BOOLEAN})
_LISTED = frozenset({FieldKind.TEXT, FieldKind.LABEL})


class Step(Enum):
    """What is taken of a list."""

    FIRST = "[0]"
    ALL = "[*]"


Path = tuple[str | Step, ...]


def parts_of(feature: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the paths of what is a text, label or truth value, with the feature of its column.

    A number counts where it may name the right one of some choices. Choices are a list of texts.
    """
    return _walk(feature, (), MAX_DEPTH)


def written(path: Path) -> str:
    """Return a path as it stands behind the field's name."""
    return "".join(step.value if isinstance(step, Step) else path_step(step) for step in path)


def _walk(feature: Any, path: Path, depth: int) -> Iterator[tuple[Path, dict[str, Any]]]:
    if depth == 0:
        return
    element = element_of(feature)
    (kind,) = {one.kind for one in fields_of({"": feature if element is None else element})}
    if path and isinstance(path[-1], str) and lists_choices(path[-1]):
        yield path, CHOICES_FEATURE
    elif is_structure(feature) or is_structure(element):
        before = path if element is None else (*path, Step.FIRST)
        for name, part in (element or feature).items():
            yield from _walk(part, (*before, name), depth - 1)
    elif element is not None:
        yield from [((*path, Step.ALL), TEXT_FEATURE)] * (kind in _LISTED)
    elif kind in _SAID:
        yield path, feature if kind is FieldKind.LABEL else TEXT_FEATURE
    elif kind is FieldKind.NUMBER and names_choice(str(path[-1])):
        yield path, feature


def value_at(value: Any, path: Path, feature: Mapping[str, Any]) -> str | list[str] | None:
    """Return the text, or the choices, at the end of a path; None where there is none.

    Args:
        value: of the whole field, with texts as its scalars.
        path: of the part.
        feature: of the part's column, as `parts_of` gives it.
    """
    found = _end_of(value, path)
    if feature is CHOICES_FEATURE:
        _, choices = read_choices(found or ()) or ([], [])
        return choices or None
    return None if found is None else str(found).strip() or None


def _end_of(value: Any, path: Path) -> Any:
    for number, step in enumerate(path):
        if step is Step.ALL:
            return _together(value or ())
        if step is Step.FIRST:
            if isinstance(value, Mapping):  # a list of structures, stored as a structure of lists
                parts = value.get(str(path[number + 1])) or [None]
                return _end_of(parts[0], path[number + 2 :])
            value = value[0] if value else None
        else:
            value = (value or {}).get(step)
    return value


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
