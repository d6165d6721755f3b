"""Tells of a failed run, or of a late day, in one message, whatever number of its tasks failed."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseNotifier, conf, get_current_context

from dynosaur_airflow.alert import to_log, to_notifier
from dynosaur_airflow.run_day import day_of_run
from dynosaur_etl.domain.errors import InvalidInput

log = logging.getLogger(__name__)

Channel = Callable[[str], None]
CHANNELS: tuple[Channel, ...] = (to_log, to_notifier)
_REASONS_TOLD = 8
_BATCHES_TOLD = 3


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
    """Word the failure of a run: of which day, why, what the day came to, and its pages."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    key = _key(dag_id, context.get("dag_run"))
    reason = context.get("reason") or "no reason given"
    return f"{dag_id} has failed for {_about(dag_id, run_id, key, f' ({reason})')}"


def _key(dag_id: str, run: Any) -> str | None:
    """Return the growth day of a run, or its partition key where that is none."""
    key = getattr(run, "partition_key", None)
    try:
        return str(day_of_run(dag_id, key, getattr(run, "conf", None) or {}, run.run_after))
    except (InvalidInput, AttributeError):  # a run of another kind, or what Airflow tells is less
        return None if key is None else str(key)


def _about(dag_id: str, run_id: str, key: str | None, more: str = "") -> str:
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    run = quote(run_id, safe="")
    parts = [
        f"{key or 'a run without a growth day'}{more}",
        *_figures(key),
        f"run: {base}/dags/{dag_id}/runs/{run}",
        f"report: {base}/training-set/run/{dag_id}/{run}",
    ]
    return "; ".join(parts)


def _figures(key: str | None) -> list[str]:
    """Word the day's rejects by reason, what is deferred, and its cost; nothing without a day."""
    from dynosaur_etl.domain.growth_day import GrowthDay
    from dynosaur_etl.domain.money import dollars
    from dynosaur_etl.flows.runtime.batches_of_note import batch_troubles
    from dynosaur_etl.flows.runtime.services import open_services
    from dynosaur_etl.flows.views.day_report import day_report

    try:
        day = str(GrowthDay.parse(key or ""))
        with open_services() as services:
            report = day_report(day, services)
            batches = batch_troubles(services)
    except InvalidInput:
        return []
    except Exception as error:  # noqa: BLE001 - the message has to leave, whatever is broken
        log.warning("the figures of %s cannot be told: %s", key, error)
        return ["the store does not answer"]
    rejects = list(report.rejects.items())[:_REASONS_TOLD]
    deferred = [(step.step, step.deferred) for step in report.steps if step.deferred]
    return [
        f"rejects: {_listed(rejects)}",
        f"deferred: {_listed(deferred)}",
        f"cost: ${dollars(report.llm.cost_usd)}",
        *batches[:_BATCHES_TOLD],
    ]


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts) or "none"
