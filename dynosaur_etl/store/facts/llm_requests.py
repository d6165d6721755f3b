"""Requests to the LLM: one with its answer, and sums over those of a day or of all days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, func, select

from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import LlmRequestRow, TaskRow


@dataclass(frozen=True)
class TokenSums:
    """Tokens of prompts and of answers, as far as they are known."""

    prompt: int
    completion: int


@dataclass(frozen=True)
class RequestSums:
    """Requests by status, what they cost in US dollars, and their tokens."""

    requests: Mapping[str, int]
    cost_usd: Decimal
    tokens: TokenSums


@dataclass(frozen=True)
class RequestRecord:
    """A request as it was sent, and what became of it.

    Attributes:
        model: as the server named it; where it did not answer, as it was asked for.
        asked_model: as it was asked for.
        server: base URL; None: from before it was noted.
        answered_on: day (UTC) of the answer; None where there is none.
        messages: of the body, each with `role` and `content`.
        response: content, refusal and more of the answer; empty where there is none.
        cost_usd: None where the price or the usage is unknown.
    """

    model: str
    asked_model: str
    server: str | None
    answered_on: date | None
    prompt_version: str
    status: str
    attempts: int
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: Decimal | None
    messages: Sequence[Mapping[str, Any]]
    response: Mapping[str, Any]
    error: str | None


def find_request(engine: Engine, key: str) -> RequestRecord | None:
    """Read a request of the ledger; None where it holds no such one."""
    with reading(engine) as session:
        row = session.get(LlmRequestRow, key)
    if row is None:
        return None
    return RequestRecord(
        model=(row.response or {}).get("model") or row.model,
        asked_model=row.model,
        server=row.server,
        answered_on=None if row.answered_at is None else row.answered_at.astimezone(UTC).date(),
        prompt_version=row.prompt_version,
        status=row.status,
        attempts=row.attempts,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        reasoning_tokens=row.reasoning_tokens,
        cost_usd=row.cost_usd,
        messages=row.request.get("messages") or (),
        response=row.response or {},
        error=row.error,
    )


@dataclass(frozen=True)
class AuthorTasks:
    """How many tasks of a day a model wrote, as its server named it; None: server unknown."""

    model: str
    server: str | None
    tasks: int


def authors_of_day(engine: Engine, day: str) -> list[AuthorTasks]:
    """Read the models that wrote a day's tasks, those of most tasks first."""
    model = func.coalesce(LlmRequestRow.response["model"].astext, LlmRequestRow.model)
    number = func.count()
    query = (
        select(model, LlmRequestRow.server, number)
        .join_from(TaskRow, LlmRequestRow, LlmRequestRow.key == TaskRow.request_key)
        .where(TaskRow.day == day)
        .group_by(model, LlmRequestRow.server)
        .order_by(number.desc(), model)
    )
    with reading(engine) as session:
        return [AuthorTasks(*row) for row in session.execute(query)]


def request_sums(engine: Engine, day: str | None = None) -> RequestSums:
    """Sum up the requests that a day's run pays, or all."""
    query = select(
        LlmRequestRow.status,
        func.count(),
        func.sum(LlmRequestRow.cost_usd),
        func.sum(LlmRequestRow.prompt_tokens),
        func.sum(LlmRequestRow.completion_tokens),
    ).group_by(LlmRequestRow.status)
    if day is not None:
        query = query.where(LlmRequestRow.day == day)
    with reading(engine) as session:
        rows = session.execute(query.order_by(LlmRequestRow.status)).all()
    return RequestSums(
        requests={status: number for status, number, *_ in rows},
        cost_usd=sum((cost or Decimal(0) for _, _, cost, _, _ in rows), Decimal(0)),
        tokens=TokenSums(
            prompt=sum(int(prompt or 0) for *_, prompt, _ in rows),
            completion=sum(int(completion or 0) for *_, completion in rows),
        ),
    )


@dataclass(frozen=True)
class RequestGroup:
    """What the requests of one growth day, purpose and model came to, in US dollars and tokens.

    Attributes:
        cost_usd: as far as it is known.
        held_usd: reserved for those that are open, or whose answers came without usage.
    """

    day: str
    purpose: str
    model: str
    requests: int
    cost_usd: Decimal
    held_usd: Decimal
    prompt_tokens: int
    completion_tokens: int


def request_groups(engine: Engine) -> list[RequestGroup]:
    """Sum up all requests by day, purpose and model, from an index alone."""
    groups = (LlmRequestRow.day, LlmRequestRow.purpose, LlmRequestRow.model)
    query: Any = select(
        *groups,
        func.count(),
        func.coalesce(func.sum(LlmRequestRow.cost_usd), Decimal(0)),
        func.coalesce(func.sum(LlmRequestRow.reserved_usd), Decimal(0)),
        func.coalesce(func.sum(LlmRequestRow.prompt_tokens), 0),
        func.coalesce(func.sum(LlmRequestRow.completion_tokens), 0),
    ).group_by(*groups)
    with reading(engine) as session:
        return [
            RequestGroup(*[*row[:-2], int(row[-2]), int(row[-1])])
            for row in session.execute(query.order_by(*groups))
        ]


def paid_usd(engine: Engine) -> Decimal | None:
    """Sum up what all requests cost, in US dollars; None where no cost is known."""
    with reading(engine) as session:
        return session.scalar(select(func.sum(LlmRequestRow.cost_usd)))


def count_by_status(engine: Engine, day: str) -> dict[str, int]:
    """Count the requests of a day, by status."""
    query = (
        select(LlmRequestRow.status, func.count())
        .where(LlmRequestRow.day == day)
        .group_by(LlmRequestRow.status)
        .order_by(LlmRequestRow.status)
    )
    with reading(engine) as session:
        return dict(session.execute(query).all())


def cost_by_day(engine: Engine) -> dict[str, Decimal]:
    """Sum up the known costs of each day that asked the LLM, in US dollars."""
    query = select(LlmRequestRow.day, func.sum(LlmRequestRow.cost_usd)).group_by(LlmRequestRow.day)
    with reading(engine) as session:
        return {day: cost or Decimal(0) for day, cost in session.execute(query)}


def cost_within(
    engine: Engine, day: str, since: datetime | None, until: datetime | None
) -> Decimal:
    """Sum up the US dollars of a day's requests that were sent between two moments, or of all."""
    query = select(func.coalesce(func.sum(LlmRequestRow.cost_usd), 0)).where(
        LlmRequestRow.day == day
    )
    if since is not None:
        query = query.where(LlmRequestRow.sent_at >= since)
    if until is not None:
        query = query.where(LlmRequestRow.sent_at <= until)
    with reading(engine) as session:
        return Decimal(session.scalar(query) or 0)
