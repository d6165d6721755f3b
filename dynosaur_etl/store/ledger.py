"""The ledger of paid requests in PostgreSQL, safe with any number of processes.

All claims pass one advisory lock, one transaction at a time, so that the reservations can never
add up to more than a cap, nor the sendings to more than the server's rate limit. Each ledger has an
owner number whose advisory lock a transaction of its own holds for as long as the process lives:
whoever finds that lock free knows that the owner is dead.
"""

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.errors import Busy, StoreUnavailable
from dynosaur_etl.domain.ledger import (
    Answered,
    AttemptOutcome,
    BudgetSpent,
    Claimed,
    ClaimResult,
    Held,
    InBatch,
    Later,
    Prices,
    RequestStatus,
)
from dynosaur_etl.domain.rate_limit import RateLimitRules, ReportedLimits
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.store.answers import stored_answers
from dynosaur_etl.store.budget import RunBudget
from dynosaur_etl.store.database import stay_open, wrapped_errors
from dynosaur_etl.store.ledger_transaction import (
    AttemptId,
    LedgerTransaction,
    NewAttempt,
    answer_values,
    attempt_id,
    open_transaction,
    read_answer,
)
from dynosaur_etl.store.rate_limits import ServerRateLimits

OWNER_BITS = 62
OWNER_DIED = "the process that sent it died before it could write down an answer"
NEVER_LEFT = "claimed, but not sent"


@dataclass(frozen=True)
class LimitedServer:
    """A server, by its URL, with the limits that the settings name."""

    url: str
    rules: RateLimitRules


@dataclass(frozen=True)
class _Claiming:
    """One transaction's claims: its rows, its budget and the server's rate limit."""

    tx: LedgerTransaction
    budget: RunBudget
    limits: ServerRateLimits | None


class PostgresLedger:
    """One process's way into the ledger; its methods may be called from several threads."""

    def __init__(
        self,
        engine: Engine,
        run_budget: Decimal | None,
        month_budget: Decimal | None,
        prices: Prices,
        server: LimitedServer | None = None,
    ) -> None:
        """Become an owner of claims.

        `run_budget` caps what one growth day may spend on one purpose, `month_budget` what may be
        spent in a calendar month (UTC), both in US dollars; None is no cap. Without a `server` no
        rate limit is kept.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        self._engine = engine
        self._caps = (run_budget, month_budget)
        self._prices = prices
        self._server = server
        self._owner = secrets.randbits(OWNER_BITS)
        self._guard = threading.Lock()
        with wrapped_errors(engine):
            self._alive: Connection = engine.connect()
            stay_open(self._alive)
            owner = {"owner": self._owner}
            self._alive.execute(text("select pg_advisory_xact_lock(:owner)"), owner)

    def close(self) -> None:
        """Return up ownership: claims that are left open count as a dead owner's."""
        with self._guard:
            if not (self._alive.closed or self._alive.invalidated):
                self._unlock()
            self._alive.close()

    def answers(self, keys: Sequence[str]) -> Mapping[str, Answer]:
        """Return the answers that are there, by key, without claiming anything."""
        return stored_answers(self._engine, keys).answered

    def claim(self, requests: Sequence[ChatRequest], day: str) -> list[ClaimResult]:
        """Claim requests of distinct keys; see `dynosaur_etl.domain.ledger.Ledger`.

        Raises:
            StoreUnavailable: the database does not answer, or took this ledger for dead.
            InvalidSetting: a model has no price, and a cap is set.
        """
        self._prove_alive()
        with self._claiming() as claiming:
            return self._claim_all(claiming, requests, day)

    def settle(self, claim: Claimed, answer: Answer) -> None:
        """Store the answer; the first one of a key stays."""
        self.settle_all([(claim, answer)])

    def settle_all(self, answers: Sequence[tuple[Claimed, Answer]]) -> None:
        """Store answers of distinct keys in one transaction."""
        named = [(attempt_id(claim), answer) for claim, answer in answers]
        with open_transaction(self._engine, alone=False) as tx:
            rows = tx.lock_requests([key for (key, _), _ in named])
            self._settle_in(tx, rows, named)

    def fail(self, claim: Claimed, outcome: AttemptOutcome, error: str) -> None:
        """Close the attempt without an answer; the request stays claimed.

        What is reserved for it is free again, but for a lost one: that may have been paid.
        """
        with open_transaction(self._engine, alone=False) as tx:
            row = tx.lock_requests([claim.request.key])[claim.request.key]
            attempt = tx.attempts([attempt_id(claim)])[attempt_id(claim)]
            lost = outcome == AttemptOutcome.LOST
            held = attempt.reserved_usd if lost else Decimal(0)
            tx.close_attempts([(attempt, _closed(outcome, error, held))])
            if row.owner_run == self._owner:
                tx.change_requests([{"key": row.key, "reserved_usd": Decimal(0)}])

    def again(self, claim: Claimed) -> Claimed | BudgetSpent:
        """Open the next attempt.

        Raises:
            Busy: the claim was taken over, because this process was taken for dead.
        """
        self._prove_alive()
        request = claim.request
        with self._claiming() as claiming:
            row = claiming.tx.lock_requests([request.key])[request.key]
            if row.owner_run != self._owner:
                raise Busy(f"request {row.key[:12]}: another process has taken it over")
            day = claiming.tx.attempts([attempt_id(claim)])[attempt_id(claim)].day
            claiming.budget.lock([(day, request.purpose)])
            bound = claiming.budget.bound(request)
            spent = claiming.budget.reserve(day, request.purpose, bound)
            if spent is not None:
                return BudgetSpent(request, spent)
            wait = claiming.limits.turn(request) if claiming.limits else None
            return self._take(claiming, request, day, row.attempts + 1, bound, wait)

    def release(self, claim: Claimed, error: str) -> None:
        """Return the request up for now; a later run may claim it."""
        self._end(claim, RequestStatus.FAILED, error)

    def refuse(
        self, claim: Claimed, error: str, outcome: AttemptOutcome = AttemptOutcome.REFUSED
    ) -> None:
        """Close the attempt and the request; a later run may ask again."""
        self.fail(claim, outcome, error)
        self._end(claim, RequestStatus.REFUSED, error)

    def slow_down(self, model: str, wait: float | None) -> None:
        """Let no process send to the model for a while."""
        with self._claiming() as claiming:
            if claiming.limits is not None:
                claiming.limits.refused(model, wait)

    def learn(self, model: str, limits: ReportedLimits) -> None:
        """Take over what the server reports of its rate limits."""
        with self._claiming() as claiming:
            if claiming.limits is not None:
                claiming.limits.reported(model, limits)

    @contextmanager
    def _claiming(self) -> Iterator[_Claiming]:
        with open_transaction(self._engine, alone=True) as tx:
            budget = RunBudget(tx.session, tx.totals, self._caps, self._prices, tx.now)
            server, limits = self._server, None
            if server is not None:
                limits = ServerRateLimits(tx.session, server.url, server.rules, tx.now)
            yield _Claiming(tx, budget, limits)
            if limits is not None:
                limits.write()

    def _claim_all(
        self, claiming: _Claiming, requests: Sequence[ChatRequest], day: str
    ) -> list[ClaimResult]:
        rows = claiming.tx.lock_requests([request.key for request in requests])
        claiming.budget.lock([(day, request.purpose) for request in requests])
        return [
            self._claim_one(claiming, rows.get(request.key), request, day) for request in requests
        ]

    def _settle_in(
        self,
        tx: LedgerTransaction,
        rows: Mapping[str, Row[Any]],
        answers: Sequence[tuple[AttemptId, Answer]],
    ) -> None:
        """Settle answers of requests whose rows are locked."""
        attempts = tx.attempts([attempt for attempt, _ in answers])
        closings, first, repeated = [], [], []
        for (key, number), answer in answers:
            attempt, row = attempts[key, number], rows[key]
            values = self._settled(row.model, answer, attempt)
            closings.append((attempt, values))
            if row.status == RequestStatus.ANSWERED:
                repeated.append(_paid_again(row, values["cost_usd"]))
            else:
                first.append(self._answered(key, answer, values, tx.now))
        tx.close_attempts(closings)
        tx.change_requests(first)
        tx.change_requests(repeated)

    def _claim_one(
        self, claiming: _Claiming, row: Row[Any] | None, request: ChatRequest, day: str
    ) -> ClaimResult:
        if row is not None and row.status == RequestStatus.ANSWERED:
            return Answered(request, read_answer(row))
        if row is not None and row.batch is not None:
            return InBatch(request, row.batch)
        if row is not None and row.owner_run is not None:
            if row.owner_run == self._owner or not _is_dead(claiming.tx.session, row.owner_run):
                return Held(request)
            _mark_lost(claiming.tx, row)
        bound = claiming.budget.bound(request)
        spent = claiming.budget.reserve(day, request.purpose, bound)
        if spent is not None:
            return BudgetSpent(request, spent)
        wait = claiming.limits.turn(request) if claiming.limits else None
        if claiming.limits and claiming.limits.beyond(wait):
            claiming.tx.totals.add(day, request.purpose, claiming.tx.now, -bound)
            return Later(request, wait or 0.0)
        attempts = row.attempts if row is not None else 0
        return self._take(claiming, request, day, attempts + 1, bound, wait)

    def _take(
        self,
        claiming: _Claiming,
        request: ChatRequest,
        day: str,
        attempt: int,
        bound: Decimal,
        wait: float | None,
    ) -> Claimed:
        """Make the row this run's: it pays, so it is the run that the cost counts for."""
        price = self._prices.origin(request.model)
        server = self._server.url if self._server is not None else None
        new = NewAttempt(request, day, attempt, bound, price, self._owner, server)
        claiming.tx.open_attempt(new)
        return Claimed(request, attempt, wait)

    def _settled(self, model: str, answer: Answer, attempt: Row[Any]) -> dict[str, Any]:
        """Return the columns of an attempt that was answered."""
        cost = self._prices.cost(model, answer.tokens, answer.tier)
        known = answer.prompt_tokens is not None and answer.completion_tokens is not None
        held = Decimal(0) if known else attempt.reserved_usd
        return _closed(AttemptOutcome.ANSWERED, None, held) | {"cost_usd": cost}

    def _answered(
        self, key: str, answer: Answer, values: dict[str, Any], answered_at: datetime
    ) -> dict[str, Any]:
        """Return the columns of a request that got its first answer."""
        return answer_values(answer) | {
            "key": key,
            "cost_usd": values["cost_usd"],
            "reserved_usd": values["reserved_usd"],
            "answered_at": answered_at,
            "owner_run": None,
            "error": None,
        }

    def _end(self, claim: Claimed, status: RequestStatus, error: str) -> None:
        with open_transaction(self._engine, alone=False) as tx:
            row = tx.lock_requests([claim.request.key])[claim.request.key]
            attempt = tx.attempts([attempt_id(claim)])[attempt_id(claim)]
            if attempt.outcome == AttemptOutcome.SENT:
                closed = _closed(AttemptOutcome.FAILED, NEVER_LEFT, Decimal(0))
                tx.close_attempts([(attempt, closed)])
            if row.owner_run == self._owner:
                ended = {"key": row.key, "status": status, "error": clean_text(error)}
                tx.change_requests([ended | {"owner_run": None, "reserved_usd": Decimal(0)}])

    def _unlock(self) -> None:
        """Free the owner's lock now; the server may notice a closed connection only later."""
        with suppress(SQLAlchemyError):  # a connection that is lost holds no lock
            self._alive.rollback()

    def _prove_alive(self) -> None:
        """Check that the owner's lock is still held, before anything is sent on its strength."""
        lost = "the ledger's connection was lost, and its claims with it; start again"
        with self._guard:
            if self._alive.closed or self._alive.invalidated:
                raise StoreUnavailable(lost)  # a new connection would not hold the lock
            try:
                self._alive.execute(text("select 1"))
            except SQLAlchemyError as error:
                raise StoreUnavailable(lost) from error


def _is_dead(session: Session, owner: int) -> bool:
    query = text("select pg_try_advisory_xact_lock(:owner)")
    return bool(session.execute(query, {"owner": owner}).scalar())


def _mark_lost(tx: LedgerTransaction, row: Row[Any]) -> None:
    """Close a dead owner's attempt; what it holds stays held, for it may have been paid."""
    attempt = tx.attempts([(row.key, row.attempts)])[row.key, row.attempts]
    if attempt.outcome == AttemptOutcome.SENT:
        lost = _closed(AttemptOutcome.LOST, OWNER_DIED, attempt.reserved_usd)
        tx.close_attempts([(attempt, lost)])
    ended = {"key": row.key, "status": RequestStatus.FAILED, "error": OWNER_DIED}
    tx.change_requests([ended | {"owner_run": None, "reserved_usd": Decimal(0)}])


def _closed(outcome: AttemptOutcome, error: str | None, held: Decimal) -> dict[str, Any]:
    words = None if error is None else clean_text(error)
    return {"outcome": outcome, "error": words, "cost_usd": None, "reserved_usd": held}


def _paid_again(row: Row[Any], cost: Decimal | None) -> dict[str, Any]:
    known = cost is not None and row.cost_usd is not None
    return {"key": row.key, "cost_usd": row.cost_usd + cost if known else None}
