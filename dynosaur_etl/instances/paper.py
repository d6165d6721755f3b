"""The rules of Dynosaur's released code for organising rows (section 3.3), as columns.

- The output is the scalar's stripped text, cut to 2,000 characters.
- One scalar input field stands as it is; several are written "field is 'value'. " each.
- A list of strings is written "'a', 'b'. " without its name, or " A. 'a', B. 'b'." where the
  field's name holds "choice"; the letters go on after Z in the order of Unicode.
- Numbers and truth values are written as Python writes them; a ClassLabel as its name.
- The input is cut to 2,000 characters, wherever that falls.
- A null, a time or a structure is refused, and so is an empty input.

The released code ends a task at the first row whose output it refuses, and keeps empty outputs.
Here such a row is refused alone: an instance has an output, and one of its task's label space.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.features import FieldKind
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.rendering import TEXT, label_names
from dynosaur_etl.instances.columns import (
    LONGEST_LIST,
    bounded,
    joined,
    letter_marks,
    quoted_lists,
    shorter,
    stripped,
)
from dynosaur_etl.instances.rules import (
    Column,
    Rules,
    input_empty,
    input_empty_list,
    input_not_text,
    input_null,
    output_empty,
    output_not_in_labels,
    output_null,
)

MAX_CHARACTERS = 2000
_MARKS = letter_marks(chr(ord("A") + number) for number in range(LONGEST_LIST))


def input_text(column: Column) -> pa.Array:
    """Give the texts of a scalar or of a list of strings; null for any other kind."""
    if column.field.kind is not FieldKind.TEXT_LIST:
        return scalar_text(column)
    if "choice" in column.field.name:
        return quoted_lists(column.values, _MARKS, " ", ".")
    return quoted_lists(column.values, None, after=". ")


def output_text(column: Column) -> pa.Array:
    """Give the stripped texts of a scalar."""
    return shorter(scalar_text(column), MAX_CHARACTERS)


def join(columns: Sequence[Column], texts: Sequence[pa.Array]) -> pa.Array:
    """Give the instances' inputs."""
    several = len(columns) > 1
    pieces = [
        piece
        for column, text in zip(columns, texts, strict=True)
        for piece in _piece(column, bounded(text, MAX_CHARACTERS), several=several)
    ]
    return shorter(joined(*pieces), MAX_CHARACTERS)


def _piece(column: Column, text: pa.Array, *, several: bool) -> list[pa.Array | str]:
    if several and column.field.kind is not FieldKind.TEXT_LIST:
        return [f"{column.field.name} is '", text, "'. "]
    return [text]


def scalar_text(column: Column) -> pa.Array:
    """Return the texts of a scalar as Python writes them; null for a time and any other kind."""
    kind, values = column.field.kind, column.values
    if kind is FieldKind.LABEL:
        return stripped(label_names(column.field.labels, values))
    if kind is FieldKind.TEXT:
        return stripped(pc.cast(values, TEXT))
    if kind is FieldKind.BOOLEAN:
        return pc.if_else(values, "True", "False")
    if pa.types.is_integer(values.type):
        return pc.cast(values, TEXT)
    if pa.types.is_floating(values.type):
        return _as_python_writes(values)
    return pa.nulls(len(values), TEXT)


def _as_python_writes(values: pa.Array) -> pa.Array:
    distinct = values.dictionary_encode()
    texts = [None if value is None else str(value) for value in distinct.dictionary.to_pylist()]
    return pa.array(texts, TEXT).take(distinct.indices)


PAPER = Rules(
    version="paper-2",
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
    ),
)
