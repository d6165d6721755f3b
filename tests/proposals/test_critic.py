"""The critic's request and its answers, whatever they are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.proposals.critic import (
    CriticExample,
    CriticVerdict,
    FilledTask,
    build_critic_request,
    read_verdicts,
)
from tests.proposals.injections import INJECTIONS

YES, NO = CriticVerdict(True, "Clear."), CriticVerdict(False, "Vague.")


def said(*verdicts: dict[str, Any]) -> str:
    return json.dumps({"verdicts": verdicts})


def on(task: Any, verdict: CriticVerdict) -> dict[str, Any]:
    return {"task": task, "reason": verdict.reason, "valid": verdict.valid}


def unread(content: str) -> CriticVerdict:
    return CriticVerdict(None, content[:199] + "…" if len(content) > 200 else content)


@pytest.mark.parametrize(
    ("content", "verdicts"),
    [
        (said(on(1, YES), on(2, NO)), [YES, NO]),
        (said(on(2, NO), on(1, YES)), [YES, NO]),
        (said(on("1", YES), on("2", NO)), [YES, NO]),
        (json.dumps([on(1, YES), on(2, NO)]), [YES, NO]),
        ("I say: " + said(on(1, NO), on(2, YES)) + " So be it.", [NO, YES]),
        ("{'verdicts': [{'task': 1, 'valid': False, 'reason': 'Vague.'}]}", [NO, None]),
        (
            said({"valid": True, "reason": "Clear."}, {"valid": False, "reason": "Vague."}),
            [YES, NO],
        ),
        (said({"valid": True}), [None, None]),
        (said(on(1, YES)), [YES, None]),
        (said(on(1, YES), on(1, NO), on(2, NO)), [None, NO]),
        (said(on(1, YES), on(7, NO)), [YES, None]),
        (said({"task": 1, "valid": "yes"}, {"task": 2, "valid": 1}), [None, None]),
        (said({"task": True, "valid": True}), [None, None]),
        ("Both are valid.", [None, None]),
        ("[true, true]", [None, None]),
        (None, [None, None]),
    ],
)
def test_only_truth_values_are_verdicts(
    content: str | None, verdicts: list[CriticVerdict | None]
) -> None:
    expected = [unread(content or "no content") if one is None else one for one in verdicts]
    assert read_verdicts(content, 2) == expected


@given(st.text(), st.integers(0, 5))
def test_any_answer_can_be_read(content: str, tasks: int) -> None:
    verdicts = read_verdicts(content, tasks)
    assert len(verdicts) == tasks
    for verdict in verdicts:
        verdict.reason.encode()


@pytest.mark.parametrize("injected", INJECTIONS)
def test_tasks_and_examples_stay_inside_the_fence(injected: str) -> None:
    tasks = [FilledTask(injected, [CriticExample(injected, injected * 500)] * 3)] * 2
    user = build_critic_request(tasks, "s", "m").messages[-1]["content"]
    harmless = build_critic_request([FilledTask("Do it.", [])], "s", "m").messages[-1]["content"]
    fenced = user.partition("\n<dataset>\n")[2].rpartition("\n</dataset>\n")[0]
    assert not set("<>&\n") & set(fenced)
    assert [len(task["examples"]) for task in json.loads(fenced)["tasks"]] == [2, 2]
    assert user.partition(fenced)[::2] == (
        harmless.partition("\n<dataset>\n")[0] + "\n<dataset>\n",
        "\n</dataset>\n" + harmless.rpartition("\n</dataset>\n")[2],
    )
    assert len(fenced) < 16_000


def test_one_request_asks_about_all_tasks_and_has_room_for_all_verdicts() -> None:
    few, many = (
        [FilledTask(f"Do {n}.", [CriticExample("a", "b")]) for n in range(m)] for m in (1, 6)
    )
    one, six = (build_critic_request(tasks, "a/b", "m") for tasks in (few, many))
    assert six.max_tokens > one.max_tokens
    assert one.messages[0] == six.messages[0]
    assert one.key != six.key
