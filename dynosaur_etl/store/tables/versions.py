"""Tables of the versions of the training set, and of where they are published."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, false, func
from sqlalchemy.orm import Mapped, mapped_column

from dynosaur_etl.store.tables.base import Base


class SnapshotRow(Base):
    """A numbered, immutable training set. The newest that is no trial is the head."""

    __tablename__ = "snapshots"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent: Mapped[int | None] = mapped_column(comment="the head before it")
    day: Mapped[str] = mapped_column(index=True)
    fingerprint: Mapped[str] = mapped_column(index=True, comment="of all that it is made from")
    path: Mapped[str]
    manifest_sha256: Mapped[str]
    same_as: Mapped[int | None] = mapped_column(
        comment="the version whose files it points at; null: it has its own"
    )
    trial: Mapped[bool] = mapped_column(server_default=false(), comment="it never is the head")
    facts: Mapped[dict[str, Any]]
    created_here_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PublicationRow(Base):
    """A version that a target holds, written once the target has given it back."""

    __tablename__ = "publications"

    version: Mapped[int] = mapped_column(ForeignKey("snapshots.version"), primary_key=True)
    target: Mapped[str] = mapped_column(
        primary_key=True, comment="a dataset's address at the Hub, or a folder or URL without login"
    )
    place: Mapped[str] = mapped_column(comment="commit at the Hub, or path below the folder")
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())
