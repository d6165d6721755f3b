"""Tables of the LLM: the ledger of requests and attempts, batches, models, budgets and limits."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from dynosaur_etl.store.tables.base import Base


class LlmBatchRow(Base):
    """A batch of requests that the server answers by itself, in its own time."""

    __tablename__ = "llm_batches"

    key: Mapped[str] = mapped_column(primary_key=True, comment="the server is told it")
    day: Mapped[str] = mapped_column(index=True, comment="of the run that pays")
    purpose: Mapped[str]
    model: Mapped[str]
    server: Mapped[str] = mapped_column(comment="base URL it was made for")
    status: Mapped[str] = mapped_column(comment="intended, submitting, submitted or closed")
    server_id: Mapped[str | None] = mapped_column(comment="null: not known yet")
    server_status: Mapped[str | None] = mapped_column(comment="when it was last looked at")
    requests: Mapped[int]
    completed: Mapped[int] = mapped_column(
        "worked_off", comment="by the server, when it was last looked at"
    )
    error: Mapped[str | None] = mapped_column(comment="why not every line has an answer")
    trouble: Mapped[str | None] = mapped_column(comment="see domain.batch.BatchTrouble; null: none")
    trouble_since: Mapped[datetime | None]
    created_here_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class LlmRequestRow(Base):
    """The ledger: one row a request, whatever number of times it was sent."""

    __tablename__ = "llm_requests"

    key: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    day: Mapped[str] = mapped_column(index=True, comment="of the run that pays")
    subject: Mapped[str]
    model: Mapped[str]
    prompt_version: Mapped[str]
    request: Mapped[dict[str, Any]] = mapped_column(comment="the body that is sent")
    status: Mapped[str] = mapped_column(index=True, comment="sent, answered, failed or refused")
    attempts: Mapped[int]
    response: Mapped[dict[str, Any] | None] = mapped_column(
        comment="content, refusal, finish_reason and model of the answer"
    )
    error: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    written_tokens: Mapped[int | None]
    reasoning_tokens: Mapped[int | None]
    cost_usd: Mapped[Decimal | None] = mapped_column(comment="null where the price is unknown")
    reserved_usd: Mapped[Decimal] = mapped_column(comment="held for the answer; 0 once settled")
    price_version: Mapped[str | None]
    owner_run: Mapped[int | None] = mapped_column(comment="who is sending it; null: nobody")
    batch: Mapped[str | None] = mapped_column(
        ForeignKey("llm_batches.key"), index=True, comment="that it is in now; null: in none"
    )
    sent_at: Mapped[datetime | None]
    server: Mapped[str | None] = mapped_column(comment="base URL; null: from before")
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_llm_requests_costs",
            "day",
            "purpose",
            "model",
            postgresql_include=[
                "cost_usd", "reserved_usd", "prompt_tokens", "completion_tokens",
            ],
        ),
    )  # fmt: skip


class LlmAttemptRow(Base):
    """One sending of a request, written before it leaves."""

    __tablename__ = "llm_attempts"

    key: Mapped[str] = mapped_column(ForeignKey("llm_requests.key"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(index=True, comment="of the run that pays for this sending")
    purpose: Mapped[str] = mapped_column(comment="what this sending was paid for")
    outcome: Mapped[str] = mapped_column(comment="sent, answered, failed, refused or lost")
    batch: Mapped[str | None] = mapped_column(
        ForeignKey("llm_batches.key"), index=True, comment="null: it was sent by itself"
    )
    error: Mapped[str | None]
    cost_usd: Mapped[Decimal | None] = mapped_column(comment="null: unknown or nothing was paid")
    reserved_usd: Mapped[Decimal] = mapped_column(
        comment="held while in flight; stays where the answer may have been paid, its cost unseen"
    )
    price_source: Mapped[str | None]
    price_version: Mapped[str | None]
    sent_at: Mapped[datetime] = mapped_column(index=True, server_default=func.now())


class LlmModelRow(Base):
    """What is known of a model of a server: the form of its requests, and when it ends."""

    __tablename__ = "llm_models"

    server: Mapped[str] = mapped_column(primary_key=True, comment="base URL")
    model: Mapped[str] = mapped_column(primary_key=True)
    form: Mapped[dict[str, Any]] = mapped_column(comment="fields of domain.request_form")
    accepted: Mapped[list[Any]] = mapped_column(comment="features that were taken once")
    refusals: Mapped[list[Any]] = mapped_column(comment="the server's words, in order")
    learnt_at: Mapped[datetime | None] = mapped_column(comment="null: never asked")
    ends_on: Mapped[str | None] = mapped_column(comment="as the server says; null: open")
    listed_at: Mapped[datetime | None]


class LlmTrialRow(Base):
    """A model that was tried beside the one in use."""

    __tablename__ = "llm_trials"

    key: Mapped[str] = mapped_column(primary_key=True, comment="digest of what was asked")
    model: Mapped[str] = mapped_column(comment="that was tried")
    server: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(comment="of domain.trials.Trial")
    tried_at: Mapped[datetime]


class LlmBudgetRow(Base):
    """What is used of a cap, kept as a running total: costs and reservations of its attempts."""

    __tablename__ = "llm_budgets"

    scope: Mapped[str] = mapped_column(primary_key=True, comment="a run or a calendar month")
    used_usd: Mapped[Decimal]


class LlmRateLimitRow(Base):
    """How far the rate limit of a server's model is used, by all processes together."""

    __tablename__ = "llm_paces"

    server: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    pace: Mapped[dict[str, Any]] = mapped_column(comment="fields of domain.rate_limit.RateLimit")
