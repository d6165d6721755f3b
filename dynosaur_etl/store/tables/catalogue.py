"""Tables of the Hub: repositories, their commits, and sources that are to be used no more."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dynosaur_etl.store.tables.base import Base


class DatasetRow(Base):
    """The catalogue: every dataset repository seen, as the Hub tells of it today."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    last_modified: Mapped[datetime] = mapped_column(index=True)
    sha: Mapped[str | None]
    tags: Mapped[list[Any]]
    gated: Mapped[bool]
    private: Mapped[bool]
    disabled: Mapped[bool]
    downloads: Mapped[int]
    likes: Mapped[int]
    licences: Mapped[list[Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="as the YAML of the card at sha names them; null: only the card can tell",
    )
    languages: Mapped[list[Any] | None] = mapped_column(
        JSONB(none_as_null=True), comment="as licences"
    )
    licence_name: Mapped[str | None] = mapped_column(comment="of a licence without an identifier")
    renamed_to: Mapped[str | None] = mapped_column(
        comment="the id under which the Hub has it now; null: not known to be another"
    )
    commits_of: Mapped[str | None] = mapped_column(
        comment="head of the branch when its commits were read; null where they were not"
    )
    commits_refused: Mapped[str | None] = mapped_column(
        comment="reason for which the Hub showed none at commits_of; null: it showed them"
    )
    seen_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="for the first time"
    )
    last_seen_at: Mapped[datetime | None] = mapped_column(
        comment="when the Hub's list showed it last; null: known from a file of statistics alone"
    )


class CommitRow(Base):
    """The commits of a dataset's main branch, read once a head."""

    __tablename__ = "commits"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    sha: Mapped[str] = mapped_column(primary_key=True)
    date: Mapped[datetime] = mapped_column(index=True)
    position: Mapped[int] = mapped_column(comment="0 is the newest")
    title: Mapped[str]


class CatalogueRow(Base):
    """How far the catalogue follows the Hub."""

    __tablename__ = "catalogue"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(comment="start of the last complete listing")


class WithdrawalRow(Base):
    """A source that is to be used no more, and why; several reasons may stand side by side."""

    __tablename__ = "withdrawals"

    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    found_on: Mapped[str] = mapped_column(primary_key=True, comment="UTC day, YYYY-MM-DD")
    detail: Mapped[str]
    lifted_on: Mapped[str | None] = mapped_column(comment="null: in force")


class CardCheckRow(Base):
    """The card of a source's head as an audit judged it, so that a head is asked for once."""

    __tablename__ = "card_checks"

    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    sha: Mapped[str] = mapped_column(comment="of the head whose card it was")
    rules: Mapped[str] = mapped_column(comment="digest of what it was judged by")
    reason: Mapped[str | None] = mapped_column(comment="null: it may be used")
    detail: Mapped[str]
