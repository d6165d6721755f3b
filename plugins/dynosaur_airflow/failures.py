"""Writes down why an Airflow task failed, where alerts, pages and commands read it."""

import logging
from typing import Any

from airflow.sdk.log import redact  # type: ignore[attr-defined]

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.run_day import day_of_run

log = logging.getLogger(__name__)


def remember_failure(context: Any) -> None:
    """Write down the error of a task that has failed for good."""
    _remember(context, retried=False)


def remember_retry(context: Any) -> None:
    """Write down the error of a task that is tried again."""
    _remember(context, retried=True)


def growth_day_of(dag_id: str, run: Any) -> str | None:
    """Return the growth day of a run; None where it has none, or Airflow tells too little of it."""
    key = getattr(run, "partition_key", None)
    try:
        return str(day_of_run(dag_id, key, getattr(run, "conf", None) or {}, run.run_after))
    except (InvalidInput, AttributeError):
        return None


def _remember(context: Any, *, retried: bool) -> None:
    """Write it down; what cannot be written is logged, as the failure is Airflow's own to tell."""
    from dynosaur_etl.flows.runtime.services import open_services
    from dynosaur_etl.flows.runtime.task_failures import TaskFailure, last_line, remember

    error, ti, run = context.get("exception"), context["ti"], context.get("dag_run")
    words = str(redact(str(error))) if error else "it was stopped from outside, or killed"
    failure = TaskFailure(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        try_number=ti.try_number,
        day=growth_day_of(ti.dag_id, run),
        kind=type(error).__name__ if isinstance(error, BaseException) else "Stopped",
        error=last_line(words),
        retried=retried,
    )
    try:
        with open_services() as services:
            remember(services, failure)
    except Exception as trouble:  # noqa: BLE001 - whatever is broken, Airflow has to go on
        log.warning("the failure of %s cannot be written down: %s", ti.task_id, trouble)
