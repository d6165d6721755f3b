"""The growth day that is worked on now, or was last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.flows.runtime.services import Services
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
    BEGUN = "begun"
    TO_COME = "to come"


@dataclass(frozen=True)
class StepProgress:
    """How far a step of the day is.

    Attributes:
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
        running: whether a step of the day is not done.
    """

    day: str | None
    steps: Sequence[StepProgress]
    requests: Mapping[str, int]
    running: bool


def current_day(services: Services) -> CurrentDay:
    """Return the growth day that was worked on last: its steps, and how far the open one is."""
    engine = services.engine
    day = open_day(engine) or last_committed_day(engine)
    if day is None:
        return CurrentDay(None, [], {}, running=False)
    done = {record.step: record for record in step_records(engine, day)}
    parts = finished_parts(engine, day)
    steps = [_progress(name, done.get(name), parts.get(name, 0)) for name in STEPS]
    running = any(step.state is not StepState.DONE for step in steps)
    return CurrentDay(day, steps, count_by_status(engine, day), running)


def _progress(name: StepName, done: StepRecord | None, parts: int) -> StepProgress:
    if done is None:
        return StepProgress(name, StepState.BEGUN if parts else StepState.TO_COME, parts)
    return StepProgress(name, StepState.DONE, done.kept, f"{done.finished_at:%H:%M} UTC")
