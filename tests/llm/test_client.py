"""The client against a real server that fails in every way, over the real client and PostgreSQL."""

import asyncio
import time
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, select

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.errors import InvalidSetting, LlmRefused, LlmUnavailable
from dynosaur_etl.llm.outcomes import Deferral
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.ledger import PostgresLedger
from dynosaur_etl.store.ledger_audit import audit, spend
from dynosaur_etl.store.tables import LlmAttemptRow, LlmRequestRow
from tests.llm.asking import DAY, ask, make_client, make_ledger, make_request
from tests.llm.faulty_llm import CACHED_TOKENS, COMPLETION_TOKENS, PROMPT_TOKENS, FaultyLlm

ONE_ANSWER = Decimal("0.000018")  # 60 * 0.15 + 40 * 0.075 + 10 * 0.60 dollars per million


def outcomes_of(engine: Engine, text: str) -> list[str]:
    query = select(LlmAttemptRow.outcome).where(LlmAttemptRow.key == make_request(text).key)
    with transaction(engine) as session:
        return list(session.scalars(query.order_by(LlmAttemptRow.number)))


def row_of(engine: Engine, text: str) -> LlmRequestRow:
    with transaction(engine) as session:
        row = session.get_one(LlmRequestRow, make_request(text).key)
        session.expunge(row)
        return row


def test_answers_are_bought_once_and_cost_what_the_server_counts(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    requests = [make_request(f"question {n}") for n in range(40)]
    first = ask(make_client(llm.url, ledger), requests)
    again = ask(make_client(llm.url, ledger), requests, day="2020-12-04")

    assert {key: a.content for key, a in first.answered.items()} == {
        r.key: f"answer to question {n}" for n, r in enumerate(requests)
    }
    assert (first.sent, again.sent) == (40, 0)
    assert again.answered == first.answered
    assert llm.paid.total() == llm.received.total() == 40
    spent = spend(engine, DAY)
    assert (spent.prompt_tokens, spent.cached_tokens, spent.completion_tokens) == (
        40 * PROMPT_TOKENS,
        40 * CACHED_TOKENS,
        40 * COMPLETION_TOKENS,
    )
    assert spent.cost_usd == 40 * ONE_ANSWER
    assert spent.reserved_usd == 0
    assert spend(engine, "2020-12-04").requests == 0
    assert audit(engine).consistent


def test_no_more_requests_are_in_flight_than_allowed(
    llm: FaultyLlm, ledger: PostgresLedger
) -> None:
    llm.latency = 0.02
    ask(make_client(llm.url, ledger, concurrency=5), [make_request(str(n)) for n in range(30)])
    assert llm.most_in_flight == 5


def test_rereading_many_stored_answers_takes_no_waiting(
    llm: FaultyLlm, ledger: PostgresLedger
) -> None:
    requests = [make_request(str(n)) for n in range(60)]
    ask(make_client(llm.url, ledger), requests)
    start = time.monotonic()
    ask(make_client(llm.url, ledger, concurrency=2), requests)
    assert time.monotonic() - start < 3


def test_waiting_for_a_place_is_no_part_of_the_timeout(
    llm: FaultyLlm, ledger: PostgresLedger
) -> None:
    llm.latency = 0.4
    requests = [make_request(f"question {n}") for n in range(12)]
    outcomes = ask(make_client(llm.url, ledger, concurrency=4, attempts=1, timeout=0.7), requests)
    assert (len(outcomes.answered), llm.received.total(), llm.most_in_flight) == (12, 12, 4)


def test_requests_are_made_ready_one_at_a_time(
    llm: FaultyLlm, ledger: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes in meanwhile waits for one of them at most."""
    making, waits = 0.02, [0.0]
    body = ChatRequest.body

    def slow_body(request: ChatRequest) -> dict[str, Any]:
        time.sleep(making)
        return body(request)

    async def come_in() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0)
            waits.append(time.monotonic() - last)
            last = time.monotonic()

    def start_anew(done: int) -> None:
        if done < 32:  # the client's own start is not ours
            waits.clear()

    async def ask_beside() -> None:
        coming_in = asyncio.create_task(come_in())
        requests = [make_request(f"question {n}") for n in range(128)]
        await make_client(llm.url, ledger, concurrency=32).ask_all(requests, DAY, start_anew)
        coming_in.cancel()

    monkeypatch.setattr(ChatRequest, "body", slow_body)
    asyncio.run(ask_beside())
    assert making < max(waits) < 4 * making


def test_the_server_is_told_nothing_of_this_machine(llm: FaultyLlm, ledger: PostgresLedger) -> None:
    ask(make_client(llm.url, ledger), [make_request("hello")])
    assert "idempotency-key" in llm.header_names
    assert [name for name in llm.header_names if "stainless" in name] == []


def test_the_same_question_asked_many_times_is_sent_once(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    requests = [make_request(f"question {n % 6}") for n in range(60)]
    outcomes = ask(make_client(llm.url, ledger, concurrency=3), requests)
    assert outcomes.answered.keys() == {request.key for request in requests}
    again = ask(make_client(llm.url, ledger, concurrency=3), requests)
    assert (outcomes.sent, again.sent, llm.received.total()) == (6, 0, 6)
    assert again.answered == outcomes.answered
    assert audit(engine).consistent


@pytest.mark.parametrize(
    ("faults", "outcomes"),
    [
        (["429"], ["failed", "answered"]),
        (["500", "503"], ["failed", "failed", "answered"]),
        (["408"], ["failed", "answered"]),
        (["409"], ["failed", "answered"]),
        (["502"], ["lost", "answered"]),
        (["504"], ["lost", "answered"]),
        (["html"], ["lost", "answered"]),
        (["not json"], ["lost", "answered"]),
        (["no choices"], ["lost", "answered"]),
        (["lost"], ["lost", "answered"]),
        (["cut"], ["lost", "answered"]),
    ],
)
def test_a_passing_failure_is_sent_again_and_paid_once(
    llm: FaultyLlm,
    ledger: PostgresLedger,
    engine: Engine,
    faults: list[str],
    outcomes: list[str],
) -> None:
    llm.scripts["hello"] = list(faults)
    result = ask(make_client(llm.url, ledger), [make_request("hello")])
    assert [a.content for a in result.answered.values()] == ["answer to hello"]
    assert outcomes_of(engine, "hello") == outcomes
    assert row_of(engine, "hello").attempts == llm.received["hello"] == len(outcomes)
    assert llm.paid["hello"] == 1
    assert spend(engine).cost_usd == ONE_ANSWER
    found = audit(engine)
    assert found.consistent
    assert found.lost == outcomes.count("lost")
    assert (found.lost_usd > 0) == (found.lost > 0), "what may have been paid stays in the budget"


def test_a_timeout_counts_as_lost(llm: FaultyLlm, ledger: PostgresLedger, engine: Engine) -> None:
    llm.scripts["slow"] = ["timeout"]
    result = ask(make_client(llm.url, ledger, timeout=0.5), [make_request("slow")])
    assert result.sent == 1
    assert outcomes_of(engine, "slow") == ["lost", "answered"]
    assert llm.paid["slow"] == 1


@pytest.mark.parametrize(("fault", "least"), [("429 seconds", 1.0), ("429 date", 0.9)])
def test_retry_after_is_obeyed_by_every_request(
    llm: FaultyLlm, ledger: PostgresLedger, fault: str, least: float
) -> None:
    llm.scripts["first"] = [fault]
    result = ask(make_client(llm.url, ledger, concurrency=1), [make_request("first")])
    assert result.sent == 1
    before, after = llm.times["first"]
    assert least <= after - before < 4


def test_a_wait_that_is_too_long_defers(llm: FaultyLlm, ledger: PostgresLedger) -> None:
    llm.scripts["b"] = ["429 for an hour"]
    result = ask(
        make_client(llm.url, ledger, concurrency=1),
        [make_request("a"), make_request("b"), make_request("c")],
    )
    assert list(result.answered) == [make_request("a").key]
    assert result.deferred == {
        make_request("b").key: Deferral.UNAVAILABLE,
        make_request("c").key: Deferral.UNAVAILABLE,
    }
    assert "3600 seconds" in " ".join(result.notes)


@pytest.mark.parametrize("fault", ["401", "403", "404", "quota"])
def test_what_no_request_would_pass_stops_the_run(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine, fault: str
) -> None:
    llm.always = fault
    llm.scripts["1"] = ["429"]  # waits while the refusal comes in
    requests = [make_request(str(n)) for n in range(20)]
    with pytest.raises(LlmRefused):
        ask(make_client(llm.url, ledger, concurrency=2), requests)
    assert llm.received.total() <= 4
    found = audit(engine)
    assert found.consistent
    assert found.reserved_usd == 0
    llm.always = None
    assert ask(make_client(llm.url, ledger), requests).sent == 20


@pytest.mark.parametrize(
    ("fault", "outcome"), [("400", "refused"), ("422", "refused"), ("huge", "lost")]
)
def test_a_refused_request_stops_no_other(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine, fault: str, outcome: str
) -> None:
    llm.scripts["bad"] = [fault]
    requests = [make_request("bad"), make_request("good")]
    result = ask(make_client(llm.url, ledger), requests)
    assert list(result.refused) == [requests[0].key]
    assert list(result.answered) == [requests[1].key]
    assert outcomes_of(engine, "bad") == [outcome]
    assert audit(engine).consistent


def test_content_and_usage_may_be_missing(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    llm.scripts |= {"no content": ["null content"], "no usage": ["null usage"]}
    requests = [make_request("no content"), make_request("no usage")]
    answered = ask(make_client(llm.url, ledger), requests).answered
    first, second = (answered[request.key] for request in requests)
    assert (first.content, first.prompt_tokens) == (None, PROMPT_TOKENS)
    assert (second.content, second.prompt_tokens) == ("answer to no usage", None)
    row = row_of(engine, "no usage")
    assert row.cost_usd is None
    assert row.reserved_usd > 0, "an unknown cost must not count as nothing"
    assert audit(engine).unknown_costs == 1
    assert audit(engine).consistent
    assert ask(make_client(llm.url, ledger), requests).sent == 0


def test_text_that_postgresql_cannot_hold_is_cleaned(
    llm: FaultyLlm, ledger: PostgresLedger
) -> None:
    llm.scripts["nul�"] = ["unstorable"]
    result = ask(make_client(llm.url, ledger), [make_request("nul\x00")])
    assert [a.content for a in result.answered.values()] == ["a�b�c"]


def test_a_dead_server_is_given_up_soon(ledger: PostgresLedger, engine: Engine) -> None:
    client = make_client("http://127.0.0.1:9/v1", ledger, concurrency=4, attempts=3)
    with pytest.raises(LlmUnavailable, match="no connection"):
        ask(client, [make_request(str(n)) for n in range(500)])
    found = audit(engine)
    assert found.consistent
    assert found.attempts["failed"] < 30
    assert found.lost == 0


def test_a_server_that_dies_on_the_way_defers_the_rest(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    texts = [str(n) for n in range(50)]
    llm.scripts = {text: ["500"] * 3 for text in texts[5:]}
    requests = [make_request(text) for text in texts]
    result = ask(make_client(llm.url, ledger, concurrency=2), requests)
    assert len(result.answered) == 5
    assert set(result.deferred.values()) == {Deferral.UNAVAILABLE}
    assert len(result.deferred) == 45
    assert llm.received.total() < 30
    assert audit(engine).consistent
    llm.scripts = {}
    assert ask(make_client(llm.url, ledger), requests).sent == 45


def test_one_broken_request_is_given_up_alone(llm: FaultyLlm, ledger: PostgresLedger) -> None:
    llm.scripts["3"] = ["500"] * 3
    requests = [make_request(str(n)) for n in range(10)]
    result = ask(make_client(llm.url, ledger), requests)
    assert result.deferred == {make_request("3").key: Deferral.UNAVAILABLE}
    assert len(result.answered) == 9


def test_a_spent_budget_defers_the_rest(llm: FaultyLlm, engine: Engine) -> None:
    ledger = make_ledger(engine, run="0.0003")
    requests = [make_request(str(n)) for n in range(40)]
    result = ask(make_client(llm.url, ledger), requests)
    ledger.close()
    assert set(result.deferred.values()) == {Deferral.BUDGET}
    assert len(result.answered) + len(result.deferred) == 40
    # reservations are larger than costs, but they are given back before the rest is deferred
    assert len(result.answered) >= 12
    assert spend(engine).cost_usd == len(result.answered) * ONE_ANSWER <= Decimal("0.0003")
    assert "$0.0003" in result.notes[0]
    richer = make_ledger(engine)
    assert ask(make_client(llm.url, richer), requests).sent == len(result.deferred)
    richer.close()


def test_reservations_in_flight_are_waited_for_before_anything_is_deferred(
    llm: FaultyLlm, engine: Engine
) -> None:
    llm.latency = 0.05
    ledger = make_ledger(engine, run="0.0003")  # room for four reservations, or sixteen answers
    result = ask(make_client(llm.url, ledger), [make_request(str(n)) for n in range(12)])
    ledger.close()
    assert len(result.answered) == 12
    assert llm.most_in_flight < 8


def test_a_model_without_a_price_is_not_asked_under_a_budget(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    with pytest.raises(InvalidSetting, match=r"my-own-model.*DYNOSAUR_LLM_PRICES.*unlimited"):
        ask(make_client(llm.url, ledger), [make_request("x", model="my-own-model")])
    assert llm.received.total() == 0
    assert audit(engine).requests == {}


def test_a_model_without_a_price_has_unknown_cost_where_no_budget_is_set(
    llm: FaultyLlm, engine: Engine
) -> None:
    with closing(make_ledger(engine, run=None, month=None)) as ledger:
        ask(make_client(llm.url, ledger), [make_request("x", model="my-own-model")])
    spent = spend(engine)
    assert (spent.answered, spent.unknown_costs) == (1, 1)
    assert spent.cost_usd == 0
    assert audit(engine).consistent


def test_a_cancelled_call_leaves_its_claims_to_the_next_owner(
    llm: FaultyLlm, engine: Engine
) -> None:
    llm.latency = 1
    requests = [make_request(str(n)) for n in range(3)]

    async def cancelled() -> None:
        async with asyncio.timeout(0.4):
            await make_client(llm.url, ledger).ask_all(requests, DAY)

    ledger = make_ledger(engine)
    with pytest.raises(TimeoutError):
        asyncio.run(cancelled())
    ledger.close()
    assert audit(engine).ownerless == 3
    assert not audit(engine).consistent

    following = make_ledger(engine)
    assert ask(make_client(llm.url, following), requests).sent == 3
    following.close()
    found = audit(engine)
    assert found.consistent
    assert found.attempts == {"answered": 3, "lost": 3}
    assert set(llm.paid.values()) == {1}


def test_progress_ends_at_the_number_of_requests(llm: FaultyLlm, ledger: PostgresLedger) -> None:
    seen: list[int] = []
    requests = [make_request(str(n)) for n in range(20)]
    asyncio.run(make_client(llm.url, ledger, concurrency=3).ask_all(requests, DAY, seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == 20
