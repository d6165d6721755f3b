"""Steps that ask the LLM: request by request, or as batches that hold no slot."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from dynosaur_airflow.run_settings import trigger_settings
from dynosaur_airflow.steps import (
    Step,
    Summary,
    asks_in_batches,
    open_batches,
    report_submission,
    run_step,
    submit,
)

if TYPE_CHECKING:
    from dynosaur_etl.flows.runtime.asking import Submitting

LONGEST_WAIT = timedelta(hours=2)
"""Of the trigger's, which fires within an hour."""

BETWEEN_RULES = 3600.0
"""Seconds after which the task applies the rules of batches, whatever the trigger has seen."""

TROUBLED_REST = 600.0
"""Seconds between two looks of the task at a batch in trouble."""


class BatchesEnded(BaseTrigger):
    """Fires when every one of the batches has ended, and once an hour until then.

    The key of the server is never stored.
    """

    def __init__(self, server_ids: Sequence[str], rest: float = 0.0) -> None:
        """Take the server's ids of the batches, and the seconds before the first look at them."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.server_ids = list(server_ids)
        self.rest = rest

    def serialize(self) -> tuple[str, dict[str, Any]]:
        values = {"server_ids": self.server_ids, "rest": self.rest}
        return f"{__name__}.{type(self).__name__}", values

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the batches, from a thread of their own, until they have ended."""
        from dynosaur_etl.flows.runtime.batches import all_ended

        settings = await trigger_settings()
        until = time.monotonic() + BETWEEN_RULES
        await asyncio.sleep(self.rest)
        while not await asyncio.to_thread(all_ended, self.server_ids, settings):
            if time.monotonic() > until:
                break
            await asyncio.sleep(settings.llm_poll_seconds)
        yield TriggerEvent({"ended": self.server_ids})  # type: ignore[no-untyped-call]


class Batched(BaseOperator):
    """Does a step that asks the LLM; a subclass imports the step and what submits its requests.

    In the mode `batch` its requests are submitted first, and the task is deferred until the server
    has completed them; then the step finds the answers in the ledger. What a batch has lost, and
    second questions, it asks and waits for itself. Run again after a failure, it waits for the same
    batches.
    """

    def __init__(self, *, part: Mapping[str, Any] | None = None, **options: Any) -> None:
        """Take the part that the step is about; without one it is about the whole day.

        The part, one of a plan, has a number and a label.
        """
        super().__init__(**options)
        self.part = part

    def step(self) -> Step:
        """Import the step."""
        raise NotImplementedError

    def submission(self) -> "Submitting":
        """Import what submits the step's requests."""
        raise NotImplementedError

    def execute(self, context: Any) -> Summary:  # noqa: ARG002 - Airflow's own signature
        if not self._in_batches():
            return run_step(self.step(), *self._about())
        return self._report_or_wait(submit(self.submission(), *self._about()))

    def resume(
        self,
        context: Any,  # noqa: ARG002 - Airflow's own signature
        submission: dict[str, Any],
        event: Any,  # noqa: ARG002 - the ledger is asked, not the trigger
    ) -> Summary:
        """Go on where `execute` has left off: collect what has ended."""
        return self._report_or_wait(submission)

    def _report_or_wait(self, submission: dict[str, Any]) -> Summary:
        if left := open_batches(submission):
            is_troubled = any(batch.trouble for batch in left)
            self.defer(
                trigger=BatchesEnded(
                    [batch.server_id for batch in left if batch.server_id is not None],
                    TROUBLED_REST if is_troubled else 0.0,
                ),
                method_name=self.resume.__name__,
                kwargs={"submission": submission},
                timeout=LONGEST_WAIT,
            )
        return self._done(submission)

    def _in_batches(self) -> bool:
        return asks_in_batches()

    def _done(self, submission: dict[str, Any]) -> Summary:  # noqa: ARG002 - see Propose
        return run_step(self.step(), *self._about())

    def _about(self) -> list[int]:
        return [] if self.part is None else [self.part["number"]]


class Propose(Batched):
    """Sends one part of the day's requests, in the mode that the plan has set.

    What has no answer after its batch is left to the next run.
    """

    def __init__(self, *, part: Mapping[str, Any], **options: Any) -> None:
        """Take the part from the plan: its number, its label and its mode."""
        super().__init__(part=part, **options)

    def step(self) -> Step:
        from dynosaur_etl.flows.propose.propose import propose

        return propose

    def submission(self) -> "Submitting":
        from dynosaur_etl.flows.propose.propose import submit_proposals

        return submit_proposals

    def _in_batches(self) -> bool:
        return self.part is not None and self.part["mode"] == "batch"

    def _done(self, submission: dict[str, Any]) -> Summary:
        [number] = self._about()
        return report_submission(number, submission)


class Criticise(Batched):
    """Asks the critic about the day's proposals, if one is set."""

    def step(self) -> Step:
        from dynosaur_etl.flows.propose.criticise import criticise

        return criticise

    def submission(self) -> "Submitting":
        from dynosaur_etl.flows.propose.criticise import submit_criticism

        return submit_criticism


class ScorePart(Batched):
    """Scores one part of the day's instances."""

    def step(self) -> Step:
        from dynosaur_etl.flows.prepare.score import score_part

        return score_part

    def submission(self) -> "Submitting":
        from dynosaur_etl.flows.prepare.score import submit_scores

        return submit_scores
