"""The one form of results in JSON: what is written, how, and what has none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.jsonable import IfKnown, Inlined, to_json
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.domain.money import dollars
from dynosaur_etl.domain.reasons import Reason

EAST = timezone(timedelta(hours=2))


@dataclass(frozen=True)
class Sums:
    tasks: int
    cost_usd: Decimal


@dataclass(frozen=True)
class Line:
    from_: date
    sums: Inlined[Sums]
    reasons: Mapping[Reason, int]
    parts: Sequence[Sums] = ()
    keys: IfKnown[Sequence[str]] = None
    parent: str | None = None


@dataclass(frozen=True)
class LongLine(Line):
    name: str = "x"


def test_an_object_has_the_fields_of_what_it_holds_in_line() -> None:
    sums = Sums(3, Decimal("0.0005000000"))
    line = LongLine(date(2026, 10, 5), sums, {Reason.GATED: 2}, (Sums(1, Decimal(0)),))
    assert to_json(line) == {
        "from": "2026-10-05", "tasks": 3, "cost_usd": "0.0005", "reasons": {"gated": 2},
        "parts": [{"tasks": 1, "cost_usd": "0"}], "parent": None, "name": "x",
    }  # fmt: skip
    assert to_json(LongLine(date.min, Sums(0, Decimal(0)), {}, keys=["a"]))["keys"] == ["a"]
    assert list(to_json(line))[:3] == ["from", "tasks", "cost_usd"], "the order is that of fields"


def test_a_report_of_a_step_is_flat() -> None:
    report = StepReport(StepName.FILL, "2026-10-05", Counts(3, 2, 1), {"gated": 1}, {"part": 0})
    assert to_json(report) == {
        "step": "fill", "day": "2026-10-05", "taken": 3, "kept": 2, "rejected": 1, "deferred": 0,
        "reasons": {"gated": 1}, "facts": {"part": 0},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (True, True), (7, 7), (0.25, 0.25), (None, None), ("é\n", "é\n"),
        (StepName.FILL, "fill"), (PurePosixPath("a/b"), "a/b"),
        (Decimal("1E+3"), "1000"), (Decimal("0E-10"), "0"), (Decimal("-0.10"), "-0.1"),
        (datetime(2026, 10, 5, 1, tzinfo=UTC), "2026-10-05T01:00:00+00:00"),
        (datetime(2026, 10, 5, 1, tzinfo=EAST), "2026-10-05T01:00:00+02:00"),
        (np.float32(0.5), 0.5), (np.int64(3), 3), ({1: (2, [3])}, {"1": [2, [3]]}),
    ],
)  # fmt: skip
def test_each_kind_of_value_has_one_form(value: object, form: object) -> None:
    assert to_json(value) == form
    assert type(to_json(value)) is type(form)
    json.dumps(to_json(value))


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Sums, range(3), 1j])
def test_what_has_no_form_is_refused_by_its_type(value: object) -> None:
    with pytest.raises(TypeError, match="has no form in JSON"):
        to_json({"deep": [value]})


@given(st.decimals(-10_000, 10_000, places=10))
def test_an_amount_is_written_in_full_and_reads_as_the_same(amount: Decimal) -> None:
    text = dollars(amount)
    assert Decimal(text) == amount
    assert "E" not in text
    assert not text.endswith((".", "0")) or "." not in text


@pytest.mark.parametrize(
    ("amount", "text"), [("0.00000000001", "0.0000000001"), ("1.00000000009", "1.0000000001")]
)
def test_what_is_smaller_than_is_told_apart_is_rounded_up(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text
