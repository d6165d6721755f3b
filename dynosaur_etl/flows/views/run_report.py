"""What one DAG run came to: only what it did itself, and why it failed where it did."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.advice import advice
from dynosaur_etl.flows.views.moments import moment
from dynosaur_etl.flows.views.reason_counts import ReasonCount, reason_counts
from dynosaur_etl.store.facts.growth_steps import StepRecord, step_records
from dynosaur_etl.store.facts.llm_requests import cost_within
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, versions_made
from dynosaur_etl.store.facts.task_failures import failures_of_runs


@dataclass(frozen=True)
class FailureLine:
    """A failed task of a run: its error, when, and what to do.

    Attributes:
        map_index: -1 where it is not mapped.
        retried: whether another try follows.
    """

    task: str
    map_index: int
    try_number: int
    kind: str
    error: str
    at: str
    retried: bool
    advice: str


@dataclass(frozen=True)
class DayOfRun:
    """What a run did for its growth day.

    Attributes:
        steps: that it has finished.
        others: names of the steps of the day that stand from other runs.
        cost_usd: of the requests that were sent while it ran.
    """

    day: str
    steps: Sequence[StepRecord]
    others: Sequence[str]
    rejects: Sequence[ReasonCount]
    cost_usd: Decimal


@dataclass(frozen=True)
class RunReport:
    """A run's failures, what it did for its day, and the versions that it made.

    Attributes:
        day: None where the run is about no growth day.
    """

    failures: Sequence[FailureLine]
    day: DayOfRun | None
    versions: Sequence[VersionRecord]


def run_report(
    services: Services,
    run: tuple[str, str],
    day: str | None,
    began: datetime | None,
    ended: datetime | None,
) -> RunReport:
    """Return what a run came to.

    Args:
        services: the process's services.
        run: its DAG and its id.
        day: its growth day, if it has one.
        began: None where it has not begun.
        ended: None where it is not over.
    """
    made = [] if began is None else versions_made(services.engine, began, ended)
    return RunReport(
        failures=run_failures(services, run),
        day=None if day is None else day_of_run_report(day, services, began, ended),
        versions=made if run[0] == "training_set" else [],
    )


def run_failures(services: Services, run: tuple[str, str]) -> list[FailureLine]:
    """Return the failures of a run that were written down, the newest first."""
    return [
        FailureLine(
            task=found.task_id,
            map_index=found.map_index,
            try_number=found.try_number,
            kind=found.kind,
            error=found.error,
            at=moment(found.failed_at),
            retried=found.retried,
            advice=advice(found.kind),
        )
        for found in failures_of_runs(services.engine, [run])
    ]


def day_of_run_report(
    day: str, services: Services, began: datetime | None, ended: datetime | None = None
) -> DayOfRun:
    """Return what was done for a day while a run went on; all that stands where that is unknown."""
    records = step_records(services.engine, day)
    own = [step for step in records if _is_within(step.finished_at, began, ended)]
    reasons = Counter[str]()
    for step in own:
        reasons.update(step.reasons)
    return DayOfRun(
        day=day,
        steps=own,
        others=[step.step for step in records if step not in own],
        rejects=reason_counts(reasons),
        cost_usd=cost_within(services.engine, day, began, ended),
    )


def _is_within(moment: datetime, began: datetime | None, ended: datetime | None) -> bool:
    return (began is None or moment >= began) and (ended is None or moment <= ended)
