"""Tables of the steps of growth days: what each did, its open parts and its plan."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dynosaur_etl.store.tables.base import Base


class CheckpointRow(Base):
    """The finished part of a step that has not been committed yet; gone once it is."""

    __tablename__ = "checkpoints"

    day: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    result: Mapped[dict[str, Any]]


class PlanRow(Base):
    """The requests of a day's step in their order: built once, read by each part and rerun."""

    __tablename__ = "plans"

    day: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(comment="of what the requests are built from")
    asked: Mapped[str] = mapped_column(comment="digest of the keys")
    keys: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="of the requests")
    about: Mapped[list[Any]] = mapped_column(comment="dataset, config and mode of each")


class GrowthRunRow(Base):
    """What a step of a growth day did, written with its output in one transaction."""

    __tablename__ = "growth_runs"

    day: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(comment="of the rules and inputs of the step")
    taken: Mapped[int]
    kept: Mapped[int]
    rejected: Mapped[int]
    deferred: Mapped[int]
    reasons: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    output: Mapped[str] = mapped_column(comment="digest of what the step wrote")
    held_back: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="a later attempt that replaced nothing, as it was not whole; null: none",
    )
    finished_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class TaskFailureRow(Base):
    """The newest failure of an Airflow task of a run, in the words of its error."""

    __tablename__ = "task_failures"

    dag_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(primary_key=True)
    map_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    try_number: Mapped[int]
    day: Mapped[str | None] = mapped_column(comment="growth day; null: the run has none")
    kind: Mapped[str] = mapped_column(comment="name of the error's class")
    error: Mapped[str] = mapped_column(comment="its last line")
    retried: Mapped[bool] = mapped_column(comment="whether another try follows")
    failed_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
