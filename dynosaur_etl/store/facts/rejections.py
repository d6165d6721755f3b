"""What was rejected, found by where and why, and counted by reason."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, func, or_, select, tuple_

from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import RejectionRow

RejectionPlace = tuple[str, str, str, str]
"""Day, stage, subject and reason: the place of a rejection in the list."""


@dataclass(frozen=True)
class RejectionRecord:
    """A thing that was rejected; `number` counts the like things that the record stands for."""

    day: str
    stage: str
    subject: str
    reason: str
    number: int
    detail: str


@dataclass(frozen=True)
class RejectionFilter:
    """What rejections are wanted; what is empty does not matter.

    Attributes:
        subject: what the subject's name begins with.
    """

    stage: str = ""
    reason: str = ""
    day: str = ""
    subject: str = ""


_RECORD = (
    RejectionRow.day, RejectionRow.stage, RejectionRow.subject, RejectionRow.reason,
    RejectionRow.number, RejectionRow.detail,
)  # fmt: skip
_WITHIN_A_DAY = (RejectionRow.stage, RejectionRow.subject, RejectionRow.reason)


def list_rejections(
    engine: Engine, wanted: RejectionFilter, after: RejectionPlace | None, most: int
) -> list[RejectionRecord]:
    """List rejections, the newest day first; within a day by stage, subject and reason.

    Args:
        engine: of the product's database.
        wanted: which ones.
        after: the place of the last one that is not wanted again.
        most: how many at most.
    """
    query = (
        select(*_RECORD)
        .where(*_conditions(wanted), *_following(after))
        .order_by(RejectionRow.day.desc(), *_WITHIN_A_DAY)
        .limit(most)
    )
    with reading(engine) as session:
        return [RejectionRecord(*row) for row in session.execute(query)]


def count_rejections(engine: Engine, wanted: RejectionFilter, most: int) -> int:
    """Count rejections, up to `most` of them."""
    found = select(RejectionRow.day).where(*_conditions(wanted)).limit(most).subquery()
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(found)) or 0


def count_by_reason(engine: Engine, day: str | None = None) -> dict[str, int]:
    """Count what was rejected on a day, or on all, by reason; the most frequent first."""
    total = func.sum(RejectionRow.number)
    query = select(RejectionRow.reason, total).group_by(RejectionRow.reason)
    if day is not None:
        query = query.where(RejectionRow.day == day)
    with reading(engine) as session:
        rows = session.execute(query.order_by(total.desc(), RejectionRow.reason))
        return {reason: int(number) for reason, number in rows}


def count_by_stage(engine: Engine, day: str | None = None) -> dict[tuple[str, str], int]:
    """Count as `count_by_reason`, by stage and reason."""
    total = func.sum(RejectionRow.number)
    stage_and_reason = (RejectionRow.stage, RejectionRow.reason)
    query = select(*stage_and_reason, total).group_by(*stage_and_reason)
    if day is not None:
        query = query.where(RejectionRow.day == day)
    with reading(engine) as session:
        rows = session.execute(query.order_by(total.desc(), RejectionRow.reason))
        return {(stage, reason): int(number) for stage, reason, number in rows}


def count_unforeseen(engine: Engine) -> int:
    """Count what was rejected, on any day, for an error that no rule foresees."""
    query = select(func.sum(RejectionRow.number))
    with reading(engine) as session:
        number = session.scalar(query.where(RejectionRow.reason == str(Reason.UNFORESEEN_ERROR)))
        return int(number or 0)


def count_rows_of_task(engine: Engine, day: str, task_key: str) -> dict[str, int]:
    """Count the rows that filling rejected of a task, by reason; the most frequent first."""
    query = select(RejectionRow.reason, RejectionRow.number).where(
        RejectionRow.day == day,
        RejectionRow.stage == Stage.FILL,
        RejectionRow.subject == task_key,
    )
    with reading(engine) as session:
        rows = session.execute(query.order_by(RejectionRow.number.desc()))
        return dict(rows.all())


def _conditions(wanted: RejectionFilter) -> list[ColumnElement[bool]]:
    equal = (
        (RejectionRow.stage, wanted.stage),
        (RejectionRow.reason, wanted.reason),
        (RejectionRow.day, wanted.day),
    )
    found: list[ColumnElement[bool]] = [column == value for column, value in equal if value]
    if wanted.subject:
        found.append(RejectionRow.subject.startswith(wanted.subject, autoescape=True))
    return found


def _following(after: RejectionPlace | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    day, *rest = after
    within = tuple_(*_WITHIN_A_DAY)
    return [RejectionRow.day <= day, or_(RejectionRow.day < day, within > tuple_(*rest))]
