from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.llm.outcomes import Deferral, Outcomes
from dynosaur_etl.quality.judge import Judge
from tests.quality.factories import instances

ROWS = instances(
    ("Answer the question.", "What is the capital of France?", "Paris."),
    ("Answer the question.", "", "Paris Paris Paris Paris Paris Paris"),
)


def answered(content: str | None, refusal: str | None = None) -> Answer:
    return Answer(content, refusal, "stop", "model", 1, 0, 1)


class Answers:
    """Answers by a rule, and keeps what was asked."""

    def __init__(self, rule: Callable[[ChatRequest], Answer | Deferral | str]) -> None:
        self.rule = rule
        self.asked: list[Sequence[ChatRequest]] = []

    def ask(self, requests: Sequence[ChatRequest]) -> Outcomes:
        self.asked.append(requests)
        found = {request.key: self.rule(request) for request in requests}
        return Outcomes(
            {key: it for key, it in found.items() if isinstance(it, Answer)},
            {key: it for key, it in found.items() if isinstance(it, Deferral)},
            {key: it for key, it in found.items() if type(it) is str},
        )


def test_a_rating_becomes_a_score() -> None:
    answers = Answers(
        lambda request: answered("4.5/5" if "capital" in str(request.messages) else "1")
    )
    table = Judge(answers.ask, "model", "accuracy").score(ROWS)
    assert table["score"].to_pylist() == [0.9, 0.2]
    assert table["rating"].to_pylist() == [4.5, 1.0]
    assert table["missing"].to_pylist() == [None, None]
    [asked] = answers.asked
    assert {request.purpose for request in asked} == {"judge"}
    assert "Input:" in asked[0].messages[1]["content"]
    assert "Input:" not in asked[1].messages[1]["content"]


def test_what_cannot_be_read_is_asked_once_more_and_is_then_null() -> None:
    def rule(request: ChatRequest) -> Answer:
        again = len(request.messages) > 2
        return answered("3" if again and "capital" in str(request.messages) else "Hard to say.")

    answers = Answers(rule)
    table = Judge(answers.ask, "model", "accuracy").score(ROWS)
    assert table["score"].to_pylist() == [0.6, None]
    assert table["missing"].to_pylist() == [None, Reason.ANSWER_WITHOUT_SCORE]
    assert [len(asked) for asked in answers.asked] == [2, 2]
    assert not {r.key for r in answers.asked[0]} & {r.key for r in answers.asked[1]}
    assert answers.asked[1][0].messages[2]["content"] == "Hard to say."


@pytest.mark.parametrize(
    ("came", "missing"),
    [
        (Deferral.BUDGET, "deferred"),
        ("the server refuses it", Reason.LLM_REFUSAL),
        (answered(None, "I cannot do that."), Reason.LLM_REFUSAL),
        (answered(None), Reason.ANSWER_WITHOUT_SCORE),
    ],
)
def test_without_an_answer_there_is_no_score(came: Answer | Deferral | str, missing: str) -> None:
    table = Judge(Answers(lambda _: came).ask, "model", "accuracy").score(ROWS)
    assert table["score"].to_pylist() == [None, None]
    assert table["missing"].to_pylist() == [missing, missing]


def test_the_version_tells_model_and_dimension() -> None:
    answers = Answers(lambda _: answered("3"))
    versions = {
        Judge(answers.ask, model, dimension).version
        for model in ("a", "b")
        for dimension in ("accuracy", "helpfulness")
    }
    assert len(versions) == 4
    with pytest.raises(InvalidInput, match="accuracy, complexity, helpfulness, quality"):
        Judge(answers.ask, "a", "beauty")


def test_the_demo_judges_plausibly(tmp_path: Path) -> None:
    from demo.llm_completion import complete

    def rule(request: ChatRequest) -> Answer:
        body = request.body() | {"model": "dynosaur-demo-rules"}
        return answered(complete(body)["choices"][0]["message"]["content"])

    good, poor = Judge(Answers(rule).ask, "m", "accuracy").score(ROWS)["score"].to_pylist()
    assert good > poor > 0


def test_the_sides_of_deita_are_scorers_of_their_own() -> None:
    answers = Answers(lambda _: answered("4"))
    sides = [Judge(answers.ask, "model", side) for side in ("complexity", "quality")]
    assert [judge.name for judge in sides] == ["deita_complexity", "deita_quality"]
    assert len({judge.version for judge in sides}) == 2
    for judge in sides:
        assert judge.score(ROWS)["score"].to_pylist() == [0.8, 0.8]
    complexity, quality = (asked[0].messages[1]["content"] for asked in answers.asked)
    assert "Response" not in complexity
    assert "Paris" not in complexity
    assert "Response: Paris." in quality
    assert {request.purpose for asked in answers.asked for request in asked} == {"judge"}
