"""Runs a step of the product inside an Airflow task."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from airflow.sdk import Asset, get_current_context

from dynosaur_airflow.metrics import tell_step, tell_totals
from dynosaur_airflow.notifier import tell_alarms
from dynosaur_airflow.run_settings import run_services
from dynosaur_etl.domain.errors import (
    DynosaurError,
    HubUnavailable,
    Incomplete,
    LlmUnavailable,
)
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.domain.models import OVER_CAP, STANDS, WAITING, StepName, StepReport
from dynosaur_etl.domain.run_day import day_of_run

if TYPE_CHECKING:
    from dynosaur_etl.domain.batch import Batch
    from dynosaur_etl.flows.runtime.asking import Submitting
    from dynosaur_etl.flows.runtime.services import Services

Step = Callable[..., StepReport]
Summary = dict[str, Any]
LABEL_LENGTH = 240
BUDGET = "budget"
"""The reason for which a request has no answer that another try does not mend."""
ASKED_AGAIN: Mapping[str, type[DynosaurError]] = {
    StepName.EXAMINE: HubUnavailable,
    StepName.PROPOSE: LlmUnavailable,
    StepName.CRITICISE: LlmUnavailable,
    StepName.SCORE: LlmUnavailable,
}
"""What is raised for the steps that another try lets ask again."""

log = logging.getLogger(__name__)


class Piece(Protocol):
    """A part of a day's work: its number, and the label that operators see."""

    @property
    def number(self) -> int: ...

    @property
    def label(self) -> str: ...


def growth_day() -> GrowthDay:
    """Return the growth day of the running task; see `day_of_run`.

    Raises:
        InvalidInput: it is not told as a calendar day.
    """
    context = get_current_context()
    run = context["dag_run"]
    key = getattr(run, "partition_key", None)
    return day_of_run(run.dag_id, key, context["params"], run.run_after)


def run_step(step: Step, *arguments: Any) -> Summary:
    """Run `step(day, services, *arguments)` for the run's growth day, and sum up its report."""
    return run_about(step, growth_day(), *arguments)


def run_about(step: Step, subject: Any, *arguments: Any) -> Summary:
    """Run `step(subject, services, *arguments)`.

    Returns:
        What other tasks need of the report: its counts and plain facts, never rows.
    """
    with run_services() as services:
        began = time.monotonic()
        report = step(subject, services, *arguments)
        tell_step(report.step, time.monotonic() - began)
        ensure_whole(report, services.settings.most_deferred)
        return _summary(report)


def plan_selection(day: str) -> list[dict[str, Any]]:
    """Give the parts of a selection that is made in parts, each with the label operators see."""
    from dynosaur_etl.flows.select.selection_parts import plan_parts

    params = get_current_context()["params"]
    if params["rollback"]:
        return []
    with run_services() as services:
        return plan_parts(GrowthDay.parse(day), services, params["k"], params["alpha"])


def solve_selection_part(part: dict[str, Any], day: str) -> int:
    """Solve a part of a selection, and give the number of its candidates."""
    from dynosaur_etl.flows.select.selection_parts import solve_stored_part

    params = get_current_context()["params"]
    with run_services() as services:
        return solve_stored_part(part, GrowthDay.parse(day), services, params["k"], params["alpha"])


def preview(
    forecast: "Callable[[GrowthDay, Services], Any]",
    finished: "Callable[[GrowthDay, Services], bool]",
) -> bool:
    """Tell whether the run goes on; a dry run shows what it would do, and stops.

    A day that is finished under the settings of the run has nothing to do, and stops as well. The
    settings are read first, so that a param that they refuse fails before anything starts.

    Args:
        forecast: says of a growth day what a run of it would do.
        finished: says of a growth day whether a run would do nothing.

    Raises:
        InvalidSetting: a param of the run is not allowed.
        InvalidInput: the growth day is none.
    """
    context, day = get_current_context(), growth_day()
    with run_services() as services:
        if not context["params"].get("dry_run"):
            is_finished = finished(day, services)
            log.info("%s is %s", day, "finished already" if is_finished else "to be worked on")
            return not is_finished
        found = to_json(forecast(day, services))
    log.info("a dry run: %s", found)
    context["ti"].xcom_push("forecast", found)
    return False


def plan_batches() -> list[dict[str, Any]]:
    """Give the day's parts, each with the label that operators see and the mode it is sent in.

    The mode is that of the settings, unless a manual run has chosen another.
    """
    from dynosaur_etl.flows.propose.propose import plan_proposals

    with run_services() as services:
        batches = plan_proposals(growth_day(), services, services.settings.llm_mode)
    return [
        {"number": batch.number, "label": _label(batch.label), "mode": str(batch.mode)}
        for batch in batches
    ]


def asks_in_batches() -> bool:
    """Tell whether the settings of the run send requests by the Batch API."""
    with run_services() as services:
        return str(services.settings.llm_mode) == "batch"


def submit(submission: "Submitting", *arguments: Any) -> dict[str, Any]:
    """Submit what a step asks the LLM; what comes back is kept while the task is deferred.

    Args:
        submission: submits it for a growth day.
        arguments: of it, after the day and the services.
    """
    with run_services() as services:
        kept: dict[str, Any] = to_json(submission(growth_day(), services, *arguments))
    return kept


def open_batches(submission: Mapping[str, Any]) -> "list[Batch]":
    """Collect the batches that have ended, and return the others."""
    from dynosaur_etl.flows.runtime.batches import still_open

    with run_services() as services:
        return still_open(submission["batches"], services)


def warn_of_troubles() -> list[str]:
    """Send what needs a person in one message, and return its sentences."""
    from dynosaur_airflow.notifier import CHANNELS, tell
    from dynosaur_etl.flows.upkeep.watch import warnings

    with run_services() as services:
        found = warnings(services)
    if found:
        tell("; ".join(found), CHANNELS)
    return found


def report_submission(number: int, submission: Mapping[str, Any]) -> Summary:
    """Sum up what became of a part whose batches are all collected."""
    from dynosaur_etl.flows.propose.propose import read_submission, report_proposals

    return run_step(report_proposals, number, read_submission(submission))


def plan_shards() -> list[dict[str, Any]]:
    """Give the shards of the day's tasks, each with the label that operators see."""
    from dynosaur_etl.flows.fill.shards import plan_fill

    return _planned(plan_fill)


def plan_parts() -> list[dict[str, Any]]:
    """Give the parts of the day's instances, each with the label that operators see."""
    from dynosaur_etl.flows.prepare.instance_parts import parts_of

    return _planned(parts_of)


def _planned(plan: "Callable[[GrowthDay, Services], Sequence[Piece]]") -> list[dict[str, Any]]:
    with run_services() as services:
        pieces = plan(growth_day(), services)
    return [{"number": piece.number, "label": _label(piece.label)} for piece in pieces]


def announce_day(asset: Asset, summaries: Iterable[Mapping[str, Any]], **facts: Any) -> None:
    """Announce for the growth day of the run, also where that is not its partition key."""
    get_current_context()["outlet_events"][asset].add_partitions(str(growth_day()))
    announce(asset, summaries, **facts)


def announce(asset: Asset, summaries: Iterable[Mapping[str, Any]], **facts: Any) -> None:
    """Show in the asset's event what the run's steps did: counts, reasons and plain facts.

    What is missing, because it was deferred, is named with its step, and logged. Alarms of steps go
    out as those of failed runs do.
    """
    steps = {str(summary["step"]): dict(summary) for summary in summaries}
    waiting = {name: told["deferred"] - told.get(OVER_CAP, 0) for name, told in steps.items()}
    missing = {name: number for name, number in waiting.items() if number}
    if missing:
        log.warning("deferred, and taken up by the next run of the day: %s", missing)
    tell_alarms({name: str(told["alarm"]) for name, told in steps.items() if told.get("alarm")})
    event = get_current_context()["outlet_events"][asset]
    event.extra = steps | facts | {"missing": missing}
    with run_services() as services:
        tell_totals(services)


def cost_of_the_day() -> str:
    """Give what the LLM has cost for the run's growth day, in US dollars."""
    from dynosaur_etl.domain.money import dollars
    from dynosaur_etl.flows.views.day_report import day_report

    with run_services() as services:
        return dollars(day_report(str(growth_day()), services).llm.cost_usd)


def ensure_whole(report: StepReport, most: float) -> None:
    """Fail the Airflow task where too much has no answer, or where an earlier output still stands.

    It is tried again only where that can bring an answer: not against a spent budget, nor by a
    step that asks nobody.

    Raises:
        Incomplete: asking again now brings no answer.
        HubUnavailable, LlmUnavailable: it may.
    """
    missing, taken = report.unfinished, report.counts.taken
    if not report.replaced_nothing and missing <= most * taken:
        return
    about = f"{report.step} of {report.day}: {missing} of {taken} are deferred"
    allowed = f"allowed: a share of {most:g}; what was answered is kept for the next run"
    if report.replaced_nothing:
        allowed = f"the earlier output, {report.facts[STANDS]} kept, stands until all is there"
    reasons = report.facts.get(WAITING) or report.reasons
    spent = int(reasons.get(BUDGET, 0))
    if spent and (report.replaced_nothing or missing - spent <= most * taken):
        raise Incomplete(f"{about}, {spent} of them by a budget that is spent; {allowed}")
    raise ASKED_AGAIN.get(report.step, Incomplete)(f"{about}; {allowed}")


def _label(text: str) -> str:
    """Cut to what Airflow can store; names of the Hub are no templates."""
    return text.replace("{", "(").replace("}", ")")[:LABEL_LENGTH]


def _summary(report: StepReport) -> Summary:
    counts = report.counts
    plain = {
        name: value
        for name, value in report.facts.items()
        if value is None or isinstance(value, str | int | float)
    }
    return {
        "step": report.step,
        "day": report.day,
        "taken": counts.taken,
        "kept": counts.kept,
        "rejected": counts.rejected,
        "deferred": counts.deferred,
        "reasons": dict(report.reasons),
        **plain,
    }
