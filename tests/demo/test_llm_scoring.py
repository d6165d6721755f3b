"""What the demo answers to those who ask for tags, and for the complexity of an instruction."""

import json
from typing import Any

import pytest

from demo.llm_completion import complete
from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.llm.outcomes import Outcomes
from dynosaur_etl.quality.judge import Judge
from dynosaur_etl.quality.tags import Tagger
from tests.quality.factories import instances


def asked(instruction: str, given: str = "", side: str | None = None) -> str:
    """The demo's answer to the request of a scorer about one instance."""
    rows = instances((instruction, given, "An answer."))
    made: list[ChatRequest] = (
        Tagger(_never, "m").requests(rows)
        if side is None
        else Judge(_never, "m", side).requests(rows)
    )
    body: dict[str, Any] = made[0].body() | {"model": "dynosaur-demo-rules"}
    content: str = complete(body)["choices"][0]["message"]["content"]
    return content


def _never(_: object) -> Outcomes:
    raise AssertionError("asked")


@pytest.mark.parametrize(
    ("instruction", "tags"),
    [
        ("Classify the mood of this diary entry.", ["classify", "mood", "diary", "entry"]),
        ("Do it.", ["text"]),
        ("Übersetze den Satz.\nInput: Haus Haus", ["übersetze", "satz"]),
    ],
)
def test_tags_are_words_of_the_instruction(instruction: str, tags: list[str]) -> None:
    assert json.loads(asked(instruction, "Rain over the lake")) == {"tags": tags}


def test_longer_instructions_are_more_complex_and_answers_do_not_count() -> None:
    plain = float(asked("Name a lake.", side="complexity").splitlines()[0])
    long = float(
        asked("Name a lake that is " + "very " * 30 + "deep.", side="complexity").splitlines()[0]
    )
    assert (plain, long) == (0.3, 3.6)
    assert float(asked("Name a lake in France.", side="quality").splitlines()[0]) > 3
