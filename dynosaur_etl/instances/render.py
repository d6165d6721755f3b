"""A column of a config as plain text, by Dynosaur's rules for organising rows (section 3.3).

Null stays null, and what is no number becomes null; a ClassLabel becomes its name; a list of
strings becomes quoted items, lettered where the field holds choices; numbers and times are
written as Arrow writes them, so that a 32-bit float shows its own shortest digits.
"""

from collections.abc import Sequence
from string import ascii_uppercase

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.features import Field, FieldKind

MAX_CHARACTERS = 2000
_CHOICE_WORDS = ("choice", "option")


def render_output(field: Field, column: pa.ChunkedArray) -> list[str | None]:
    """Render a scalar column as stripped text of at most 2,000 characters."""
    return [None if text is None else cut(text.strip()) for text in _scalar_texts(field, column)]


def render_input(field: Field, column: pa.ChunkedArray) -> list[str | None]:
    """Render a column of scalars or of lists of strings as text of at most 2,000 characters.

    A list that is empty or holds a null has no faithful text: it is null.
    """
    if field.kind is FieldKind.TEXT_LIST:
        lettered = any(word in field.name.lower() for word in _CHOICE_WORDS)
        return [_list_text(items, lettered) for items in column.to_pylist()]
    return render_output(field, column)


def cut(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Cut a text before the word that crosses the limit; one endless word is cut inside."""
    if len(text) <= limit:
        return text
    head = text[: limit + 1]
    space = max(head.rfind(" "), head.rfind("\n"), head.rfind("\t"))
    return head[:space].rstrip() if space > 0 else text[:limit]


def _scalar_texts(field: Field, column: pa.ChunkedArray) -> list[str | None]:
    if field.kind is FieldKind.LABEL:
        return [_label(field.labels, number) for number in column.to_pylist()]
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, None)
    texts: list[str | None] = pc.cast(column, pa.large_string()).to_pylist()
    return texts


def _label(labels: tuple[str, ...], number: int | None) -> str | None:
    if number is None or not 0 <= number < len(labels):
        return None
    return labels[number]


def _list_text(items: Sequence[str | None] | None, lettered: bool) -> str | None:
    if not items or None in items:
        return None
    quoted = [f"'{item}'" for item in items]
    if lettered:
        quoted = [f"{_letter(n)}. {item}" for n, item in enumerate(quoted)]
    return cut(", ".join(quoted) + ".")


def _letter(number: int) -> str:
    earlier, rest = divmod(number, len(ascii_uppercase))
    return (_letter(earlier - 1) if earlier else "") + ascii_uppercase[rest]
