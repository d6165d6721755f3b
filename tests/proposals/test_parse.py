"""Answers of every kind, whole, broken and hostile."""

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.parse import MAX_PROPOSALS, ReadAnswer, read_proposals

ONE = {"instruction": "Answer the question.", "input_fields": ["question"], "output_field": "a"}
TWO = {"instruction": "Ask a question.", "input_fields": ["a"], "output_field": "question"}
WHOLE = json.dumps({"tasks": [ONE, TWO]})


def read(content: str | None, refusal: str | None = None, finish: str = "stop") -> ReadAnswer:
    return read_proposals(content, refusal, finish)


def payloads(answer: ReadAnswer) -> list[Any]:
    assert [p.position for p in answer.proposals] == list(range(len(answer.proposals)))
    return [p.payload for p in answer.proposals]


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        json.dumps([ONE, TWO]),
        json.dumps({"task1": ONE, "task2": TWO}),
        json.dumps({"Task 1": ONE, "task_2": TWO}),
        json.dumps({"tasks": {"task1": ONE, "task2": TWO}}),
        json.dumps({"tasks": [ONE, TWO]}, indent=2),
    ],
)
def test_strict_json_needs_no_rescue(content: str) -> None:
    answer = read(content)
    assert payloads(answer) == [ONE, TWO]
    assert (answer.rescue, answer.reject) == (None, None)


def test_a_single_task_is_read() -> None:
    assert payloads(read(json.dumps(ONE))) == [ONE]
    assert payloads(read(json.dumps({"tasks": ONE}))) == [ONE]


@pytest.mark.parametrize(
    ("content", "rescue"),
    [
        (f"Certainly! Here [as asked] are {{two}} tasks:\n{WHOLE}\nEnjoy.", "prose"),
        (f"```json\n{WHOLE}\n```", "prose"),
        (f"{json.dumps(ONE)}\n{json.dumps(TWO)}", "prose"),
        (WHOLE[:-1] + ",}", "prose"),
        (repr({"tasks": [ONE, TWO]}), "python"),
        (repr({"task1": ONE, "task2": TWO}), "python"),
        (f"tasks = {[ONE, TWO]!r}", "python"),
        (WHOLE + " it's what you [asked for", "prose"),
    ],
)
def test_what_surrounds_or_quotes_the_json_is_no_obstacle(content: str, rescue: str) -> None:
    answer = read(content)
    assert payloads(answer) == [ONE, TWO]
    assert answer.rescue == rescue


@pytest.mark.parametrize(
    "text", [WHOLE, repr({"task1": ONE, "task2": TWO}), json.dumps([ONE, TWO])]
)
def test_a_cut_answer_gives_the_whole_tasks_before_the_cut(text: str) -> None:
    end_of_one = text.index("}") + 1
    end_of_two = text.index("}", end_of_one) + 1
    for cut in range(1, len(text)):
        answer = read(text[:cut], finish="length")
        if cut < end_of_one:
            assert payloads(answer) == []
            assert answer.reject is Reason.ANSWER_NOT_JSON
        else:
            assert payloads(answer) == ([ONE, TWO] if cut >= end_of_two else [ONE])
            assert answer.rescue == "truncated"


def test_one_broken_task_does_not_take_the_others_with_it() -> None:
    broken = '{"instruction": "Say "hello".", "input_fields": ["a"], "output_field": "b"}'
    answer = read(f'{{"tasks": [{json.dumps(ONE)}, {broken}, {json.dumps(TWO)}]}}')
    assert payloads(answer) == [ONE, TWO]


@pytest.mark.parametrize(
    ("content", "refusal", "finish", "reason"),
    [
        (None, "I cannot help with that.", "stop", Reason.LLM_REFUSAL),
        (None, None, "content_filter", Reason.LLM_REFUSAL),
        (None, None, "stop", Reason.ANSWER_EMPTY),
        (" \n", None, "length", Reason.ANSWER_EMPTY),
        ('{"tasks": []}', None, "stop", Reason.ANSWER_EMPTY),
        ("{}", None, "stop", Reason.ANSWER_EMPTY),
        ("I cannot help with that.", None, "stop", Reason.ANSWER_NOT_JSON),
        ("[1] see {note}", None, "stop", Reason.ANSWER_NOT_JSON),
        ("null", None, "stop", Reason.ANSWER_WRONG_SHAPE),
        ("42", None, "stop", Reason.ANSWER_WRONG_SHAPE),
        ('"tasks"', None, "stop", Reason.ANSWER_WRONG_SHAPE),
        ('{"tasks": null}', None, "stop", Reason.ANSWER_WRONG_SHAPE),
        ('{"answer": {"instruction": 1}}', None, "stop", Reason.ANSWER_WRONG_SHAPE),
    ],
)
def test_an_answer_without_tasks_tells_why(
    content: str | None, refusal: str | None, finish: str, reason: Reason
) -> None:
    answer = read(content, refusal, finish)
    assert answer.proposals == ()
    assert answer.reject is reason
    assert answer.detail


def test_payloads_are_cleaned_and_bounded() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    nasty = '{"tasks": [{"instruction": "a\\u0000b\\ud800", "n": 1e999, "deep": %s, "l": %s}]}'
    answer = read(nasty % (json.dumps(deep), json.dumps("y" * 50_000)))
    [payload] = payloads(answer)
    assert payload["instruction"] == "a�b�"
    assert payload["n"] is None
    assert len(payload["l"]) == 4_000
    assert len(json.dumps(payload["deep"])) < 100


def test_pairs_of_escaped_surrogates_are_one_character() -> None:
    assert payloads(read("{'instruction': '\\ud83d\\ude00 \\ud800'}"))[0]["instruction"] == "😀 �"


def test_only_so_many_proposals_are_read() -> None:
    answer = read(json.dumps([ONE] * 50))
    assert len(answer.proposals) == MAX_PROPOSALS
    assert "30 more" in answer.detail


@pytest.mark.parametrize(
    "hostile",
    [
        "{" * 10_000_000,
        "[" * 10_000_000,
        '{"a":' * 2_000_000,
        '{"a' * 3_000_000,
        "{'a': '" * 1_500_000,
        '{"tasks": ' * 20_000 + "1" + "}" * 20_000,
        '{"a": (((' * 1_000_000,
        "\\" * 10_000_000,
        '"' * 10_000_000,
        "{" + " " * 10_000_000,
        "[-" + "-" * 1_000_000 + "1]",
        "[" + "9" * 1_000_000 + "]",
        '{"tasks":' * 300 + "[]" + "}" * 300,
    ],
    ids=lambda text: f"{text[:8]}x{len(text)}",
)
def test_hostile_answers_cost_bounded_work(hostile: str) -> None:
    start = time.monotonic()
    assert not any("instruction" in payload for payload in payloads(read(hostile)))
    assert time.monotonic() - start < 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(list(ONE)), inner),
    max_leaves=20,
)


@given(st.text())
@example("{\x00}")
@example('[{"a":"\\u00')
def test_any_text_is_read_without_an_error(text: str) -> None:
    answer = read(text)
    assert bool(answer.proposals) != (answer.reject is not None)


@given(JSON)
def test_any_json_gives_payloads_that_can_be_stored(value: Any) -> None:
    for payload in payloads(read(json.dumps({"tasks": [value]}))):
        assert "\\u0000" not in json.dumps(payload)
        canonical_json(payload).encode()
