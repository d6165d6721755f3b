"""The ledger of paid requests in PostgreSQL, safe with any number of processes.

All claims pass one advisory lock, one transaction at a time, so that the reservations can never
add up to more than a cap. Each ledger has an owner number whose session-level advisory lock a
connection of its own holds for as long as the process lives: whoever finds that lock free knows
that the owner is dead.
"""

import secrets
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError
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
    Prices,
    RequestStatus,
)
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.store.budget import Budget
from dynosaur_etl.store.database import lock_number, transaction, wrapped_errors
from dynosaur_etl.store.tables import LlmAttemptRow, LlmRequestRow

OWNER_BITS = 62
OWNER_DIED = "the process that sent it died before it could write down an answer"


class PostgresLedger:
    """One process's way into the ledger; its methods may be called from several threads."""

    def __init__(
        self, engine: Engine, run_budget: Decimal, month_budget: Decimal, prices: Prices
    ) -> None:
        """Become an owner of claims.

        `run_budget` caps what one growth day may spend on one purpose, `month_budget` what may be
        spent in a calendar month (UTC), both in US dollars.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        self._engine = engine
        self._run_budget = run_budget
        self._month_budget = month_budget
        self._prices = prices
        self._owner = secrets.randbits(OWNER_BITS)
        self._guard = threading.Lock()
        with wrapped_errors(engine):
            self._alive: Connection = engine.connect()
            self._alive.execution_options(isolation_level="AUTOCOMMIT")
            self._alive.execute(text("select pg_advisory_lock(:owner)"), {"owner": self._owner})

    def close(self) -> None:
        """Give up ownership: claims that are left open count as a dead owner's."""
        with self._guard:
            self._alive.invalidate()  # a pooled connection would keep the lock
            self._alive.close()

    def claim(self, requests: Sequence[ChatRequest], day: str) -> list[ClaimResult]:
        """Claim requests of distinct keys; see `dynosaur_etl.domain.ledger.Ledger`.

        Raises:
            StoreUnavailable: the database does not answer, or took this ledger for dead.
        """
        self._prove_alive()
        with transaction(self._engine) as session:
            lock = {"lock": lock_number("ledger")}
            session.execute(text("select pg_advisory_xact_lock(:lock)"), lock)
            rows = _locked_rows(session, [request.key for request in requests])
            budget = Budget(session, self._run_budget, self._month_budget, day)
            results = [
                self._claim_one(session, rows.get(request.key), request, budget)
                for request in requests
            ]
            session.flush()  # the attempts refer to the requests
            session.add_all(_attempt_row(claim) for claim in results if isinstance(claim, Claimed))
            return results

    def settle(self, claim: Claimed, answer: Answer) -> None:
        """Store the answer; the first one of a key stays."""
        request = claim.request
        cost = self._prices.cost(
            request.model, answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens
        )
        with transaction(self._engine) as session:
            row = _locked_row(session, request.key)
            attempt = _attempt(session, claim)
            attempt.outcome, attempt.cost_usd = AttemptOutcome.ANSWERED, cost
            if row.status == RequestStatus.ANSWERED:
                row.cost_usd = None if cost is None or row.cost_usd is None else row.cost_usd + cost
                return
            _write_answer(row, answer)
            row.cost_usd = cost
            row.price_version = self._prices.version
            row.owner_run = row.error = None
            if answer.prompt_tokens is not None and answer.completion_tokens is not None:
                row.reserved_usd = Decimal(0)

    def fail(self, claim: Claimed, outcome: AttemptOutcome, error: str) -> None:
        """Close the attempt without an answer; the request stays claimed."""
        with transaction(self._engine) as session:
            attempt = _attempt(session, claim)
            attempt.outcome, attempt.error = outcome, clean_text(error)

    def again(self, claim: Claimed) -> Claimed:
        """Open the next attempt.

        Raises:
            Busy: the claim was taken over, because this process was taken for dead.
        """
        self._prove_alive()
        with transaction(self._engine) as session:
            row = _locked_row(session, claim.request.key)
            if row.owner_run != self._owner:
                raise Busy(f"request {row.key[:12]}: another process has taken it over")
            row.attempts += 1
            row.sent_at = session.scalar(select(func.now()))
            session.add(_attempt_row(following := Claimed(claim.request, row.attempts)))
            return following

    def release(self, claim: Claimed, error: str) -> None:
        """Give the request up for now; a later run may claim it."""
        self._end(claim, RequestStatus.FAILED, error)

    def refuse(self, claim: Claimed, error: str) -> None:
        """Close the attempt and the request; a later run may ask again, at no cost."""
        self.fail(claim, AttemptOutcome.REFUSED, error)
        self._end(claim, RequestStatus.REFUSED, error)

    def _end(self, claim: Claimed, status: RequestStatus, error: str) -> None:
        with transaction(self._engine) as session:
            row = _locked_row(session, claim.request.key)
            if row.owner_run == self._owner:
                row.status, row.error = status, clean_text(error)
                row.owner_run, row.reserved_usd = None, Decimal(0)

    def _claim_one(
        self, session: Session, row: LlmRequestRow | None, request: ChatRequest, budget: Budget
    ) -> ClaimResult:
        if row is not None and row.status == RequestStatus.ANSWERED:
            return Answered(request, read_answer(row))
        if row is not None and row.owner_run is not None:
            if row.owner_run == self._owner or not _is_dead(session, row.owner_run):
                return Held(request)
            _mark_lost(session, row)
            budget.free(row)
        bound = self._prices.upper_bound(request)
        spent = budget.reserve(request.purpose, bound)
        if spent is not None:
            return BudgetSpent(request, spent)
        row = row or _new_row(session, request)
        self._take(row, request, budget, bound)
        return Claimed(request, row.attempts)

    def _take(
        self, row: LlmRequestRow, request: ChatRequest, budget: Budget, bound: Decimal
    ) -> None:
        """Make the row this run's: it pays, so it is the run that the cost counts for."""
        row.purpose, row.day, row.subject = request.purpose, budget.day, request.subject
        row.attempts, row.sent_at = row.attempts + 1, budget.now
        row.status, row.error = RequestStatus.SENT, None
        row.reserved_usd, row.price_version = bound, self._prices.version
        row.owner_run = self._owner

    def _prove_alive(self) -> None:
        """Check that the owner's lock is still held, before anything is sent on its strength."""
        lost = "the ledger's connection was lost, and its claims with it; start again"
        with self._guard:
            if self._alive.closed or self._alive.invalidated:
                raise StoreUnavailable(lost)  # a new connection would not hold the lock
            try:
                self._alive.execute(text("select 1"))
            except DBAPIError as error:
                raise StoreUnavailable(lost) from error


def _locked_rows(session: Session, keys: Sequence[str]) -> Mapping[str, LlmRequestRow]:
    """Read rows and lock them, so that no answer slips in between reading and taking over."""
    query = select(LlmRequestRow).where(LlmRequestRow.key.in_(keys)).order_by(LlmRequestRow.key)
    return {row.key: row for row in session.scalars(query.with_for_update())}


def _locked_row(session: Session, key: str) -> LlmRequestRow:
    return session.get_one(LlmRequestRow, key, with_for_update=True)


def _attempt(session: Session, claim: Claimed) -> LlmAttemptRow:
    return session.get_one(LlmAttemptRow, (claim.request.key, claim.attempt))


def _is_dead(session: Session, owner: int) -> bool:
    query = text("select pg_try_advisory_xact_lock(:owner)")
    return bool(session.execute(query, {"owner": owner}).scalar())


def _mark_lost(session: Session, row: LlmRequestRow) -> None:
    attempt = session.get_one(LlmAttemptRow, (row.key, row.attempts))
    if attempt.outcome == AttemptOutcome.SENT:
        attempt.outcome, attempt.error = AttemptOutcome.LOST, OWNER_DIED
    row.status, row.owner_run, row.error = RequestStatus.FAILED, None, OWNER_DIED


def _new_row(session: Session, request: ChatRequest) -> LlmRequestRow:
    row = LlmRequestRow(
        key=request.key,
        model=request.model,
        prompt_version=request.prompt_version,
        request=request.body(),
        attempts=0,
    )
    session.add(row)
    return row


def _attempt_row(claim: Claimed) -> LlmAttemptRow:
    return LlmAttemptRow(key=claim.request.key, number=claim.attempt, outcome=AttemptOutcome.SENT)


def _write_answer(row: LlmRequestRow, answer: Answer) -> None:
    row.status = RequestStatus.ANSWERED
    row.response = {
        "content": answer.content,
        "refusal": answer.refusal,
        "finish_reason": answer.finish_reason,
        "model": answer.model,
    }
    row.prompt_tokens = answer.prompt_tokens
    row.cached_tokens = answer.cached_tokens
    row.completion_tokens = answer.completion_tokens


def read_answer(row: LlmRequestRow) -> Answer:
    """Give a request's stored answer."""
    response = row.response or {}
    return Answer(
        content=response.get("content"),
        refusal=response.get("refusal"),
        finish_reason=response.get("finish_reason"),
        model=response.get("model") or row.model,
        prompt_tokens=row.prompt_tokens,
        cached_tokens=row.cached_tokens,
        completion_tokens=row.completion_tokens,
    )
