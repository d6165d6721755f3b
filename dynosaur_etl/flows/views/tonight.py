"""Whether the night went well, in one sentence, and what there is to know and to do beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.money import dollars
from dynosaur_etl.flows.runtime.batches_of_note import batch_troubles
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.airflow_runs import (
    GROWTH_DAGS,
    WAITING,
    AirflowRun,
    AirflowState,
    AirflowTask,
)
from dynosaur_etl.flows.views.cost import month_cost
from dynosaur_etl.flows.views.moments import moment
from dynosaur_etl.store.facts.growth_steps import LAST_STEP, StepRecord, alarms, step_records
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, head_version
from dynosaur_etl.store.facts.task_failures import failures_of_runs
from dynosaur_etl.store.facts.withdrawals import withdrawals_in_force

_FAILURES_TOLD = 5


class NightState(StrEnum):
    """How the day stands that should be done by now."""

    DONE = "done"
    RUNNING = "running"
    FAILED = "failed"
    LATE = "late"
    OPEN = "not begun"


@dataclass(frozen=True)
class NightLine:
    """Something to know, with the one link that helps.

    Attributes:
        address: below the pages, or below Airflow where `in_airflow` says so.
    """

    kind: str
    words: str
    link: str
    address: str
    in_airflow: bool = False


@dataclass(frozen=True)
class Tonight:
    """How the newest day that is over stands.

    Attributes:
        sentence: in words, with since when.
        lines: what runs, failed, waits and is left out, over all days.
    """

    day: str
    state: NightState
    sentence: str
    lines: Sequence[NightLine]


@dataclass(frozen=True)
class _Night:
    """What is read for it."""

    day: GrowthDay
    steps: Sequence[StepRecord]
    head: VersionRecord | None
    airflow: AirflowState | None
    now: datetime
    hours: int

    @property
    def grown(self) -> StepRecord | None:
        return next((step for step in self.steps if step.step == LAST_STEP), None)

    @property
    def held_by(self) -> VersionRecord | None:
        """The head, where it is of the day or of a later one."""
        return self.head if self.head is not None and self.head.day >= str(self.day) else None


def tonight(services: Services, airflow: AirflowState | None, now: datetime) -> Tonight:
    """Return how the newest day that is over in UTC stands.

    Args:
        services: the process's services.
        airflow: what Airflow says; None where it was not asked or did not answer.
        now: the moment.
    """
    day = GrowthDay((now - timedelta(days=1)).date())
    night = _Night(
        day=day,
        steps=step_records(services.engine, str(day)),
        head=head_version(services.engine),
        airflow=airflow,
        now=now,
        hours=services.settings.deadline_hours,
    )
    errors = _errors(services, airflow)
    state, sentence = _stands(night, errors)
    unknown = "" if airflow else " Airflow was not asked, so what runs now is not known."
    lines = [*_of_airflow(airflow, errors), *_of_store(services, night)]
    return Tonight(str(day), state, sentence + unknown, lines)


def failure_words(dag: str, about: str, why: str) -> str:
    """Word the failure of a run as pages, command and alert all tell it."""
    return f"{dag} has failed for {about} ({why})"


def _stands(night: _Night, errors: dict[str, str]) -> tuple[NightState, str]:
    running, failed = _running(night), _failed(night)
    if running is not None:
        again = " It had grown before, and is grown anew." if night.grown else ""
        return NightState.RUNNING, f"{night.day} is worked on: {_doing(running)}.{again}"
    if failed is not None:
        why = errors.get(failed.run_id) or "its error was not written down"
        words = failure_words(failed.dag, str(night.day), why)
        return NightState.FAILED, f"{words}, at {moment(failed.ended)}."
    if night.grown is not None:
        return NightState.DONE, _done(night, night.grown)
    return _not_done(night)


def _done(night: _Night, grown: StepRecord) -> str:
    held = night.held_by
    version = "no version holds it yet" if held is None else f"{held.name} holds it"
    made = f"{grown.kept:,} instances since {moment(grown.finished_at)}"
    return f"{night.day} is done: {made}, and {version}."


def _not_done(night: _Night) -> tuple[NightState, str]:
    paused = night.airflow.paused if night.airflow else ()
    why = f" {', '.join(paused)} {'is' if len(paused) == 1 else 'are'} paused." if paused else ""
    last = max((step.finished_at for step in night.steps), default=None)
    begun = f"its last step ended at {moment(last)}" if last else "nothing of it has been done"
    if night.now - night.day.end > timedelta(hours=night.hours):
        words = f"{night.day} is late, not done {night.hours} hours after its end: {begun}."
        return NightState.LATE, words + why
    words = "is not done" if last else "has not begun"
    return NightState.OPEN, f"{night.day} {words}: {begun}.{why}"


def _running(night: _Night) -> AirflowRun | None:
    """Return the run that works on the day, or selects from it."""
    runs = [run for run in night.airflow.runs if run.is_open] if night.airflow else []
    own = [run for run in runs if run.day == str(night.day)]
    selecting = [run for run in runs if run.dag == GROWTH_DAGS[-1]] if night.grown else []
    return next(iter([*own, *selecting]), None)


def _failed(night: _Night) -> AirflowRun | None:
    """Return the newest run of the day, where it has failed, of the first DAG that has."""
    if night.airflow is None:
        return None
    for dag in GROWTH_DAGS:
        whole = dag == GROWTH_DAGS[-1]
        run = night.airflow.newest(dag, None if whole else str(night.day))
        stands = whole and night.held_by is not None
        if run is not None and run.state == "failed" and not stands:
            return run
    return None


def _doing(run: AirflowRun) -> str:
    """Word what a run does now."""
    if run.state == "queued":
        return f"{run.dag} is queued since {moment(run.since)}"
    parts = [_of_task(task) for task in run.tasks]
    begun = f"{run.dag} runs since {moment(run.since)}"
    return f"{begun} ({'; '.join(parts)})" if parts else begun


def _of_task(task: AirflowTask) -> str:
    words = "waits for another try" if task.state == WAITING else task.state.replace("_", " ")
    times = f" {task.number:,} of" if task.number > 1 else ""
    since = f" since {moment(task.since)}" if task.since else ""
    return f"{task.name}:{times} {words}{since}"


def _errors(services: Services, airflow: AirflowState | None) -> dict[str, str]:
    """Return the newest error of each run that has one written down, by its id."""
    runs = [(run.dag, run.run_id) for run in airflow.runs] if airflow else []
    found: dict[str, str] = {}
    for failure in failures_of_runs(services.engine, runs):
        found.setdefault(failure.run_id, failure.words)
    return found


def _of_airflow(airflow: AirflowState | None, errors: dict[str, str]) -> Iterator[NightLine]:
    runs = airflow.runs if airflow else ()
    for run in runs:
        if run.is_open:
            waits = any(task.state == WAITING for task in run.tasks)
            why = f"; {errors[run.run_id]}" if waits and run.run_id in errors else ""
            kind = "waiting for another try" if waits else run.state
            words = f"{run.about}: {_doing(run)}{why}"
            yield NightLine(kind, words, "its run", _in_airflow(run), in_airflow=True)
    failed = [run for run in runs if run.state == "failed" and _is_newest(run, runs)]
    for run in failed[:_FAILURES_TOLD]:
        why = errors.get(run.run_id) or "see its log"
        words = f"{failure_words(run.dag, run.about, why)}, at {moment(run.ended)}"
        yield NightLine("failed", words, "why, and what to do", _report(run))


def _is_newest(run: AirflowRun, runs: Sequence[AirflowRun]) -> bool:
    return next(one for one in runs if (one.dag, one.day) == (run.dag, run.day)) == run


def _of_store(services: Services, night: _Night) -> Iterator[NightLine]:
    day = str(night.day)
    page = f"/day/{day}"
    for step in night.steps:
        if step.deferred:
            words = f"{day}: {step.deferred:,} put off by the step {step.step}"
            yield NightLine("deferred", words, "the day", page)
        if step.held_back:
            words = f"{day}: a later run of {step.step} was not whole, and replaced nothing"
            yield NightLine("deferred", words, "the day", page)
    for words in alarms(services.engine, day).values():
        yield NightLine("alarm", f"{day}: {words}", "what was left out", f"/rejects?day={day}")
    for words in batch_troubles(services):
        yield NightLine("batch in trouble", words, "the batches", "/cost")
    new = [found for found in withdrawals_in_force(services.engine) if found.found_on >= day]
    if new:
        words = f"{len(new)} sources since {day}, such as {new[0].dataset_id}"
        yield NightLine("withdrawn", words, "which, and why", "/sources#withdrawn")
    month = month_cost(services, night.now)
    if month.budget_usd is not None and month.left_usd is not None and month.left_usd <= 0:
        words = f"the budget of {month.month} is spent: {dollars(month.budget_usd)} US dollars"
        yield NightLine("over budget", words, "what it went for", "/cost")


def _in_airflow(run: AirflowRun) -> str:
    return f"/dags/{run.dag}/runs/{quote(run.run_id, safe='')}"


def _report(run: AirflowRun) -> str:
    return f"/run/{run.dag}/{quote(run.run_id, safe='')}"
