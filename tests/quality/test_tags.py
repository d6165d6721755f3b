"""Tags by an LLM: what is asked, what is read out of answers, and what is missing."""

import json

import pytest

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.llm.outcomes import Deferral
from dynosaur_etl.quality.tags import Tagger
from tests.quality.factories import instances
from tests.quality.test_judge import Answers, answered

ROWS = instances(
    ("Answer the question.", "What is the capital of France?", "Paris."),
    ("Name a river.", "", "Po"),
    ("Name a river.", "", "Rhine"),
)


def test_tags_are_counted_and_kept_and_equal_prompts_are_asked_for_once() -> None:
    answers = Answers(
        lambda request: answered(
            '{"tags": ["Question Answering", "geography "]}'
            if "capital" in str(request.messages)
            else '["naming", "Naming"]'
        )
    )
    table = Tagger(answers.ask, "model").score(ROWS)
    assert table["tags"].to_pylist() == [
        ["question answering", "geography"],
        ["naming"],
        ["naming"],
    ]
    assert table["tag_count"].to_pylist() == [2, 1, 1]
    assert table["score"].to_pylist() == [0.2, 0.1, 0.1]
    [asked] = answers.asked
    assert len(asked) == 2
    assert {request.purpose for request in asked} == {"tags"}
    assert "Paris" not in str([request.messages for request in asked])


@pytest.mark.parametrize(
    ("content", "tags"),
    [
        ('Here they are: {"tags": ["a", "b"]} and more', ["a", "b"]),
        ('```json\n["a"]\n```', ["a"]),
        ('{"tags": [{"tag": "a", "explanation": "x"}, {"tag": "b"}]}', ["a", "b"]),
        (json.dumps({"tags": [f"t{at}" for at in range(30)]}), [f"t{at}" for at in range(10)]),
        ('{"tags": ["", "x' + "y" * 90 + '", 7, null, "ok"]}', ["ok"]),
        ("no tags", None),
        ('{"tags": []}', None),
        ('{"tags": "a"}', None),
        ('{"tags": ["a"', None),
        ("[" * 100_000, None),
        (None, None),
    ],
)
def test_answers_are_read_as_models_write_them(content: str | None, tags: list[str] | None) -> None:
    table = Tagger(Answers(lambda _: answered(content)).ask, "model").score(ROWS.slice(0, 1))
    assert table["tags"].to_pylist() == [tags]
    missing = None if tags else Reason.ANSWER_WITHOUT_SCORE
    assert table["missing"].to_pylist() == [missing]
    assert (table["score"].null_count == 0) == bool(tags)


def test_refusals_and_deferrals_are_told_apart() -> None:
    for came, missing in (
        (Deferral.BUDGET, "deferred"),
        ("the server refuses it", Reason.LLM_REFUSAL),
        (answered(None, "I will not"), Reason.LLM_REFUSAL),
    ):
        table = Tagger(Answers(lambda _, came=came: came).ask, "model").score(ROWS)
        assert set(table["missing"].to_pylist()) == {missing}
        assert table["tags"].null_count == 3
