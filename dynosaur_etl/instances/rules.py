"""What a set of rules for organising rows is: texts of fields, their joining, and what is refused.

A set of rules works on whole columns. Rows that it cannot fill are marked, row by row, with the
first reason that applies; nothing else of the task is touched by them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dynosaur_etl.domain.features import SCALAR_KINDS, Field, FieldKind
from dynosaur_etl.domain.nested import flatten
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.rendering import readable

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Column:
    """A field's values of some rows; `feature` is the field's JSON form."""

    field: Field
    feature: Any
    values: pa.Array


@dataclass(frozen=True)
class Rendered:
    """Some rows of a task as text; null where there is none.

    Attributes:
        inputs: the columns of the input fields, and `parts` each one's texts.
        joined: the instance's input, made of the parts.
    """

    output: pa.Array
    labels: Sequence[str]
    inputs: Sequence[Column]
    parts: Sequence[pa.Array]
    joined: pa.Array


Check = tuple[Reason, Callable[[Rendered], Mask]]


@dataclass(frozen=True)
class Rules:
    """One set of rules.

    Attributes:
        version: goes into the fingerprint of what is filled.
        scalar_text: gives the whole texts of a scalar field, as an LLM is shown them too.
        input_text: gives the texts of an input field, whole or cut.
        output_text: gives the texts of the output field, cut.
        join: makes the instances' inputs of the fields' texts, cut.
        checks: why a row is refused, in their order.
    """

    version: str
    scalar_text: Callable[[Column], pa.Array]
    input_text: Callable[[Column], pa.Array]
    output_text: Callable[[Column], pa.Array]
    join: Callable[[Sequence[Column], Sequence[pa.Array]], pa.Array]
    checks: Sequence[Check]

    def render(self, inputs: Sequence[Column], output: Column, labels: Sequence[str]) -> Rendered:
        """Give the rows' texts; an output with a label space is written as its label."""
        texts = as_labels(output) if labels else None
        parts = [self.input_text(column) for column in inputs]
        return Rendered(
            output=self.output_text(output) if texts is None else texts,
            labels=labels,
            inputs=inputs,
            parts=parts,
            joined=self.join(inputs, parts),
        )

    def refused(self, rendered: Rendered) -> list[tuple[Reason, Mask]]:
        """Give the reasons that apply and the rows to which each is the first that does."""
        open_rows = np.ones(len(rendered.output), np.bool_)
        found = []
        for reason, applies in self.checks:
            rows = applies(rendered) & open_rows
            if rows.any():
                found.append((reason, rows))
                open_rows &= ~rows
        return found


def as_labels(column: Column) -> pa.Array | None:
    """Give truth values as a label space writes them; None for a field of another kind."""
    truth = column.field.kind is FieldKind.BOOLEAN
    return pc.if_else(column.values, "true", "false") if truth else None


def output_null(rendered: Rendered) -> Mask:
    return mask(pc.is_null(rendered.output))


def output_empty(rendered: Rendered) -> Mask:
    return mask(pc.equal(rendered.output, ""))


def output_not_in_labels(rendered: Rendered) -> Mask:
    if not rendered.labels:
        return np.zeros(len(rendered.output), np.bool_)
    return ~mask(pc.is_in(rendered.output, pa.array(rendered.labels, pa.string())))


def input_null(rendered: Rendered) -> Mask:
    """Find rows with a null, or with a scalar such as NaN that has no text."""
    found = np.zeros(len(rendered.output), np.bool_)
    for column, texts in zip(rendered.inputs, rendered.parts, strict=True):
        scalar = column.field.kind in SCALAR_KINDS
        found |= mask(pc.is_null(texts if scalar else column.values))
    return found


def input_empty_list(rendered: Rendered) -> Mask:
    """Find rows with a list or a structure in which there is nothing."""
    found = np.zeros(len(rendered.output), np.bool_)
    for column, texts in zip(rendered.inputs, rendered.parts, strict=True):
        if column.field.kind not in SCALAR_KINDS:
            without_text = np.flatnonzero(mask(pc.is_null(texts)))
            cells = readable(column.values.take(pa.array(without_text)), column.feature)
            holds_nothing = [flatten("", cell) is None for cell in cells.to_pylist()]
            found[without_text[np.array(holds_nothing, np.bool_)]] = True
    return found


def input_not_text(rendered: Rendered) -> Mask:
    """Find rows with a list or a structure that has no faithful text."""
    return mask(pc.is_null(rendered.joined))


def input_empty(rendered: Rendered) -> Mask:
    empty = np.ones(len(rendered.output), np.bool_)
    for texts in rendered.parts:
        empty &= mask(pc.equal(texts, ""))
    return empty


def output_copies_input(rendered: Rendered) -> Mask:
    copies = np.zeros(len(rendered.output), np.bool_)
    for texts in rendered.parts:
        copies |= mask(pc.equal(texts, rendered.output))
    return copies


def mask(values: pa.Array) -> Mask:
    """Give a boolean column as numpy, null as False."""
    found: Mask = pc.fill_null(values, fill_value=False).to_numpy(zero_copy_only=False)
    return found
