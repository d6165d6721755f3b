"""The critic in a growth: asked through the ledger, obeyed, and waited for."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from demo.llm_completion import complete
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.runtime.services import Services, open_services
from tests.flows import growth
from tests.flows.hubs import notes, write_dataset
from tests.flows.scripted_llm import Answer, Body, fenced, scripted_llm
from tests.flows.support import POLL_STEPS, environment, serving, settings

DAY = GrowthDay.parse("2026-10-05")
CRITIC = "gpt-4o-mini"


def answer(body: Body) -> Answer:
    """Propose by the demo's rules; as a critic, object to tasks whose output is the mood."""
    if body["model"] != CRITIC:
        said = complete(body)
        return {"content": said["choices"][0]["message"]["content"]}
    return {"content": json.dumps({"verdicts": list(verdicts(fenced(body)["tasks"]))})}


def verdicts(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Object to tasks whose output is the mood, and say nothing of those that decide on it."""
    assert [task["task"] for task in tasks] == list(range(1, len(tasks) + 1))
    for task in tasks:
        examples = task["examples"]
        assert len(examples) == 2
        assert all(example["input"] and example["output"] for example in examples)
        is_mood = examples[0]["output"] in {"calm", "cross", "glad"}
        if not (is_mood and "Decide" in task["instruction"]):
            yield {"task": task["task"], "reason": "I looked.", "valid": not is_mood}


@pytest.fixture
def values(database_url: str, tmp_path: Path) -> Iterator[tuple[dict[str, str], Any]]:
    write_dataset(tmp_path / "hub", "a/notes", str(DAY), **{"train.parquet": notes()})
    with serving(tmp_path / "hub", tmp_path / "logs") as servers, scripted_llm(answer) as llm:
        here = replace(servers, llm=llm.url)
        yield environment(here, database_url, tmp_path, DYNOSAUR_CRITIC_MODEL=CRITIC), llm


def rows(services: Services, query: str) -> list[tuple[Any, ...]]:
    with services.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def run(values: dict[str, str], *steps: Callable[..., Any]) -> list[Any]:
    with open_services(settings(values)) as services:
        return [step(DAY, services) for step in steps]


def test_the_critic_is_asked_once_and_its_verdict_is_stored_and_obeyed(
    values: tuple[dict[str, str], Any],
) -> None:
    environ, llm = values
    with open_services(settings(environ)) as services:
        for step in (*POLL_STEPS, growth.propose_all):
            step(DAY, services)
        waiting = growth.validate(DAY, services)
        asked = growth.criticise(DAY, services)
        assert waiting.counts.deferred > 1, "nothing passes unseen"
        assert asked.counts.taken == 1, "all tasks of a config are one question"
        assert waiting.counts.kept == 0
        done = growth.validate(DAY, services)
        assert done.counts.deferred == 0
        sent = len(llm.bodies)
        assert growth.criticise(DAY, services).counts.kept == asked.counts.kept
        assert len(llm.bodies) == sent, "what is answered is not asked again"

        kept = rows(services, "select output_field from tasks")
        assert kept
        assert {output for (output,) in kept} == {"note"}
        verdicts = "select detail from proposals where task_key is not null"
        assert set(rows(services, verdicts)) == {("critic: I looked.",)}
        said = {"critic_says_invalid", "critic_unreadable"}
        reasons = rows(services, "select reason, number from rejections where stage = 'validate'")
        dropped = sum(number for reason, number in reasons if reason in said)
        assert dropped == waiting.counts.deferred - done.counts.kept > 0
        purposes = rows(services, "select distinct purpose from llm_requests order by 1")
        assert purposes == [("critic",), ("propose",)]


def test_a_spent_budget_defers_what_the_critic_has_not_seen(
    values: tuple[dict[str, str], Any],
) -> None:
    environ, _ = values
    poor = environ | {"DYNOSAUR_LLM_BUDGET_RUN_USD": "0.0000001"}
    run(environ, *POLL_STEPS, growth.propose_all)
    asked, validated = run(poor, growth.criticise, growth.validate)
    assert asked.counts.deferred == asked.counts.taken > 0
    assert asked.reasons == {"budget": asked.counts.taken}
    assert validated.counts.kept == 0
    assert validated.counts.deferred > 0
    _, again = run(environ, growth.criticise, growth.validate)
    assert again.counts.deferred == 0
    assert again.counts.kept > 0


def test_without_a_critic_nobody_is_asked(values: tuple[dict[str, str], Any]) -> None:
    environ, llm = values
    steps = (*POLL_STEPS, growth.propose_all, growth.criticise, growth.validate)
    reports = run(environ | {"DYNOSAUR_CRITIC_MODEL": "none"}, *steps)
    assert reports[-2].counts.taken == 0
    assert reports[-1].counts.kept > 0
    assert {body["model"] for body in llm.bodies} == {"dynosaur-demo-rules"}


def test_by_default_the_model_that_proposes_is_the_critic(
    values: tuple[dict[str, str], Any],
) -> None:
    environ, _ = values
    by_default = {k: v for k, v in environ.items() if k != "DYNOSAUR_CRITIC_MODEL"}
    assert settings(by_default).critic == "dynosaur-demo-rules"
    assert settings(environ | {"DYNOSAUR_CRITIC_MODEL": "none"}).critic == ""
    assert settings(environ).critic == CRITIC
