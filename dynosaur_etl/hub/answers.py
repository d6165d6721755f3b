"""Fields that name the right one of the choices beside them, and the texts that they stand for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dynosaur_etl.forms.cells import read_choices
from dynosaur_etl.forms.names import CHOICE_ANSWERS, CHOICE_COLUMNS, CHOICE_LISTS
from dynosaur_etl.forms.right_choice import first_number, right_choice
from dynosaur_etl.forms.turns import Refusal

LEAST_NAMED = 0.9

_ANSWERS = frozenset(map(str.lower, CHOICE_ANSWERS))
_Choices = tuple[list[str], list[str]]


def names_choice(name: str) -> bool:
    """Return whether a field is called as one that names the right choice; a path, by its end."""
    return name.rpartition(".")[2].lower() in _ANSWERS


def lists_choices(name: str) -> bool:
    """Return whether a field is called as one that lists choices."""
    return name.lower() in CHOICE_LISTS


def named_choices(columns: Mapping[str, Sequence[Any]]) -> dict[str, list[str | None]]:
    """Return the texts of the right choices for each field that names them.

    A field is known by its name, such as `answer` or `qa.label`, by choices in the same row, and by
    naming one of them in nine tenths of its rows, by mark, letter or number. One that holds the
    texts themselves is left as it is.

    Args:
        columns: the values of each field, with texts as their scalars.
    """
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    choices = [next(_choices_of(row), None) for row in rows]
    if not any(choices):
        return {}
    found = {}
    for name, answers in columns.items():
        if names_choice(name) and all(map(_is_scalar, answers)):
            texts = _texts_of(answers, choices)
            if texts is not None:
                found[name] = texts
    return found


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | None)


def _texts_of(
    answers: Sequence[str | None], choices: Sequence[_Choices | None]
) -> list[str | None] | None:
    most = max(len(found[1]) for found in choices if found)
    base = first_number(answers, most)
    texts = [
        _right_text(answer, found, base) for answer, found in zip(answers, choices, strict=True)
    ]
    given = sum(answer is not None for answer in answers)
    named = sum(text is not None for text in texts)
    return texts if named and named >= LEAST_NAMED * given and texts != list(answers) else None


def _right_text(answer: str | None, found: _Choices | None, base: int) -> str | None:
    if answer is None or found is None:
        return None
    marks, texts = found
    try:
        return texts[right_choice(answer, marks, texts, base)].strip() or None
    except Refusal:
        return None


def _choices_of(row: Mapping[str, Any]) -> Iterator[_Choices]:
    """Yield the choices of a row: in a list, in columns of their own, in a structure."""
    for name, value in row.items():
        read = read_choices(value) if value and lists_choices(name) else None
        if read is not None and len(read[1]) > 1:
            yield read
    for group in CHOICE_COLUMNS:
        texts = [text for name in group if _is_scalar(text := row.get(name)) and text]
        if len(texts) > 1:
            yield [], texts
    for value in row.values():
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, Mapping):
            yield from _choices_of(inner)
