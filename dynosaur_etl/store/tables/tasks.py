"""Tables of proposals, the tasks that they became, and everything that was rejected."""

from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dynosaur_etl.store.tables.base import Base

PROPOSAL_WORDS = (
    "to_tsvector('simple'::regconfig, \"left\"((payload -> 0) ->> 'instruction'::text, 2000))"
)
"""What a search by words looks at, in PostgreSQL's own writing."""


class ProposalRow(Base):
    """One task as the LLM wrote it, with its verdict."""

    __tablename__ = "proposals"

    day: Mapped[str] = mapped_column(primary_key=True)
    request_key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[str]
    revision: Mapped[str]
    config: Mapped[str]
    mode: Mapped[str]
    payload: Mapped[list[Any]] = mapped_column(comment="one element: the proposal as it was read")
    reason: Mapped[str | None] = mapped_column(comment="null: kept")
    detail: Mapped[str]
    task_key: Mapped[str | None] = mapped_column(index=True)

    __table_args__ = (
        Index("ix_proposals_list", text("day desc"), "dataset_id", "request_key", "position"),
        Index(
            "ix_proposals_source",
            "dataset_id",
            text("day desc"),
            postgresql_ops={"dataset_id": "text_pattern_ops"},
        ),
        Index(
            "ix_proposals_reason",
            "reason",
            text("day desc"),
            postgresql_where=text("reason is not null"),
        ),
        Index("ix_proposals_words", text(PROPOSAL_WORDS), postgresql_using="gin"),
    )


class TaskRow(Base):
    """A valid instruction task of a growth day."""

    __tablename__ = "tasks"

    day: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(index=True)
    revision: Mapped[str]
    config: Mapped[str]
    instruction: Mapped[str]
    input_fields: Mapped[list[Any]]
    output_field: Mapped[str]
    label_space: Mapped[list[Any]]
    mode: Mapped[str]
    prompt_version: Mapped[str]
    licence: Mapped[str]
    request_key: Mapped[str]
    form: Mapped[str] = mapped_column(
        server_default="",
        comment="of the instruction set that the task is native to; empty: it was proposed",
    )


class RejectionRow(Base):
    """A thing that was left out; instances that are left out are counted by task and reason."""

    __tablename__ = "rejections"

    day: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(comment="how many things the row stands for")
    detail: Mapped[str]

    __table_args__ = (
        Index("ix_rejections_stage_reason", "stage", "reason"),
        Index("ix_rejections_list", text("day desc"), "stage", "subject", "reason"),
        Index("ix_rejections_reason", "reason", text("day desc"), "stage", "subject"),
        Index("ix_rejections_subject", "subject", postgresql_ops={"subject": "text_pattern_ops"}),
    )
