"""Checks the ledger against itself, and sums up what was spent."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, func, select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.batch import BatchStatus
from dynosaur_etl.domain.ledger import AttemptOutcome, RequestStatus
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import LlmAttemptRow, LlmBatchRow, LlmBudgetRow, LlmRequestRow


@dataclass(frozen=True)
class LedgerAudit:
    """What the ledger holds, and where it contradicts itself.

    Attributes:
        requests: by status.
        attempts: by outcome.
        cost_usd: the sum over requests.
        attempts_cost_usd: the sum over attempts; the same amount in a sound ledger.
        reserved_usd: held for what is in flight, or for an answer that came without usage.
        lost_usd: the most that lost attempts may have cost, still counted as spent.
        unknown_costs: answers without a price or without usage.
        ownerless: requests in flight whose owner is dead; the next run of their day takes them.
        contradictions: what does not fit together, each in words.
    """

    requests: Mapping[str, int]
    attempts: Mapping[str, int]
    cost_usd: Decimal
    attempts_cost_usd: Decimal
    reserved_usd: Decimal
    lost_usd: Decimal
    unknown_costs: int
    ownerless: int
    contradictions: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Sendings of which nobody knows whether they were paid."""
        return self.attempts.get(AttemptOutcome.LOST, 0)

    @property
    def consistent(self) -> bool:
        return not self.contradictions


@dataclass(frozen=True)
class Spend:
    """What a growth day, or all of them, cost; amounts in US dollars."""

    requests: int
    answered: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: Decimal
    reserved_usd: Decimal
    unknown_costs: int


def audit(engine: Engine) -> LedgerAudit:
    """Read the whole ledger in one snapshot and check it."""
    with transaction(engine) as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        cost = _total(session, select(func.sum(LlmRequestRow.cost_usd)))
        attempts_cost = _total(session, select(func.sum(LlmAttemptRow.cost_usd)))
        ownerless = _ownerless(session)
        faults = {
            "requests in flight without a live owner": ownerless,
            "answered requests without a response": _unanswered_answers(session),
            "settled requests that still hold a reservation": _stale_reservations(session),
            "requests that stand in a batch and are not in flight with it": _stale_batches(session),
            "requests whose attempts are not all written down": _missing_attempts(session),
            "attempts left open on requests that are not in flight": _open_attempts(session),
            "US dollars between requests and attempts": cost - attempts_cost,
            "US dollars between attempts and the totals of runs": _astray(session, "run"),
            "US dollars between attempts and the totals of months": _astray(session, "month"),
        }
        return LedgerAudit(
            requests=_counts(session, LlmRequestRow.status),
            attempts=_counts(session, LlmAttemptRow.outcome),
            cost_usd=cost,
            attempts_cost_usd=attempts_cost,
            reserved_usd=_total(session, select(func.sum(LlmRequestRow.reserved_usd))),
            lost_usd=_total(session, select(func.sum(LlmAttemptRow.reserved_usd)).where(_lost())),
            unknown_costs=_number(session, _answered().where(LlmRequestRow.cost_usd.is_(None))),
            ownerless=ownerless,
            contradictions=tuple(f"{number} {words}" for words, number in faults.items() if number),
        )


def spend(engine: Engine, day: str | None = None) -> Spend:
    """Sum up the requests that a growth day's run paid, or all."""
    answered = LlmRequestRow.status == RequestStatus.ANSWERED
    query = select(
        func.count(),
        func.count().filter(answered),
        func.coalesce(func.sum(LlmRequestRow.prompt_tokens), 0),
        func.coalesce(func.sum(LlmRequestRow.cached_tokens), 0),
        func.coalesce(func.sum(LlmRequestRow.completion_tokens), 0),
        func.coalesce(func.sum(LlmRequestRow.cost_usd), Decimal(0)),
        func.coalesce(func.sum(LlmRequestRow.reserved_usd), Decimal(0)),
        func.count().filter(answered, LlmRequestRow.cost_usd.is_(None)),
    )
    if day is not None:
        query = query.where(LlmRequestRow.day == day)
    with transaction(engine) as session:
        sums: Any = session.execute(query).one()
    requests, answers, prompt, cached, completion, cost, reserved, unknown = sums
    return Spend(
        requests=requests,
        answered=answers,
        prompt_tokens=int(prompt),
        cached_tokens=int(cached),
        completion_tokens=int(completion),
        cost_usd=Decimal(cost),
        reserved_usd=Decimal(reserved),
        unknown_costs=unknown,
    )


def _lost() -> ColumnElement[bool]:
    return LlmAttemptRow.outcome == AttemptOutcome.LOST


def _astray(session: Session, kind: str) -> Decimal:
    """Return what the totals of a kind of budget are off the attempts that they sum up."""
    used = func.coalesce(LlmAttemptRow.cost_usd, 0) + LlmAttemptRow.reserved_usd
    totals = select(func.sum(LlmBudgetRow.used_usd)).where(LlmBudgetRow.scope.like(f"{kind} %"))
    return _total(session, select(func.sum(used))) - _total(session, totals)


def _answered() -> Select[Any]:
    answered = LlmRequestRow.status == RequestStatus.ANSWERED
    return select(func.count()).select_from(LlmRequestRow).where(answered)


def _ownerless(session: Session) -> int:
    in_flight = select(LlmRequestRow.owner_run, func.count()).where(
        LlmRequestRow.status == RequestStatus.SENT, LlmRequestRow.batch.is_(None)
    )
    owners = session.execute(in_flight.group_by(LlmRequestRow.owner_run)).all()
    return sum(
        number
        for owner, number in owners
        if owner is None or session.scalar(select(func.pg_try_advisory_xact_lock_shared(owner)))
    )


def _unanswered_answers(session: Session) -> int:
    return _number(session, _answered().where(LlmRequestRow.response.is_(None)))


def _stale_reservations(session: Session) -> int:
    ended = LlmRequestRow.status.in_([RequestStatus.FAILED, RequestStatus.REFUSED])
    known = (LlmRequestRow.status == RequestStatus.ANSWERED) & LlmRequestRow.cost_usd.is_not(None)
    query = select(func.count()).select_from(LlmRequestRow)
    return _number(session, query.where(LlmRequestRow.reserved_usd != 0, ended | known))


def _stale_batches(session: Session) -> int:
    over = LlmRequestRow.status != RequestStatus.SENT
    closed = LlmBatchRow.status == BatchStatus.CLOSED
    query = select(func.count()).join(LlmBatchRow, LlmBatchRow.key == LlmRequestRow.batch)
    return _number(session, query.select_from(LlmRequestRow).where(over | closed))


def _missing_attempts(session: Session) -> int:
    written = (
        select(func.count())
        .where(LlmAttemptRow.key == LlmRequestRow.key)
        .correlate(LlmRequestRow)
        .scalar_subquery()
    )
    query = select(func.count()).select_from(LlmRequestRow)
    return _number(session, query.where(LlmRequestRow.attempts != written))


def _open_attempts(session: Session) -> int:
    query = select(func.count()).join(LlmRequestRow, LlmRequestRow.key == LlmAttemptRow.key)
    return _number(
        session,
        query.select_from(LlmAttemptRow).where(
            LlmAttemptRow.outcome == AttemptOutcome.SENT,
            LlmRequestRow.status != RequestStatus.SENT,
        ),
    )


def _counts(session: Session, column: Any) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).group_by(column).order_by(column))
    return {str(value): int(number) for value, number in rows}


def _number(session: Session, query: Select[Any]) -> int:
    return int(session.scalar(query) or 0)


def _total(session: Session, query: Select[Any]) -> Decimal:
    return Decimal(session.scalar(query) or 0)
