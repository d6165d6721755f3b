"""The default rules: those of Dynosaur (section 3.3) without the faults of its released code.

- One input field stands as it is; several are written "field is 'value'." each, lists among them:
  "options is A. 'x', B. 'y'.", lettered where the field's name holds "choice" or "option".
- A nested field of plain text is flattened: "answers.text is 'x', 'y'."
- A scalar has the one text of `domain.rendering`; a value that has none there is null.
- Input and output have 2,000 characters at most, cut at the end of a sentence or of a word. Where
  several fields are too long together, the long ones are cut to an equal share, so that no field
  is lost behind another.
- An output that is the same text as an input is refused.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.features import SCALAR_KINDS, FieldKind
from dynosaur_etl.domain.nested import flatten
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.rendering import TEXT, label_names, readable, scalar_texts
from dynosaur_etl.instances.columns import (
    LONGEST_LIST,
    joined,
    lengths_of,
    letter_marks,
    letters_after_z,
    quoted_lists,
    shorter,
    stripped,
)
from dynosaur_etl.instances.cutting import MAX_CHARACTERS, cut, fair_share
from dynosaur_etl.instances.rules import (
    Column,
    Rules,
    input_empty,
    input_empty_list,
    input_not_text,
    input_null,
    output_copies_input,
    output_empty,
    output_not_in_labels,
    output_null,
)

_CHOICE_WORDS = ("choice", "option")
_MARKS = letter_marks(letters_after_z(LONGEST_LIST))
_KEPT_CHARACTERS = MAX_CHARACTERS + 1
"""One more than are kept shows that a text is too long, and where its last word ends."""


def scalar_text(column: Column) -> pa.Array:
    """Return the stripped texts of a scalar, whole; null for a field of another kind."""
    field, values = column.field, column.values
    if field.kind is FieldKind.LABEL:
        return stripped(label_names(field.labels, values))
    if field.kind not in SCALAR_KINDS:
        return pa.nulls(len(values), TEXT)
    return stripped(scalar_texts(values))


def input_text(column: Column) -> pa.Array:
    """Give the texts of a scalar, a list of strings or a nested field, longer than they may be."""
    field = column.field
    if field.kind is FieldKind.TEXT_LIST:
        lettered = any(word in field.name.lower() for word in _CHOICE_WORDS)
        texts = quoted_lists(column.values, _MARKS if lettered else None)
    elif field.flattens:
        texts = _flattened(column)
    else:
        texts = scalar_text(column)
    return shorter(texts, _KEPT_CHARACTERS)


def output_text(column: Column) -> pa.Array:
    """Give the stripped texts of a scalar, cut."""
    return _cut_long(shorter(scalar_text(column), _KEPT_CHARACTERS))


def join(columns: Sequence[Column], texts: Sequence[pa.Array]) -> pa.Array:
    """Give the instances' inputs."""
    if len(columns) == 1:
        return _cut_long(texts[0])
    pieces: list[pa.Array | str] = []
    for column, text in zip(columns, texts, strict=True):
        before, after = _frame(column)
        pieces += [before, text, after + " "]
    pieces[-1] = str(pieces[-1]).rstrip()
    whole = joined(*pieces)
    return _replaced(whole, lambda row: _fitted(columns, [text[row].as_py() for text in texts]))


def _frame(column: Column) -> tuple[str, str]:
    """Give what stands before and after a field's text where there are several fields."""
    if column.field.flattens:
        return "", ""
    if column.field.kind in SCALAR_KINDS:
        return f"{column.field.name} is '", "'."
    return f"{column.field.name} is ", "."


def _fitted(columns: Sequence[Column], texts: Sequence[str]) -> str:
    frames = [_frame(column) for column in columns]
    overhead = sum(len(before) + len(after) + 1 for before, after in frames) - 1
    share = fair_share([len(text) for text in texts], max(0, MAX_CHARACTERS - overhead))
    pieces = [
        before + cut(text, share) + after
        for (before, after), text in zip(frames, texts, strict=True)
    ]
    return cut(" ".join(pieces))


def _cut_long(texts: pa.Array) -> pa.Array:
    return _replaced(texts, lambda row: cut(texts[row].as_py()))


def _replaced(texts: pa.Array, shortened: Callable[[int], str]) -> pa.Array:
    """Replace the texts that are too long; the others are not touched."""
    long_rows = np.flatnonzero(lengths_of(texts) > MAX_CHARACTERS)
    if not len(long_rows):
        return texts
    at = np.zeros(len(texts), np.bool_)
    at[long_rows] = True
    shorts = [shortened(int(row)) for row in long_rows]
    return pc.replace_with_mask(texts, pa.array(at), pa.array(shorts, TEXT))


def _flattened(column: Column) -> pa.Array:
    values = readable(column.values, column.feature).to_pylist()
    texts = [None if value is None else flatten(column.field.name, value) for value in values]
    return pa.array(texts, TEXT)


DEFAULT = Rules(
    version="default-3",
    scalar_text=scalar_text,
    input_text=input_text,
    output_text=output_text,
    join=join,
    checks=(
        (Reason.OUTPUT_NULL, output_null),
        (Reason.OUTPUT_EMPTY, output_empty),
        (Reason.OUTPUT_NOT_IN_LABELS, output_not_in_labels),
        (Reason.INPUT_NULL, input_null),
        (Reason.INPUT_EMPTY_LIST, input_empty_list),
        (Reason.INPUT_NOT_TEXT, input_not_text),
        (Reason.INPUT_EMPTY, input_empty),
        (Reason.OUTPUT_COPIES_INPUT, output_copies_input),
    ),
)
