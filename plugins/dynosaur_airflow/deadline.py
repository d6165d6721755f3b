"""The deadline of a day, counted from the moment in which its run is made.

Airflow's own count from the queueing cannot be used: in 3.3.2 a run that has it cannot be cleared.
Partitioned runs have no logical date to count from.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from dynosaur_airflow.notifier import tell_late_day
from dynosaur_etl.settings import load_settings


class RunMade(BaseDeadlineReference):
    """The moment in which the scheduler makes the run; a cleared run keeps it."""

    def _evaluate_with(self, *, session: Any, **_: Any) -> datetime:  # noqa: ARG002
        return datetime.now(UTC)


def day_is_late() -> DeadlineAlert:
    """Make the alert that a day is not done in the hours that the settings give it."""
    hours = load_settings().deadline_hours
    return DeadlineAlert(
        reference=RunMade(),
        interval=timedelta(hours=hours),
        callback=SyncCallback(tell_late_day, kwargs={"hours": hours}),
    )
