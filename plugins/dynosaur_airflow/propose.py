"""Asking the LLM for one part of a day: request by request, or as batches that hold no slot."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from dynosaur_airflow.run_settings import trigger_settings
from dynosaur_airflow.steps import Summary, grow, open_batches, report_submission, submit_batches

LONGEST_WAIT = timedelta(hours=26)
"""A batch ends within 24 hours, if only by expiring; then a server has to say so."""


class BatchesEnded(BaseTrigger):
    """Fires when every one of the batches has ended; the key of the server is never stored."""

    def __init__(self, server_ids: Sequence[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.server_ids = list(server_ids)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.{type(self).__name__}", {"server_ids": self.server_ids}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the batches, from a thread of their own, until they have ended."""
        from dynosaur_etl.flows.batches import all_ended

        settings = await trigger_settings()
        while not await asyncio.to_thread(all_ended, self.server_ids, settings):
            await asyncio.sleep(settings.llm_poll_seconds)
        yield TriggerEvent({"ended": self.server_ids})  # type: ignore[no-untyped-call]


class Propose(BaseOperator):
    """Sends one part of the day's requests, in the mode that the plan has set.

    In the mode `batch` the requests are submitted, and the task is deferred until the server has
    worked them off. Run again after a failure, it waits for the same batches.
    """

    def __init__(self, *, batch: Mapping[str, Any], **options: Any) -> None:
        """Take the part from the plan: its number, its label and its mode."""
        super().__init__(**options)
        self.batch = batch

    def execute(self, context: Any) -> Summary:  # noqa: ARG002 - Airflow's own signature
        number = self.batch["number"]
        if self.batch["mode"] == "live":
            return grow("propose", number)
        return self._report_or_wait(submit_batches(number))

    def resume(
        self,
        context: Any,  # noqa: ARG002 - Airflow's own signature
        submission: dict[str, Any],
        event: Any,  # noqa: ARG002 - the books are asked, not the trigger
    ) -> Summary:
        """Go on where `execute` has left off: collect what has ended."""
        return self._report_or_wait(submission)

    def _report_or_wait(self, submission: dict[str, Any]) -> Summary:
        if server_ids := open_batches(submission):
            self.defer(
                trigger=BatchesEnded(server_ids),
                method_name=self.resume.__name__,
                kwargs={"submission": submission},
                timeout=LONGEST_WAIT,
            )
        return report_submission(self.batch["number"], submission)
