"""What was spent, reserved and lost, summed up over the ledger's attempts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, func, select, update

from dynosaur_etl.domain.chat import prompt_bytes
from dynosaur_etl.domain.ledger import AttemptOutcome, RequestStatus
from dynosaur_etl.store.budget import Totals
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import LlmAttemptRow, LlmBudgetRow, LlmRequestRow

_RECENT = 500
_ANSWERED = LlmAttemptRow.outcome == AttemptOutcome.ANSWERED
_LOST = LlmAttemptRow.outcome == AttemptOutcome.LOST


@dataclass(frozen=True)
class SpendingSums:
    """Sums over attempts; amounts in US dollars.

    Attributes:
        sendings: attempts, whatever became of them.
        lost: attempts of which nobody knows whether they were paid.
        unknown: answers whose cost is unknown, for want of a price or of usage.
        reserved_usd: held for requests in flight, or for answers that came without usage.
        lost_usd: the most that the lost attempts can have cost.
    """

    sendings: int
    answered: int
    lost: int
    unknown: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    spent_usd: Decimal
    reserved_usd: Decimal
    lost_usd: Decimal


@dataclass(frozen=True)
class SpendingLine(SpendingSums):
    """What one growth day paid to one model for one purpose."""

    day: str
    purpose: str
    model: str


@dataclass(frozen=True)
class Usage:
    """What the newest answers of a model say of its tokens; all 0 where there is none."""

    answers: int
    prompt_bytes: int
    prompt_tokens: int
    completion_tokens: int


def spending(engine: Engine, day: str | None = None) -> list[SpendingLine]:
    """Sum up by growth day, purpose and model, in that order."""
    groups = (LlmAttemptRow.day, LlmAttemptRow.purpose, LlmRequestRow.model)
    tokens = (
        LlmRequestRow.prompt_tokens, LlmRequestRow.cached_tokens, LlmRequestRow.completion_tokens,
    )  # fmt: skip
    unknown = func.count().filter(_ANSWERED, LlmAttemptRow.cost_usd.is_(None))
    reserved = func.sum(LlmAttemptRow.reserved_usd)
    query = (
        select(
            *groups,
            func.count().label("sendings"),
            func.count().filter(_ANSWERED).label("answered"),
            func.count().filter(_LOST).label("lost"),
            unknown.label("unknown"),
            *(func.sum(column).filter(_ANSWERED).label(column.key) for column in tokens),
            func.sum(LlmAttemptRow.cost_usd).label("spent_usd"),
            reserved.filter(~_LOST).label("reserved_usd"),
            reserved.filter(_LOST).label("lost_usd"),
        )
        .join(LlmRequestRow, LlmRequestRow.key == LlmAttemptRow.key)
        .group_by(*groups)
        .order_by(*groups)
    )
    if day is not None:
        query = query.where(LlmAttemptRow.day == day)
    with transaction(engine) as session:
        return [_line(row) for row in session.execute(query).mappings()]


def used_of_budget(engine: Engine, scope: str) -> Decimal:
    """Return a budget's running total; `store.budget` names them."""
    with transaction(engine) as session:
        row = session.get(LlmBudgetRow, scope)
        return row.used_usd if row is not None else Decimal(0)


def spent_since(engine: Engine, moment: datetime) -> Decimal:
    """Sum up the known costs of what was sent since then."""
    query = select(func.sum(LlmAttemptRow.cost_usd)).where(LlmAttemptRow.sent_at >= moment)
    with transaction(engine) as session:
        return Decimal(session.scalar(query) or 0)


def usage(engine: Engine, model: str, purpose: str) -> Usage:
    """Sum up the newest answers of a model for a purpose, 500 at most."""
    query = (
        select(LlmRequestRow.request, LlmRequestRow.prompt_tokens, LlmRequestRow.completion_tokens)
        .where(
            LlmRequestRow.status == RequestStatus.ANSWERED,
            LlmRequestRow.model == model,
            LlmRequestRow.purpose == purpose,
            LlmRequestRow.prompt_tokens.is_not(None),
            LlmRequestRow.completion_tokens.is_not(None),
        )
        .order_by(LlmRequestRow.sent_at.desc(), LlmRequestRow.key)
        .limit(_RECENT)
    )
    with transaction(engine) as session:
        rows = session.execute(query).all()
    return Usage(
        answers=len(rows),
        prompt_bytes=sum(_bytes(body) for body, _, _ in rows),
        prompt_tokens=sum(prompt or 0 for _, prompt, _ in rows),
        completion_tokens=sum(completion or 0 for _, _, completion in rows),
    )


def forgive_lost(engine: Engine, day: str | None = None) -> tuple[int, Decimal]:
    """Count lost attempts as not paid; give their number and what they held."""
    held = _LOST & (LlmAttemptRow.reserved_usd > 0)
    where = held if day is None else held & (LlmAttemptRow.day == day)
    columns = (
        LlmAttemptRow.day, LlmAttemptRow.purpose, LlmAttemptRow.sent_at, LlmAttemptRow.reserved_usd,
    )  # fmt: skip
    with transaction(engine) as session:
        locked = select(*columns).where(where).with_for_update()
        rows = session.execute(locked.order_by(LlmAttemptRow.key, LlmAttemptRow.number)).all()
        session.execute(
            update(LlmAttemptRow).where(where).values(reserved_usd=0),
            execution_options={"synchronize_session": False},
        )
        totals = Totals()
        for run, purpose, sent_at, amount in rows:
            totals.add(run, purpose, sent_at, -amount)
        totals.write(session)
    return len(rows), sum((row[3] for row in rows), Decimal(0))


def _line(row: Mapping[Any, Any]) -> SpendingLine:
    """Read a row; a sum over nothing is null."""
    tokens = {name: int(row[name] or 0) for name in row if name.endswith("_tokens")}
    amounts = {name: Decimal(row[name] or 0) for name in row if name.endswith("_usd")}
    return SpendingLine(**{**row, **tokens, **amounts})


def _bytes(body: dict[str, Any]) -> int:
    form = body.get("response_format") or {}
    return prompt_bytes(body["messages"], form.get("json_schema", {}).get("schema"))
