"""The growth day that is worked on now, or was last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.airflow_runs import AirflowState
from dynosaur_etl.flows.views.moments import moment
from dynosaur_etl.store.facts.growth_steps import (
    StepRecord,
    finished_parts,
    last_committed_day,
    open_day,
    step_records,
)
from dynosaur_etl.store.facts.llm_requests import count_by_status

STEPS = (
    StepName.CANDIDATES, StepName.EXAMINE, StepName.VALIDATE, StepName.FILL, StepName.SCORE,
    StepName.EMBED,
)  # fmt: skip


class StepState(StrEnum):
    """How far a step is."""

    DONE = "done"
    EARLIER = "earlier"
    BEGUN = "begun"
    TO_COME = "to come"


@dataclass(frozen=True)
class StepProgress:
    """How far a step of the day is.

    Attributes:
        state: `earlier` where it was done before the run that works on the day now.
        number: what it has kept, or how many of its parts are finished.
        at: when it was done, in UTC; empty where it is not.
    """

    step: StepName
    state: StepState
    number: int
    at: str = ""


@dataclass(frozen=True)
class CurrentDay:
    """A growth day and its steps; `day` is None before the first.

    Attributes:
        requests: to the LLM, by status.
        running: whether a run works on the day, or a step of it is half done.
    """

    day: str | None
    steps: Sequence[StepProgress]
    requests: Mapping[str, int]
    running: bool


def current_day(services: Services, airflow: AirflowState | None = None) -> CurrentDay:
    """Return the growth day that is worked on, or was last: its steps, and how far the open one is.

    Args:
        services: the process's services.
        airflow: what Airflow says; None where it was not asked.
    """
    engine = services.engine
    runs = [run for run in airflow.runs if run.is_open and run.day] if airflow else []
    day = (runs[-1].day if runs else None) or open_day(engine) or last_committed_day(engine)
    if day is None:
        return CurrentDay(None, [], {}, running=False)
    since = min((run.since for run in runs if run.day == day and run.since), default=None)
    done = {record.step: record for record in step_records(engine, day)}
    parts = finished_parts(engine, day)
    steps = [_progress(name, done.get(name), parts.get(name, 0), since) for name in STEPS]
    running = bool(runs) or any(step.state is StepState.BEGUN for step in steps)
    return CurrentDay(day, steps, count_by_status(engine, day), running)


def _progress(
    name: StepName, done: StepRecord | None, parts: int, since: datetime | None
) -> StepProgress:
    if done is None or parts:
        return StepProgress(name, StepState.BEGUN if parts else StepState.TO_COME, parts)
    earlier = since is not None and done.finished_at < since
    state = StepState.EARLIER if earlier else StepState.DONE
    return StepProgress(name, state, done.kept, moment(done.finished_at))
