from collections.abc import Sequence
from typing import Any

import pytest

from dynosaur_etl.domain.features import Field, FieldKind
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.labels import OPEN, LabelSpace, label_space, with_labels

TEXT = Field("kind", FieldKind.TEXT)
MOOD = Field("mood", FieldKind.LABEL, ("neutral", "good", "", "bad"))


def spread(counts: dict[Any, int]) -> list[Any]:
    return [value for value, number in counts.items() for _ in range(number)]


@pytest.mark.parametrize(
    ("counts", "space"),
    [
        ({"yes": 42, "no": 18}, LabelSpace(("no", "yes"))),
        ({"yes": 43, "no": 17}, None),
        ({"yes": 59, "no": 1}, None),
        ({"a": 30, "b": 15, "c": 15}, LabelSpace(("a", "b", "c"))),
        ({"a": 31, "b": 15, "c": 14}, None),
        ({f"word {n}": 6 for n in range(10)}, OPEN),
        ({f"word {n}": 10 for n in range(10)}, LabelSpace(tuple(f"word {n}" for n in range(10)))),
        ({f"word {n}": 10 for n in range(11)}, OPEN),
        ({"yes": 5, "no": 5}, OPEN),
        ({"yes": 9, "no": 1}, OPEN),
        ({"yes": 28, "no": 1}, OPEN),
        ({"yes": 29, "no": 1}, None),
        ({"1": 20, "2": 20, "-3.5": 20}, OPEN),
        ({"10%": 30, "1,000": 30}, OPEN),
        ({"1": 20, "2": 20, "many": 20}, LabelSpace(("1", "2", "many"))),
        ({"yes": 20, "no": 20, None: 60, " ": 60}, LabelSpace(("no", "yes"))),
        ({" yes": 20, "yes ": 10, "no": 30}, LabelSpace(("no", "yes"))),
        ({"a plot " * 1_000 + str(n): 10 for n in range(10)}, OPEN),
        ({"x" * 60: 20, "y": 20}, LabelSpace(("x" * 60, "y"))),
        ({"x" * 61: 20, "y": 20}, OPEN),
        ({"one two three four five six seven eight nine": 20, "y": 20}, OPEN),
        ({"first\nsecond": 20, "y": 20}, OPEN),
        ({"a": 40, "b": 40, "c": 19, "d": 1}, OPEN),
        ({"a": 40, "b": 40, "c": 18, "d": 2}, LabelSpace(("a", "b", "c", "d"))),
    ],
)
def test_sampled_values_close_a_field_by_shares(
    counts: dict[Any, int], space: LabelSpace | None
) -> None:
    found = label_space(TEXT, spread(counts))
    if space is None:
        assert isinstance(found, Verdict)
        assert found.reason is Reason.LABELS_UNBALANCED
        assert "rows" in found.detail
    else:
        assert found == space


@pytest.mark.parametrize("values", [[], [0], [1, 3] * 5, ["good", "bad"] * 40, [-1] * 50])
def test_a_class_label_is_closed_by_its_names_even_with_few_rows(values: Sequence[Any]) -> None:
    assert label_space(MOOD, values) == LabelSpace(("bad", "good", "neutral"))


def test_a_class_label_is_judged_by_the_rows_too() -> None:
    found = label_space(MOOD, [1] * 40 + [3] * 10)
    assert isinstance(found, Verdict)
    assert "'good' stands in 40 of 50 rows" in found.detail


def test_a_class_label_of_numbers_or_of_very_many_names_stays_open() -> None:
    assert label_space(Field("n", FieldKind.LABEL, ("0", "1", "2")), [0, 1, 2]) == OPEN
    names = tuple(f"intent {n}" for n in range(31))
    assert label_space(Field("n", FieldKind.LABEL, names), list(range(31))) == OPEN
    assert label_space(Field("n", FieldKind.LABEL, names[:30]), [0]) != OPEN


def test_a_class_label_with_a_whole_text_for_a_name_stays_open() -> None:
    names = ("short", "the long name of a class that tells in a whole sentence what it is about")
    assert label_space(Field("n", FieldKind.LABEL, names), [0, 1]) == OPEN


def test_truth_values_are_written_as_they_are_filled_in() -> None:
    field = Field("is_true", FieldKind.BOOLEAN)
    assert label_space(field, [True, False] * 30) == LabelSpace(("false", "true"))


@pytest.mark.parametrize("kind", [FieldKind.NUMBER, FieldKind.TIME])
def test_numbers_and_times_stay_open(kind: FieldKind) -> None:
    assert label_space(Field("x", kind), ["a", "b"] * 30) == OPEN


def test_labels_are_appended_only_if_all_are_short() -> None:
    assert with_labels("Pick one.", ("a", "b")) == "Pick one. Answers must be one of a, b."
    assert with_labels("Pick one.", ("a", "x" * 15)).endswith("xxx.")
    assert with_labels("Pick one.", ("a", "x" * 16)) == "Pick one."
    assert with_labels("Pick one.", ()) == "Pick one."
