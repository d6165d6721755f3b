"""Parameters are learnt from refusals: once for all requests and processes, for nothing."""

import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.request_form import FIRST_FORM, THOUGHT_TOKENS, AnswerFormat, Effort
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.forms import PostgresForms, learnt_models
from dynosaur_etl.store.ledger import PostgresLedger
from dynosaur_etl.store.ledger_audit import audit, spend
from tests.llm.asking import DAY, MODEL, ask, make_client, make_ledger, make_request
from tests.llm.faulty_llm import FaultyLlm
from tests.llm.test_client import ONE_ANSWER

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
PARAMETERS = [
    "max_tokens",
    "temperature",
    "reasoning_effort",
    "strict",
    "json_schema",
    "json_object",
]


def questions(number: int) -> list[ChatRequest]:
    return [replace(make_request(f"question {n}"), schema=SCHEMA) for n in range(number)]


EACH_AND_ALL = [
    *[{name} for name in PARAMETERS[:-1]],
    *[set(pair) for pair in combinations(PARAMETERS[:3], 2)],
    {"json_schema", "json_object"},
    set(PARAMETERS),
]


@pytest.mark.parametrize("refuses", EACH_AND_ALL, ids="+".join)
def test_a_parameter_is_refused_once_whatever_number_of_requests_there_is(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine, refuses: set[str]
) -> None:
    llm.refuses = refuses
    requests = questions(40)
    result = ask(make_client(llm.url, ledger, known=False), requests)

    assert len(result.answered) == result.sent == 40
    # a server that takes no schema does not come to `strict`, one that takes it not to objects
    reached = refuses - {"strict" if "json_schema" in refuses else "json_object"}
    assert llm.refusals == dict.fromkeys(reached, 1)
    assert audit(engine).attempts == {"answered": 40, "refused": len(reached)}
    assert spend(engine).cost_usd == 40 * ONE_ANSWER, "a refusal costs nothing"
    assert audit(engine).lost_usd == spend(engine).reserved_usd == 0
    assert audit(engine).consistent
    assert ask(make_client(llm.url, ledger, known=False), requests).sent == 0
    assert ask(make_client(llm.url, ledger, known=False), questions(60)).sent == 20
    assert llm.refusals.total() == len(reached), "what was learnt is kept"


def test_the_stored_body_is_the_one_that_was_answered(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    llm.refuses = {"max_tokens", "json_schema"}
    ask(make_client(llm.url, ledger, known=False), questions(3))
    with transaction(engine) as session:
        bodies = session.execute(text("select request from llm_requests")).scalars().all()
    for body in bodies:
        assert body["max_completion_tokens"] == 50
        assert body["response_format"] == {"type": "json_object"}
        assert body == llm.bodies[body["messages"][-1]["content"]]


def test_processes_together_are_refused_once(
    llm: FaultyLlm, engine: Engine, database_url: str
) -> None:
    llm.refuses, llm.latency = {"max_tokens", "temperature"}, 0.05
    program = [sys.executable, "-m", "tests.llm.asking", database_url, llm.url, "12"]
    racers = [
        subprocess.Popen([*program, name, "5", "unknown"], cwd=ROOT, stdout=subprocess.PIPE)
        for name in ("a", "b", "c")
    ]
    found = [racer.communicate(timeout=120)[0].decode().split() for racer in racers]
    assert found == [["12", "12"]] * 3
    assert llm.refusals == {"max_tokens": 1, "temperature": 1}
    assert audit(engine).attempts == {"answered": 36, "refused": 2}


def test_requests_of_a_known_form_do_not_wait_for_another(
    llm: FaultyLlm, ledger: PostgresLedger
) -> None:
    """The judge asks without a schema; what it learns says nothing of schemas."""
    llm.latency, llm.refuses = 0.3, {"json_schema"}
    client = make_client(llm.url, ledger)
    plain = [make_request(f"plain {n}") for n in range(8)]
    result = ask(client, [*questions(4), *plain])
    assert len(result.answered) == 12
    assert llm.refusals == {"json_schema": 1}
    begin = min(moment for n in range(8) for moment in llm.times[f"plain {n}"])
    worded = [at for asked, times in llm.times.items() for at in times if "schema:" in asked]
    assert begin < min(worded)


def test_a_request_that_is_malformed_itself_teaches_nothing(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    llm.scripts = {"question 0": ["400"], "question 1": ["422"]}
    result = ask(make_client(llm.url, ledger, known=False), questions(6))
    assert (len(result.refused), len(result.answered)) == (2, 4)
    [learnt] = learnt_models(engine)
    assert learnt.known.form == FIRST_FORM
    assert learnt.refusals == ()


def test_what_was_learnt_is_shown_and_learnt_again_after_a_week(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    llm.refuses = {"temperature"}
    ask(make_client(llm.url, ledger, known=False), questions(3))
    [learnt] = learnt_models(engine)
    assert (learnt.server, learnt.model) == (llm.url, MODEL)
    assert not learnt.known.form.temperature
    assert "Unsupported parameter: 'temperature'" in learnt.refusals[0]

    llm.refuses = set()
    ask(make_client(llm.url, ledger, known=False), questions(5))
    assert "temperature" not in llm.bodies["question 4"]
    with transaction(engine) as session:
        session.execute(text("update llm_models set learnt_at = learnt_at - interval '8 days'"))
    ask(make_client(llm.url, ledger, known=False), questions(7))
    assert "temperature" in llm.bodies["question 6"]
    [again] = learnt_models(engine)
    assert (again.known.form, again.refusals) == (FIRST_FORM, ())


def test_servers_and_models_are_learnt_apart(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    llm.refuses = {"temperature"}
    ask(make_client(llm.url, ledger, known=False), questions(2))
    other = PostgresForms(engine, "http://elsewhere")
    assert other.known(MODEL).form == FIRST_FORM
    assert PostgresForms(engine, llm.url).known("another").form == FIRST_FORM
    assert not PostgresForms(engine, llm.url).known(MODEL).form.temperature


def test_a_model_that_thinks_unasked_gets_room_for_it(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    llm.thoughts = 700
    ask(make_client(llm.url, ledger, concurrency=1, known=False), questions(3))
    assert llm.bodies["question 0"]["max_tokens"] == 50
    assert llm.bodies["question 2"]["max_tokens"] == 50 + THOUGHT_TOKENS[Effort.MEDIUM]
    with transaction(engine) as session:
        thoughts = session.execute(text("select sum(reasoning_tokens) from llm_requests")).scalar()
    assert thoughts == 2_100


def test_a_refusal_in_the_middle_of_a_run_adapts_what_is_left(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    ask(make_client(llm.url, ledger, known=False), questions(2))
    llm.refuses = {"json_schema"}
    result = ask(make_client(llm.url, ledger, concurrency=4, known=False), questions(30))
    assert len(result.answered) == 30
    assert 1 <= llm.refusals["json_schema"] <= 6, "no more than were claimed by then"
    form = PostgresForms(engine, llm.url).known(MODEL).form
    assert form.answer_format == AnswerFormat.JSON_OBJECT
    assert audit(engine).consistent


def test_a_budget_that_covers_one_request_learns_too(llm: FaultyLlm, engine: Engine) -> None:
    llm.refuses = {"max_tokens", "temperature"}
    poor = make_ledger(engine, run="0.0003")
    result = ask(make_client(llm.url, poor, known=False), questions(30))
    poor.close()
    assert result.answered
    assert len(result.answered) + len(result.deferred) == 30
    assert spend(engine, DAY).cost_usd <= 0.0003
    assert llm.refusals.total() == 2
