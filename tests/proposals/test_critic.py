"""The critic's request and its answers, whatever they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.proposals.critic import (
    CriticVerdict,
    Example,
    build_critic_request,
    read_verdict,
)
from tests.proposals.injections import INJECTIONS


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        ('{"reason": "Clear.", "valid": true}', CriticVerdict(True, "Clear.")),
        ('{"valid": false}', CriticVerdict(False, "")),
        ('I say: {"valid": false, "reason": "Vague."} So be it.', CriticVerdict(False, "Vague.")),
        ("{'valid': False, 'reason': 'Vague.'}", CriticVerdict(False, "Vague.")),
        ('{"valid": "yes"}', CriticVerdict(None, '{"valid": "yes"}')),
        ('{"valid": 1}', CriticVerdict(None, '{"valid": 1}')),
        ("It is valid.", CriticVerdict(None, "It is valid.")),
        ("[true]", CriticVerdict(None, "[true]")),
        (None, CriticVerdict(None, "no content")),
    ],
)
def test_only_a_truth_value_is_a_verdict(content: str | None, verdict: CriticVerdict) -> None:
    assert read_verdict(content) == verdict


@given(st.text())
def test_any_answer_can_be_read(content: str) -> None:
    read_verdict(content).reason.encode()


@pytest.mark.parametrize("said", INJECTIONS)
def test_task_and_examples_stay_inside_the_fence(said: str) -> None:
    request = build_critic_request(said, [Example(said, said * 500)] * 3, "s", "m")
    user = request.messages[-1]["content"]
    harmless = build_critic_request("Do it.", [], "s", "m").messages[-1]["content"]
    fenced = user.partition("\n<dataset>\n")[2].rpartition("\n</dataset>\n")[0]
    assert not set("<>&\n") & set(fenced)
    assert len(json.loads(fenced)["examples"]) == 2
    assert user.partition(fenced)[::2] == (
        harmless.partition("\n<dataset>\n")[0] + "\n<dataset>\n",
        "\n</dataset>\n" + harmless.rpartition("\n</dataset>\n")[2],
    )
    assert len(fenced) < 8_000
