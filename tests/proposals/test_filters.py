"""Each filter alone, as a table: what it drops, and what looks like it and stands."""

from typing import Any

import pytest

from dynosaur_etl.domain.models import Config, Strictness
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals import row_filters, shape_filters, wording_filters
from dynosaur_etl.proposals.draft import Draft, Sample, read_draft, split_outputs
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.validity import FILTERS, ValidityRules

MOODS = ("good", "bad", "mixed")
FEATURES: dict[str, Any] = {
    "review": {"_type": "Value", "dtype": "string"},
    "mood": {"_type": "ClassLabel", "names": list(MOODS)},
    "mood_name": {"_type": "Value", "dtype": "string"},
    "tagged": {"_type": "Value", "dtype": "string"},
    "choices": {"_type": "Value", "dtype": "string"},
    "copy": {"_type": "Value", "dtype": "string"},
    "capital": {"_type": "Value", "dtype": "string"},
    "reviewer_notes": {"_type": "Value", "dtype": "string"},
    "summary": {"_type": "Value", "dtype": "string"},
    "details": {"verdict": {"word": {"_type": "Value", "dtype": "string"}}},
    "turns": {
        "_type": "List",
        "feature": {"said": {"_type": "Value", "dtype": "string"}},
    },
}


def rows(number: int = 30) -> list[dict[str, Any]]:
    return [
        {
            "review": f"review {n} of the place",
            "mood": n % 3,
            "mood_name": ["fine", "poor", "so-so"][n % 3],
            "tagged": f"[{MOODS[n % 3].upper()}] visit {n}",
            "choices": "good, bad or mixed",
            "copy": f"Review {n}  of the PLACE",
            "capital": ["Port Louis on Mauritius", "Lima", "Oslo"][n % 3] + f" {n}" * (n > 2),
            "reviewer_notes": f"notes {n}",
            "summary": f"summary {n}",
            "details": {"verdict": {"word": MOODS[n % 3]}},
            "turns": [{"said": f"turn {n}"}, {"said": None}],
        }
        for n in range(number)
    ]


def sample(number: int = 30) -> Sample:
    return Sample(Config("a/b", "0" * 40, "c", FEATURES, {}), rows(number), ("en",))


def draft(instruction: str, inputs: str = "review", output: str = "mood") -> Draft:
    return Draft(instruction, tuple(inputs.split()), (output,))


@pytest.mark.parametrize(
    ("inputs", "output", "number", "leaks"),
    [
        ("mood_name", "mood", 30, True),
        ("review mood_name", "mood", 30, True),
        ("tagged", "mood", 30, True),
        ("details", "mood", 30, True),
        ("turns", "mood", 30, False),
        ("review", "mood", 30, False),
        ("choices review", "mood", 30, False),
        ("mood_name", "mood", 9, False),
        ("mood", "review", 30, False),
        ("nowhere", "mood", 30, False),
    ],
)
def test_a_label_that_an_input_tells_is_leaked(
    inputs: str, output: str, number: int, leaks: bool
) -> None:
    found = row_filters.label_leaked(draft("Name the mood.", inputs, output), sample(number))
    assert (found is not None and found.reason is Reason.LABEL_LEAKED) == leaks


def test_rows_that_repeat_each_other_show_no_leak() -> None:
    repeated = Sample(Config("a/b", "0" * 40, "c", FEATURES, {}), rows(3) * 10, ("en",))
    assert row_filters.label_leaked(draft("Name it.", "mood_name"), repeated) is None


@pytest.mark.parametrize(
    ("inputs", "output", "copies"),
    [
        ("review", "copy", True),
        ("summary review", "copy", True),
        ("summary", "copy", False),
        ("review", "summary", False),
    ],
)
def test_an_output_that_is_an_input_is_copied(inputs: str, output: str, copies: bool) -> None:
    found = row_filters.output_copied(draft("Write the copy.", inputs, output), sample())
    assert (found is not None and found.reason is Reason.OUTPUT_COPIED) == copies


def test_half_of_the_rows_may_be_left_as_they_are() -> None:
    table = rows(10)
    for row in table[:5]:
        row["copy"] = "something else"
    half = Sample(Config("a/b", "0" * 40, "c", FEATURES, {}), table, ("en",))
    assert row_filters.output_copied(draft("Correct it.", "review", "copy"), half) is None
    table[5]["copy"], table[4]["copy"] = "else", table[4]["review"]
    table[5]["copy"] = table[5]["review"]
    more = Sample(Config("a/b", "0" * 40, "c", FEATURES, {}), table, ("en",))
    assert row_filters.output_copied(draft("Correct it.", "review", "copy"), more) is not None


@pytest.mark.parametrize(
    ("instruction", "output", "tells"),
    [
        ("Which is the capital? It is Port Louis on Mauritius.", "capital", True),
        ("Say where it is. The answer is Lima.", "capital", True),
        ("Name the capital, such as Lima.", "capital", False),
        ("The answer is Lima or Oslo; which one?", "capital", False),
        ("Decide whether the review is good.", "mood", False),
        ("Decide on the mood. The answer is 'good'.", "mood", True),
        ("The answer is good or bad; decide which.", "mood", False),
        ("The answer is goodness.", "mood", False),
    ],
)
def test_an_instruction_that_tells_the_answer(instruction: str, output: str, tells: bool) -> None:
    found = wording_filters.answer_given_away(draft(instruction, "review", output), sample())
    assert (found is not None and found.reason is Reason.ANSWER_GIVEN_AWAY) == tells


@pytest.mark.parametrize(
    ("instruction", "inputs", "names"),
    [
        ("Decide on the mood from the summary.", "review", True),
        ("Given the summary, name the mood.", "review", True),
        ("Use 'summary' to find the mood.", "review", True),
        ("Read reviewer notes and name the mood.", "summary", True),
        ("Read reviewer_notes and name the mood.", "summary", True),
        ("Decide on the mood from the summary.", "summary", False),
        ("Read the mood name and decide on it.", "review", False),  # may mean the mood
        ("Write a summary of the review.", "review", False),
        ("Given the mood, do the rest.", "review", False),  # the output's name
        ("From the summaryless text, name the mood.", "review", False),
    ],
)
def test_an_instruction_that_names_a_field_which_it_does_not_get(
    instruction: str, inputs: str, names: bool
) -> None:
    found = wording_filters.field_not_given(draft(instruction, inputs), sample())
    assert (found is not None and found.reason is Reason.FIELD_NOT_GIVEN) == names


@pytest.mark.parametrize(
    ("instruction", "foreign"),
    [
        ("Answer the question with the help of the text.", False),
        ("Beantworte die Frage mit Hilfe des Textes.", True),
        ("Ответьте на вопрос по тексту.", True),
        ("请根据文本回答下面的问题。", True),
        ("Resume el artículo en una sola frase.", True),
        ('Translate "Beantworte die Frage mit Hilfe des Textes" into English.', False),
        ("Name it.", False),
    ],
)
def test_an_instruction_in_a_foreign_language(instruction: str, foreign: bool) -> None:
    found = wording_filters.instruction_language(draft(instruction), sample())
    assert (found is not None and found.reason is Reason.INSTRUCTION_LANGUAGE) == foreign


def test_a_language_that_is_allowed_stands() -> None:
    german = Sample(Config("a/b", "0" * 40, "c", FEATURES, {}), rows(), ("de", "en"))
    asked = draft("Beantworte die Frage mit Hilfe des Textes.")
    assert wording_filters.instruction_language(asked, german) is None


@pytest.mark.parametrize(
    ("instruction", "empty", "short"),
    [("", True, True), ("...!", True, True), ("Do it.", False, True), ("Do it now.", False, False)],
)
def test_empty_and_short_instructions(instruction: str, empty: bool, short: bool) -> None:
    drafted = draft(instruction)
    assert (shape_filters.instruction_empty(drafted, sample()) is not None) == empty
    assert (shape_filters.instruction_too_short(drafted, sample()) is not None) == short


def test_every_filter_has_a_reason_of_its_own_and_each_level_holds_the_one_before() -> None:
    assert len({found.reason for found in FILTERS}) == len(FILTERS)
    lenient, paper, strict = (set(ValidityRules(level).filters) for level in Strictness)
    assert lenient < paper < strict == set(FILTERS)


def test_a_filter_that_is_left_out_does_not_apply() -> None:
    rules = ValidityRules(without=frozenset({Reason.OUTPUT_COPIED}))
    assert not rules.applies(Reason.OUTPUT_COPIED)
    assert rules.applies(Reason.LABEL_LEAKED)
    assert not ValidityRules(Strictness.PAPER).applies(Reason.LABEL_LEAKED)


def test_several_outputs_are_split_into_tasks_at_positions_of_their_own() -> None:
    several = {"instruction": "Do it.", "input_fields": ["a"], "output_field": ["b", "c", "b"]}
    single = several | {"output_field": ["d"]}
    given = [RawProposal(0, several), RawProposal(1, single), RawProposal(2, "nonsense")]
    proposals, split = split_outputs(given)
    assert split == 1
    assert [raw.position for raw in proposals] == [0, 1, 2, 3]
    assert [raw.payload["output_field"] for raw in (proposals[0], proposals[3])] == ["b", "c"]
    assert proposals[1:3] == given[1:]


def test_names_that_llms_write_now_and_then_are_put_right() -> None:
    other = {"instruction": "Do it.", "input_field": "a", "output_fields": ["b"]}
    assert read_draft(other) == Draft("Do it.", ("a",), ("b",), ("renamed", "bare_input"))
