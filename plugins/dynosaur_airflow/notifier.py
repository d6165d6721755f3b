"""Tells of a failed run in one message, whatever number of its tasks have failed."""

import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseNotifier, conf

log = logging.getLogger(__name__)

Channel = Callable[[str], None]


def to_log(message: str) -> None:
    """Write the message to the log of the DAG processor, where callbacks of runs are executed."""
    log.error(message)


class RunFailed(BaseNotifier):
    """Sends one message a failed run to each channel.

    A channel is any function of the message, so an Airflow notifier is added as
    `lambda message: SlackNotifier(text=message).notify({})`.
    """

    def __init__(self, channels: Sequence[Channel] = (to_log,)) -> None:
        super().__init__()
        self.channels = channels

    def notify(self, context: Any) -> None:
        """Tell every channel, also when one of them fails; the last failure is raised then."""
        message, failure = failure_message(context), None
        for channel in self.channels:
            try:
                channel(message)
            except Exception as error:  # noqa: BLE001 - a channel is foreign code
                failure = error
        if failure is not None:
            raise failure


def failure_message(context: Any) -> str:
    """Word the failure of a run: which run of which day, why, and where its report is."""
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    key = getattr(context.get("dag_run"), "partition_key", None)
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return (
        f"{dag_id} has failed for {key or 'a run without a growth day'}"
        f" ({context.get('reason') or 'no reason given'});"
        f" run: {base}/dags/{dag_id}/runs/{quote(run_id, safe='')};"
        f" report: {base}/training-set/run/{dag_id}/{quote(run_id, safe='')}"
    )
