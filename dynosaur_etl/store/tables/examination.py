"""Tables of what a growth day found at the Hub: candidates, verdicts, cards and configs."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dynosaur_etl.store.tables.base import Base


class CandidateRow(Base):
    """A dataset that was created or changed on a growth day, pinned to a commit."""

    __tablename__ = "candidates"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str | None] = mapped_column(comment="null: no commit is old enough")
    committed_at: Mapped[datetime | None]
    change: Mapped[str] = mapped_column(comment="created or changed")
    deferred_from: Mapped[str | None] = mapped_column(
        comment="the earlier day that had too many of its owner or family; null: found on this day"
    )


class DeferredRow(Base):
    """A candidate that a cap kept out of its day; a later day takes it."""

    __tablename__ = "deferred_candidates"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str | None]
    committed_at: Mapped[datetime | None]
    change: Mapped[str]
    cap: Mapped[str] = mapped_column(comment="owner or family")


class VerdictRow(Base):
    """The one verdict of a candidate."""

    __tablename__ = "verdicts"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str]
    reason: Mapped[str | None] = mapped_column(comment="null: kept")
    detail: Mapped[str]
    licences: Mapped[list[Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="that hold at the revision; null: no card was read, or before they were kept here",
    )
    earlier: Mapped[str | None] = mapped_column(
        comment="what becomes of rows of earlier revisions; null: as the reason tells"
    )

    __table_args__ = (Index("ix_verdicts_dataset_id", "dataset_id", text("day desc")),)


class RevisionRow(Base):
    """What the card of a kept candidate says at its revision."""

    __tablename__ = "revisions"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    sha: Mapped[str]
    licences: Mapped[list[Any]]
    languages: Mapped[list[Any]]
    pretty_name: Mapped[str]
    summary: Mapped[str]
    card_sha256: Mapped[str]
    licence_conflict: Mapped[str] = mapped_column(
        default="", comment="where the text names a stricter licence than the YAML; else empty"
    )

    __table_args__ = (Index("ix_revisions_licences", "licences", postgresql_using="gin"),)


class ConfigRow(Base):
    """A kept config of a kept candidate; its sampled rows are a file of the kind `samples`."""

    __tablename__ = "configs"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str]
    features: Mapped[dict[str, Any]]
    splits: Mapped[dict[str, Any]]
    sample_path: Mapped[str]
    sample_seed: Mapped[int]
    reading: Mapped[dict[str, Any]] = mapped_column(
        server_default="{}",
        comment="by split: files in all, and where not all was read the files read with their rows",
    )
    form: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="of an instruction set, with the fields of its roles; null: it is none",
    )
    row_marks: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), server_default="{}", comment="the smallest hashes of its sampled rows"
    )
    file_marks: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), server_default="{}", comment="the smallest hashes of the files read"
    )

    __table_args__ = (
        Index("ix_configs_row_marks", "row_marks", postgresql_using="gin"),
        Index("ix_configs_file_marks", "file_marks", postgresql_using="gin"),
    )
