"""Every fault in one run: nothing is lost, and the ledger is the server's own to the token."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from dynosaur_etl.domain.chat import ChatRequest, TokenCounts
from dynosaur_etl.llm.outcomes import Outcomes
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.store.ledger import PostgresLedger
from dynosaur_etl.store.ledger_audit import audit, spend
from tests.llm.asking import MODEL, ask, make_client, make_ledger, make_request
from tests.llm.faulty_llm import CACHED_TOKENS, COMPLETION_TOKENS, PROMPT_TOKENS, FaultyLlm

PASSING = [
    "html", "not json", "no choices", "429", "429 seconds", "500", "502", "503", "504", "lost",
    "cut", "timeout",
]  # fmt: skip
ANSWERS = ["null content", "null usage", "length", "refusal"]
REFUSED = ["400", "huge"]
LOST_AND_PAID = ("lost", "cut", "timeout", "huge")


@pytest.fixture
def ledger(engine: Engine) -> Iterator[PostgresLedger]:
    ledger = make_ledger(engine)
    yield ledger
    ledger.close()


def asked_through_all(llm: FaultyLlm, ledger: PostgresLedger) -> tuple[list[ChatRequest], Outcomes]:
    faults = [*PASSING, *ANSWERS, *REFUSED]
    llm.scripts = {fault: [fault] for fault in faults}
    requests = [make_request(text) for text in [*faults, "sound 1", "sound 2"]]
    return requests, ask(make_client(llm.url, ledger, attempts=4, timeout=1), requests)


def test_after_all_faults_the_counts_reconcile_and_every_answer_is_there(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    requests, outcomes = asked_through_all(llm, ledger)
    assert set(outcomes.refused) == {make_request(text).key for text in REFUSED}
    assert outcomes.deferred == {}
    assert len(outcomes.answered) + len(outcomes.refused) == len(requests)
    by_text = {text: outcomes.answered[make_request(text).key] for text in (*PASSING, *ANSWERS)}
    assert by_text["null content"].content is None
    assert by_text["null usage"].completion_tokens is None
    assert by_text["length"].finish_reason == "length"
    assert by_text["refusal"].refusal == "I cannot help with that."
    assert {by_text[fault].content for fault in PASSING} == {f"answer to {f}" for f in PASSING}
    found = audit(engine)
    assert found.consistent, found.contradictions
    assert sum(found.attempts.values()) == llm.received.total()
    assert (
        ask(make_client(llm.url, ledger), [r for r in requests if r.key in outcomes.answered]).sent
        == 0
    )


def test_a_server_that_honours_keys_has_charged_what_the_ledger_says(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    asked_through_all(llm, ledger)
    unseen = ("null usage", "huge")  # paid, and the ledger cannot know how much
    known = sum(number for text, number in llm.paid.items() if text not in unseen)
    spent = spend(engine)
    assert (spent.prompt_tokens, spent.cached_tokens, spent.completion_tokens) == (
        known * PROMPT_TOKENS, known * CACHED_TOKENS, known * COMPLETION_TOKENS,
    )  # fmt: skip
    assert spent.unknown_costs == 1
    assert set(llm.paid.values()) == {1}


def test_a_server_that_charges_twice_has_charged_no_more_than_the_ledger_counts(
    llm: FaultyLlm, ledger: PostgresLedger, engine: Engine
) -> None:
    llm.honours_keys = False
    asked_through_all(llm, ledger)
    twice = {text for text, number in llm.paid.items() if number == 2}
    assert twice == {"lost", "cut", "timeout"}
    spent, found = spend(engine), audit(engine)
    known = llm.paid.total() - len(LOST_AND_PAID) - 1  # and the one without usage
    assert spent.prompt_tokens == known * PROMPT_TOKENS
    assert found.lost >= len(LOST_AND_PAID)
    counts = TokenCounts(PROMPT_TOKENS, CACHED_TOKENS, 0, COMPLETION_TOKENS)
    price = load_prices().cost(MODEL, counts)
    assert price is not None
    charged = llm.paid.total() * price
    assert spent.cost_usd < charged <= spent.cost_usd + found.lost_usd + spent.reserved_usd
    assert found.lost_usd > 0 < Decimal(spent.reserved_usd)
