"""The ledger's promises, over a real PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text

from dynosaur_etl.domain.chat import Answer, ChatRequest, Purpose, TokenCounts
from dynosaur_etl.domain.errors import StoreUnavailable
from dynosaur_etl.domain.ledger import (
    Answered,
    AttemptOutcome,
    BudgetSpent,
    Claimed,
    ClaimResult,
    Held,
    PriceOrigin,
)
from dynosaur_etl.store.database import connect, transaction
from dynosaur_etl.store.ledger import PostgresLedger
from dynosaur_etl.store.ledger_audit import audit, spend
from dynosaur_etl.store.tables import LlmAttemptRow, LlmRequestRow

DAY = "2020-12-03"
BOUND = Decimal("0.01")
COST = Decimal("0.004")


class FlatPrices:
    """Every answer costs the same, every reservation is the same."""

    def origin(self, *_: str) -> PriceOrigin:
        return PriceOrigin("flat", "1")

    def cost(self, _: str, tokens: TokenCounts, *__: str | None) -> Decimal | None:
        return None if tokens.prompt is None else COST

    def upper_bound(self, request: ChatRequest) -> Decimal | None:
        return None if request.model == "unpriced" else BOUND


def make_request(subject: str, purpose: str = "propose") -> ChatRequest:
    messages = [{"role": "user", "content": subject}]
    return ChatRequest(purpose, subject, "m", messages, None, 9, 0, "v1")


def make_answer(prompt_tokens: int | None = 5) -> Answer:
    return Answer("yes", None, "stop", "m", prompt_tokens, 0, 2)


def open_ledger(engine: Engine, run: str = "1", month: str = "9") -> PostgresLedger:
    return PostgresLedger(engine, Decimal(run), Decimal(month), FlatPrices())


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(engine: Engine) -> Iterator[PostgresLedger]:
    with closing(open_ledger(engine)) as ledger:
        yield ledger


def claim_one(ledger: PostgresLedger, request: ChatRequest, day: str = DAY) -> ClaimResult:
    [result] = ledger.claim([request], day)
    return result


def claimed(ledger: PostgresLedger, subject: str, day: str = DAY) -> Claimed:
    result = claim_one(ledger, make_request(subject), day)
    assert isinstance(result, Claimed)
    return result


def test_request_reservation_and_attempt_are_there_before_anything_is_sent(
    ledger: PostgresLedger, engine: Engine
) -> None:
    claim = claimed(ledger, "a")
    with transaction(engine) as session:
        row = session.get_one(LlmRequestRow, claim.request.key)
        assert (row.status, row.attempts, row.reserved_usd) == ("sent", 1, BOUND)
        assert row.request == claim.request.body()
        assert session.get_one(LlmAttemptRow, (row.key, 1)).outcome == "sent"
    assert audit(engine).consistent, "a live owner's reservation is in order"


def test_an_answer_is_kept_and_never_claimed_again(ledger: PostgresLedger, engine: Engine) -> None:
    ledger.settle(claimed(ledger, "a"), make_answer())
    result = claim_one(ledger, make_request("a", purpose=Purpose.JUDGE), "2021-01-01")
    assert isinstance(result, Answered)
    assert result.answer == make_answer()
    assert spend(engine, DAY).cost_usd == COST
    assert spend(engine).reserved_usd == 0


def test_one_batch_gives_results_in_its_order(ledger: PostgresLedger) -> None:
    ledger.settle(claimed(ledger, "b"), make_answer())
    claimed(ledger, "c")
    kinds = [type(r) for r in ledger.claim([make_request(s) for s in "abcd"], DAY)]
    assert kinds == [Claimed, Answered, Held, Claimed]


def test_a_live_owners_claim_is_held_and_a_dead_ones_is_taken_over(engine: Engine) -> None:
    first, second = open_ledger(engine), open_ledger(engine)
    old = claimed(first, "a")
    assert isinstance(claim_one(second, old.request), Held)
    first.close()
    assert audit(engine).ownerless == 1
    new = claim_one(second, old.request)
    assert isinstance(new, Claimed)
    assert new.attempt == 2
    assert audit(engine).lost == 1
    assert spend(engine).reserved_usd == BOUND
    second.settle(new, make_answer())
    second.close()
    found = audit(engine)
    assert (found.reserved_usd, found.lost_usd, found.consistent) == (0, BOUND, True)


def test_what_a_dead_owner_may_have_paid_stays_in_the_budget(engine: Engine) -> None:
    first, second = open_ledger(engine), open_ledger(engine, run="0.015")
    request = claimed(first, "a").request
    first.close()
    spent = claim_one(second, request)
    second.close()
    assert isinstance(spent, BudgetSpent)
    assert "lost" in spent.detail
    found = audit(engine)
    assert (found.requests, found.lost_usd, found.consistent) == ({"failed": 1}, BOUND, True)


def test_the_first_answer_of_a_key_stays(engine: Engine) -> None:
    first, second = open_ledger(engine), open_ledger(engine)
    old = claimed(first, "a")
    first.close()
    new = claimed(second, "a")
    first.settle(old, Answer("early", None, "stop", "m", 5, 0, 2))
    second.settle(new, Answer("late", None, "stop", "m", 5, 0, 2))
    found = claim_one(second, new.request)
    second.close()
    assert isinstance(found, Answered)
    assert found.answer.content == "early"
    assert spend(engine).cost_usd == 2 * COST, "it was paid twice, and the books say so"
    assert audit(engine).consistent


def test_attempts_are_counted_and_a_released_request_can_be_claimed(
    ledger: PostgresLedger, engine: Engine
) -> None:
    claim = claimed(ledger, "a")
    ledger.fail(claim, AttemptOutcome.FAILED, "HTTP 500 \x00")
    second = ledger.again(claim)
    assert isinstance(second, Claimed)
    assert second.attempt == 2
    claim = second
    ledger.fail(claim, AttemptOutcome.LOST, "timeout")
    ledger.release(claim, "timeout")
    found = audit(engine)
    assert found.attempts == {"failed": 1, "lost": 1}
    assert found.requests == {"failed": 1}
    assert (found.reserved_usd, found.lost_usd) == (0, BOUND)
    assert found.consistent
    assert claimed(ledger, "a", "2020-12-04").attempt == 3
    assert spend(engine, "2020-12-04").requests == 1, "the run that pays is the run that counts"


def test_a_refused_request_frees_its_reservation(ledger: PostgresLedger, engine: Engine) -> None:
    ledger.refuse(claimed(ledger, "a"), "HTTP 400")
    found = audit(engine)
    assert (found.requests, found.attempts) == ({"refused": 1}, {"refused": 1})
    assert found.reserved_usd == 0
    assert found.consistent


def test_the_run_cap_counts_reservations_and_then_costs(engine: Engine) -> None:
    with closing(open_ledger(engine, run="0.025")) as ledger:
        results = ledger.claim([make_request(str(n)) for n in range(4)], DAY)
        assert [type(r) for r in results] == [Claimed, Claimed, BudgetSpent, BudgetSpent]
        assert isinstance(results[2], BudgetSpent)
        assert "$0.025" in results[2].detail
        assert DAY in results[2].detail
        for result in results[:2]:
            assert isinstance(result, Claimed)
            ledger.settle(result, make_answer())
        claimed(ledger, "2")  # 0.008 spent leave room for one reservation
        assert isinstance(claim_one(ledger, make_request("3")), BudgetSpent)
        assert isinstance(claim_one(ledger, make_request("4", purpose=Purpose.JUDGE)), Claimed)
        claimed(ledger, "5", "2020-12-04")


def test_the_month_cap_spans_days_and_purposes_and_ends_with_the_month(engine: Engine) -> None:
    with closing(open_ledger(engine, month="0.025")) as ledger:
        claimed(ledger, "a", "2020-12-03")
        claim_one(ledger, make_request("b", purpose=Purpose.JUDGE), "2020-12-04")
        spent = claim_one(ledger, make_request("c"), "2020-12-05")
        assert isinstance(spent, BudgetSpent)
        assert "month" in spent.detail
        with transaction(engine) as session:
            earlier = "update llm_budgets set scope = 'month 2020-01' where scope like 'month%'"
            session.execute(text(earlier))
        claimed(ledger, "c", "2020-12-05")


def test_the_month_cap_holds_within_one_batch(engine: Engine) -> None:
    with closing(open_ledger(engine, month="0.025")) as ledger:
        results = ledger.claim([make_request(purpose, purpose=purpose) for purpose in Purpose], DAY)
        assert [type(r) for r in results[:3]] == [Claimed, Claimed, BudgetSpent]


def test_an_answer_without_usage_keeps_its_reservation(engine: Engine) -> None:
    with closing(open_ledger(engine, run="0.015")) as ledger:
        ledger.settle(claimed(ledger, "a"), make_answer(prompt_tokens=None))
        assert isinstance(claim_one(ledger, make_request("b")), BudgetSpent)
    found = audit(engine)
    assert (found.unknown_costs, found.reserved_usd, found.consistent) == (1, BOUND, True)


def test_many_owners_at_once_never_overshoot_and_never_share_a_claim(database_url: str) -> None:
    requests = [make_request(str(n)) for n in range(40)]

    def race(_: int) -> list[ClaimResult]:
        engine = connect(database_url)
        ledger = open_ledger(engine, run="0.255")
        results = [result for request in requests for result in ledger.claim([request], DAY)]
        still_open.append((engine, ledger))
        return results

    still_open: list[tuple[Engine, PostgresLedger]] = []
    with ThreadPoolExecutor(4) as pool:
        results = [result for part in pool.map(race, range(4)) for result in part]
    keys = [result.request.key for result in results if isinstance(result, Claimed)]
    assert len(keys) == len(set(keys)) == 25
    assert spend(still_open[0][0]).reserved_usd == 25 * BOUND
    for engine, ledger in still_open:
        ledger.close()
        engine.dispose()


def test_a_ledger_whose_connection_was_lost_sends_nothing_more(
    ledger: PostgresLedger, engine: Engine
) -> None:
    claim = claimed(ledger, "a")
    with transaction(engine) as session:
        session.execute(
            text(
                "select pg_terminate_backend(pid) from pg_locks "
                "where locktype = 'advisory' and pid <> pg_backend_pid()"
            )
        )
    with pytest.raises(StoreUnavailable):
        ledger.claim([make_request("b")], DAY)
    with pytest.raises(StoreUnavailable):
        ledger.again(claim)


def test_a_closed_ledger_is_dead_at_once_and_closing_twice_is_harmless(engine: Engine) -> None:
    watching = open_ledger(engine)
    for _ in range(40):
        closing = open_ledger(engine)
        request = claimed(closing, "a").request
        closing.close()
        taken = claim_one(watching, request)
        assert isinstance(taken, Claimed)
        watching.release(taken, "given back")
        closing.close()
    watching.close()


def test_a_ledger_whose_server_is_gone_closes_in_peace(engine: Engine) -> None:
    ledger = open_ledger(engine)
    with transaction(engine) as session:
        session.execute(
            text(
                "select pg_terminate_backend(pid) from pg_locks "
                "where locktype = 'advisory' and pid <> pg_backend_pid()"
            )
        )
    ledger.close()
    assert audit(engine).ownerless == 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("update llm_requests set response = null", "without a response"),
        ("update llm_requests set reserved_usd = 1", "reservation"),
        ("update llm_requests set attempts = 7", "not all written down"),
        ("update llm_requests set cost_usd = 5", "US dollars"),
        ("update llm_attempts set outcome = 'sent'", "left open"),
        ("update llm_budgets set used_usd = 0 where scope like 'run%'", "totals of runs"),
        ("update llm_budgets set used_usd = 1 where scope like 'month%'", "totals of months"),
        ("update llm_requests set status = 'sent'", "without a live owner"),
    ],
)
def test_the_audit_sees_damage(
    ledger: PostgresLedger, engine: Engine, damage: str, words: str
) -> None:
    ledger.settle(claimed(ledger, "a"), make_answer())
    assert audit(engine).consistent
    with transaction(engine) as session:
        session.execute(text(damage))
    found = audit(engine)
    assert not found.consistent
    assert any(words in contradiction for contradiction in found.contradictions)
