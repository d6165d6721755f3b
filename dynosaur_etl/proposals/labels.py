"""The label space: the closed list of outputs of a task, where it has one.

The paper closes a task whose output has at most 10 distinct values in the first 100 rows, drops it
where one value is too frequent (over 70 of 100 with two labels, over 50 with more), and appends the
list to the instruction. Its numbers are absolute, so that 59 of 60 rows pass; here they are shares.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.values import output_text

MAX_DISTINCT = 10
MAX_DISTINCT_SHARE = 0.1
MAX_CLASS_LABELS = 30
MAX_SHARE_OF_TWO = 0.7
MAX_SHARE_OF_MORE = 0.5
MIN_ROWS = 30
"""Fewer values prove nothing, neither that a list is closed nor that it is unbalanced.

Of two labels that are equally frequent, the larger one has more than 70% of 30 rows in 2 samples
of 100, but of 10 rows in 11 of 100; a small sample must not reject a sound field.
"""
SHORT_LABEL = 15
MAX_LABEL = 60
MAX_LABEL_WORDS = 8
MIN_REPEATS = 2
"""Values that close a field repeat; one that stands alone may have undrawn neighbours."""

_CLOSED_KINDS = frozenset({FieldKind.TEXT, FieldKind.LABEL, FieldKind.BOOLEAN})
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|\.\d+)%?")


@dataclass(frozen=True)
class LabelSpace:
    """The outputs that a task allows, sorted; empty where any output is allowed."""

    labels: tuple[str, ...] = ()


OPEN = LabelSpace()


def label_space(field: Field, values: Sequence[Any]) -> LabelSpace | Verdict:
    """Find the label space of an output field, or why it cannot serve.

    1. A field with few distinct values (at most 10, and at least 30 values that are not empty) is
       refused as LABELS_UNBALANCED if its largest value has more than 0.7 of two, or more than
       0.5 of several. A ClassLabel is judged by the rows like any other field.
    2. A ClassLabel of up to 30 names is closed by its names, without empty ones; a longer one
       stays open, since an instruction cannot list it.
    3. A text or truth value is closed by its values if there are 2 to 10, at most one for every
       ten rows that are not empty, and each of them at least twice.
    4. A list of bare numbers is no label space, nor is one with a label of more than 60 characters,
       8 words or one line: the field stays open.

    The values are those of the sampled rows, ClassLabels as numbers or as names.
    """
    counts = Counter(text for value in values if (text := output_text(field, value)) is not None)
    share = _excessive_share(counts)
    if share is not None:
        return Verdict(Reason.LABELS_UNBALANCED, f"{field.name}: {share}")
    labels = _class_names(field) if field.kind is FieldKind.LABEL else _value_labels(field, counts)
    if len(labels) < 2 or all(_NUMBER.fullmatch(label) for label in labels):
        return OPEN
    if not all(_is_label(label) for label in labels):
        return OPEN
    return LabelSpace(labels)


def with_labels(instruction: str, labels: Sequence[str]) -> str:
    """Append the label space in the paper's words, if no label is longer than 15 characters."""
    if not labels or any(len(label) > SHORT_LABEL for label in labels):
        return instruction
    return f"{instruction} Answers must be one of {', '.join(labels)}."


def _excessive_share(counts: Counter[str]) -> str | None:
    total = counts.total()
    if total < MIN_ROWS or not 1 < len(counts) <= MAX_DISTINCT:
        return None
    largest, number = max(counts.items(), key=lambda item: (item[1], item[0]))
    limit = MAX_SHARE_OF_TWO if len(counts) == 2 else MAX_SHARE_OF_MORE
    if number <= limit * total:
        return None
    return f"{largest[:80]!r} stands in {number} of {total} rows; at most {limit:.0%} are allowed"


def _is_label(text: str) -> bool:
    short = len(text) <= MAX_LABEL and len(text.split()) <= MAX_LABEL_WORDS
    return short and len(text.splitlines()) == 1


def _class_names(field: Field) -> tuple[str, ...]:
    names = {name.strip() for name in field.labels} - {""}
    return tuple(sorted(names)) if len(names) <= MAX_CLASS_LABELS else ()


def _value_labels(field: Field, counts: Counter[str]) -> tuple[str, ...]:
    total = counts.total()
    few = len(counts) <= min(MAX_DISTINCT, MAX_DISTINCT_SHARE * total)
    repeat = min(counts.values(), default=0) >= MIN_REPEATS
    closed = field.kind in _CLOSED_KINDS and total >= MIN_ROWS and few and repeat
    return tuple(sorted(counts)) if closed else ()
