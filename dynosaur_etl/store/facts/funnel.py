"""The way from datasets seen to instances made, counted over growth days."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import GrowthRunRow, VerdictRow

_COUNTED = (StepName.VALIDATE, StepName.FILL)


@dataclass(frozen=True)
class Funnel:
    """How many things were left after each stage."""

    datasets_seen: int = 0
    datasets_kept: int = 0
    proposals: int = 0
    tasks: int = 0
    instances: int = 0

    def __add__(self, other: "Funnel") -> "Funnel":
        return Funnel(
            self.datasets_seen + other.datasets_seen,
            self.datasets_kept + other.datasets_kept,
            self.proposals + other.proposals,
            self.tasks + other.tasks,
            self.instances + other.instances,
        )


def funnel(engine: Engine, days: Collection[str]) -> Funnel:
    """Count over those days together."""
    return sum(funnels(engine, days).values(), Funnel())


def funnels(engine: Engine, days: Collection[str]) -> dict[str, Funnel]:
    """Count each of those days by itself, in order; two queries for however many."""
    verdicts = (
        select(VerdictRow.day, func.count(), func.count(VerdictRow.reason))
        .where(VerdictRow.day.in_(days))
        .group_by(VerdictRow.day)
    )
    steps = select(
        GrowthRunRow.day, GrowthRunRow.step, GrowthRunRow.taken, GrowthRunRow.kept
    ).where(GrowthRunRow.day.in_(days), GrowthRunRow.step.in_(_COUNTED))
    found = {day: Funnel() for day in sorted(days)}
    with reading(engine) as session:
        for day, seen, rejected in session.execute(verdicts):
            found[day] += Funnel(datasets_seen=seen, datasets_kept=seen - rejected)
        for day, step, taken, kept in session.execute(steps):
            found[day] += (
                Funnel(proposals=taken, tasks=kept)
                if step == StepName.VALIDATE
                else Funnel(instances=kept)
            )
    return found
