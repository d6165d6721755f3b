"""The steps of growth days: what each came to, which days have grown, and what is open."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, exists, func, select

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.tables import CheckpointRow, FileRow, GrowthRunRow

LAST_STEP = StepName.EMBED
"""The step after which a day's growth is complete."""


@dataclass(frozen=True)
class StepRecord:
    """What a step of a growth day came to when it was committed last.

    Attributes:
        held_back: the counts of a later run that was not whole and replaced nothing; else None.
    """

    day: str
    step: str
    taken: int
    kept: int
    rejected: int
    deferred: int
    reasons: Mapping[str, int]
    finished_at: datetime
    held_back: Mapping[str, Any] | None


_RECORD = (
    GrowthRunRow.day, GrowthRunRow.step, GrowthRunRow.taken, GrowthRunRow.kept,
    GrowthRunRow.rejected, GrowthRunRow.deferred, GrowthRunRow.reasons, GrowthRunRow.finished_at,
    GrowthRunRow.held_back,
)  # fmt: skip


def step_records(
    engine: Engine, day: str | None = None, steps: Collection[StepName] = ()
) -> list[StepRecord]:
    """Read committed steps, of one day or of all, by day and in the order of their commits.

    Args:
        engine: of the product's database.
        day: the growth day; None for all.
        steps: the steps that are wanted; all of them where none is named.
    """
    query = select(*_RECORD).order_by(GrowthRunRow.day, GrowthRunRow.finished_at)
    if day is not None:
        query = query.where(GrowthRunRow.day == day)
    if steps:
        query = query.where(GrowthRunRow.step.in_(steps))
    with reading(engine) as session:
        return [StepRecord(*row) for row in session.execute(query)]


def alarms(engine: Engine, day: str | None = None) -> dict[str, str]:
    """Read the alarms of each day's steps, in the order of their commits; only days with any."""
    alarm = GrowthRunRow.facts["alarm"].astext
    query = (
        select(GrowthRunRow.day, alarm)
        .where(func.coalesce(alarm, "") != "")
        .order_by(GrowthRunRow.day, GrowthRunRow.finished_at)
    )
    if day is not None:
        query = query.where(GrowthRunRow.day == day)
    found: dict[str, str] = {}
    with reading(engine) as session:
        for name, words in session.execute(query):
            found[name] = f"{found[name]}; {words}" if name in found else words
    return found


def native_tasks(engine: Engine) -> dict[str, int]:
    """Read how many tasks of each day nobody proposed, as they are native to instruction sets."""
    native = func.coalesce(GrowthRunRow.facts["native"].as_integer(), 0)
    query = select(GrowthRunRow.day, native).where(GrowthRunRow.step == StepName.VALIDATE)
    with reading(engine) as session:
        return {day: int(number) for day, number in session.execute(query)}


def grown_days(engine: Engine, up_to: str) -> list[str]:
    """List the days up to and including `up_to` whose growth is complete, in order."""
    query = (
        select(GrowthRunRow.day)
        .where(GrowthRunRow.step == LAST_STEP, GrowthRunRow.day <= up_to)
        .order_by(GrowthRunRow.day)
    )
    with reading(engine) as session:
        return list(session.scalars(query))


def newest_grown_day(engine: Engine) -> str | None:
    """Return the newest day whose growth is complete; None before the first instance."""
    instances = exists().where(FileRow.kind == FileKind.INSTANCES, FileRow.rows > 0)
    query = select(func.max(GrowthRunRow.day)).where(GrowthRunRow.step == LAST_STEP, instances)
    with reading(engine) as session:
        return session.scalar(query)


def days_of_step(engine: Engine, step: StepName) -> list[str]:
    """List the days of which a step has been committed, in order."""
    query = select(GrowthRunRow.day).where(GrowthRunRow.step == step).order_by(GrowthRunRow.day)
    with reading(engine) as session:
        return list(session.scalars(query))


def is_selected_from(engine: Engine, day: str) -> bool:
    """Return whether a selection of this day or a later one has read the day."""
    seen = exists().where(
        GrowthRunRow.step == StepName.SELECT,
        GrowthRunRow.day >= day,
        GrowthRunRow.facts["days"].contains([day]),
    )
    with reading(engine) as session:
        return bool(session.query(seen).scalar())


def open_day(engine: Engine) -> str | None:
    """Return the newest day of which a step has finished parts and is not committed."""
    query = select(func.max(CheckpointRow.day)).where(CheckpointRow.step.in_(StepName))
    with reading(engine) as session:
        return session.scalar(query)


def last_committed_day(engine: Engine) -> str | None:
    """Return the day of the step that was committed last."""
    query = select(GrowthRunRow.day).order_by(GrowthRunRow.finished_at.desc()).limit(1)
    with reading(engine) as session:
        return session.scalar(query)


def finished_parts(engine: Engine, day: str) -> dict[str, int]:
    """Count the finished parts of a day's open steps, by step."""
    query = (
        select(CheckpointRow.step, func.count())
        .where(CheckpointRow.day == day)
        .group_by(CheckpointRow.step)
    )
    with reading(engine) as session:
        return dict(session.execute(query).all())


def open_results(engine: Engine) -> list[Mapping[str, Any]]:
    """Read the results of all parts whose step is not committed."""
    with reading(engine) as session:
        return list(session.scalars(select(CheckpointRow.result)))
