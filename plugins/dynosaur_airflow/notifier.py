"""Tells of a failed run, or of a late day, in one message, whatever number of its tasks failed."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseNotifier, conf, get_current_context

from dynosaur_airflow.alert import to_log, to_notifier
from dynosaur_airflow.failures import growth_day_of
from dynosaur_etl.domain.errors import InvalidInput

log = logging.getLogger(__name__)

Channel = Callable[[str], None]
CHANNELS: tuple[Channel, ...] = (to_log, to_notifier)
_REASONS_TOLD = 8
_BATCHES_TOLD = 3
_REASON_LETTERS = 600
NO_DAY = "a run without a growth day"


class RunFailed(BaseNotifier):
    """Sends one message a failed run to each channel: the log, and the notifier of the settings."""

    def __init__(self, channels: Sequence[Channel] = CHANNELS) -> None:
        super().__init__()
        self.channels = channels

    def notify(self, context: Any) -> None:
        """Tell every channel, also when one of them fails; the last failure is raised then."""
        tell(failure_message(context), self.channels)


def tell_late_day(context: Mapping[str, Any], hours: int) -> None:
    """Tell every channel that a run is not done in time; Airflow calls it in the executor."""
    run = context["dag_run"]
    about = _about(run["dag_id"], run["dag_run_id"], run.get("partition_key"))
    tell(f"{run['dag_id']} is not done after {hours} hours for {about}", CHANNELS)


def tell_alarms(alarms: Mapping[str, str]) -> None:
    """Tell every channel of alarms in a run that ends well; a channel that fails is logged."""
    if not alarms:
        return
    run = get_current_context()["dag_run"]
    words = "; ".join(f"{step}: {alarm}" for step, alarm in alarms.items())
    about = _about(run.dag_id, run.run_id, getattr(run, "partition_key", None))
    try:
        tell(f"{run.dag_id} has alarms, {words}; for {about}", CHANNELS)
    except Exception as error:  # noqa: BLE001 - a channel is foreign code
        log.warning("an alarm cannot be told: %s", error)


def tell(message: str, channels: Sequence[Channel]) -> None:
    """Tell every channel, also when one of them fails; the last failure is raised then."""
    failure = None
    for channel in channels:
        try:
            channel(message)
        except Exception as error:  # noqa: BLE001 - a channel is foreign code
            failure = error
    if failure is not None:
        raise failure


def failure_message(context: Any) -> str:
    """Word the failure of a run: of which day, why, what the run came to, and its pages."""
    from dynosaur_etl.flows.views.tonight import failure_words

    dag_id, run_id, run = context["dag"].dag_id, context["run_id"], context.get("dag_run")
    key = growth_day_of(dag_id, run) or getattr(run, "partition_key", None)
    reason = _reason(dag_id, run_id) or context.get("reason") or "no reason given"
    words = failure_words(dag_id, key or NO_DAY, reason)
    return "; ".join([words, *_more(dag_id, run_id, key, getattr(run, "start_date", None))])


def _reason(dag_id: str, run_id: str) -> str:
    """Return the errors of the run's tasks; empty where none was written down."""
    from dynosaur_etl.flows.runtime.services import open_services
    from dynosaur_etl.flows.runtime.task_failures import why_run_failed

    try:
        with open_services() as services:
            return why_run_failed(services, dag_id, run_id)[:_REASON_LETTERS]
    except Exception as error:  # noqa: BLE001 - the message has to leave, whatever is broken
        log.warning("why %s of %s has failed cannot be told: %s", run_id, dag_id, error)
        return ""


def _about(dag_id: str, run_id: str, key: str | None) -> str:
    return "; ".join([key or NO_DAY, *_more(dag_id, run_id, key, None)])


def _more(dag_id: str, run_id: str, key: str | None, since: datetime | None) -> list[str]:
    """Word what the day came to since a moment, and where the run is looked at."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    run = quote(run_id, safe="")
    return [
        *_figures(key, since),
        f"run: {base}/dags/{dag_id}/runs/{run}",
        f"report: {base}/training-set/run/{dag_id}/{run}",
    ]


def _figures(key: str | None, since: datetime | None) -> list[str]:
    """Word what the day's steps rejected and deferred, and its cost; nothing without a day.

    Steps that were done before `since` are an earlier run's, and are left out.
    """
    from dynosaur_etl.domain.growth_day import GrowthDay
    from dynosaur_etl.domain.money import dollars
    from dynosaur_etl.flows.runtime.batches_of_note import batch_troubles
    from dynosaur_etl.flows.runtime.services import open_services
    from dynosaur_etl.flows.views.run_report import day_of_run_report

    try:
        day = str(GrowthDay.parse(key or ""))
        with open_services() as services:
            report = day_of_run_report(day, services, since)
            batches = batch_troubles(services)
    except InvalidInput:
        return []
    except Exception as error:  # noqa: BLE001 - the message has to leave, whatever is broken
        log.warning("the figures of %s cannot be told: %s", key, error)
        return ["the store does not answer"]
    rejects = [(line.reason, line.number) for line in report.rejects][:_REASONS_TOLD]
    deferred = [(step.step, step.deferred) for step in report.steps if step.deferred]
    return [
        f"rejects: {_listed(rejects)}",
        f"deferred: {_listed(deferred)}",
        f"cost: ${dollars(report.cost_usd)}",
        *batches[:_BATCHES_TOLD],
    ]


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts) or "none"
