"""What days have behind them: looked up step by step, or read at once for many days."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.store.facts.named_files import paths_of_steps
from dynosaur_etl.store.plans import PlanProgress, plan_progress
from dynosaur_etl.store.steps import FinishedStep, finished_step, finished_steps


class DayRecords:
    """The finished steps and the plans of growth days.

    Days that were read are answered from memory until something of them is written here. What
    other processes do meanwhile is seen where it matters: `run_step` looks again under its lock.

    Attributes:
        followed: start of the last complete listing of the Hub, as far as it was looked up.
    """

    followed: datetime | None = None

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._days: set[str] = set()
        self._steps: dict[tuple[str, str], FinishedStep] = {}
        self._plans: dict[tuple[str, str], PlanProgress] = {}
        self._paths: dict[tuple[str, str], list[str]] = {}

    def read(self, days: Sequence[str]) -> None:
        """Read all that days have behind them, in three queries.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        self._steps |= finished_steps(self._engine, days)
        self._plans |= plan_progress(self._engine, days)
        self._paths |= paths_of_steps(self._engine, days)
        self._days.update(days)

    def forget(self, day: str) -> None:
        """Look the day up again from now on."""
        self._days.discard(day)

    def step(self, day: str, step: StepName) -> FinishedStep | None:
        """Give what was committed for a step of a day, or None."""
        if day in self._days:
            return self._steps.get((day, step))
        return finished_step(self._engine, day, step)

    def plan(self, day: str, step: StepName) -> PlanProgress | None:
        """Give how far the plan of a step of a day is; None where there is no plan."""
        if day in self._days:
            return self._plans.get((day, step))
        return plan_progress(self._engine, [day]).get((day, step))

    def paths(self, day: str, step: StepName) -> list[str]:
        """Name the files that a committed step of a day has made."""
        if day in self._days:
            return self._paths.get((day, step), [])
        return paths_of_steps(self._engine, [day]).get((day, step), [])
