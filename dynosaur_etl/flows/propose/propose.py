"""Asking the LLM for tasks: one request a kept config and mode, every one through the ledger."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dynosaur_etl.domain.batch import Batch
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.ledger import AttemptOutcome
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.flows.propose.plan import plan_of, progress_of, unanswered
from dynosaur_etl.flows.runtime.asking import ask_live, submit_missing
from dynosaur_etl.flows.runtime.batches import batches_of, wait_for
from dynosaur_etl.flows.runtime.parts import cut_parts
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.llm.outcomes import Deferral
from dynosaur_etl.settings import LlmMode
from dynosaur_etl.store.answers import answer_states
from dynosaur_etl.store.plans import PlannedRequest

log = logging.getLogger(__name__)

if TYPE_CHECKING:  # the LLM's client takes long to load; a finished day needs none
    from dynosaur_etl.llm.batch_client import Submission


@dataclass(frozen=True)
class ProposalBatch:
    """A part of a day's requests that one Airflow task sends; `label` names it for a reader."""

    number: int
    label: str
    calls: int
    mode: LlmMode


def plan_proposals(day: GrowthDay, services: Services, mode: LlmMode) -> list[ProposalBatch]:
    """Cut the day's requests into parts, each of which one Airflow task sends in that mode."""
    parts = cut_parts(plan_of(day, services).requests, _part_size(mode, services))
    return [
        ProposalBatch(
            number, f"{_name(part[0])} .. {_name(part[-1])} ({len(part)})", len(part), mode
        )
        for number, part in enumerate(parts)
    ]


def propose(
    day: GrowthDay, services: Services, batch: int, progress: Progress = silent
) -> StepReport:
    """Send the requests of one part that have no answer in the ledger, one by one.

    Raises:
        InvalidInput: there is no such part.
        LlmUnavailable: the server gives no answer at all.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    return _ask(day, services, _part(day, services, batch, LlmMode.LIVE), progress)


def submit_proposals(day: GrowthDay, services: Services, batch: int) -> "Submission":
    """Submit the requests of one part that have no answer, as batches of the Batch API.

    Raises:
        InvalidInput: there is no such part.
        LlmUnavailable: the server takes no batch now; a retry goes on with what is left.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    _, requests = unanswered(day, services, _part(day, services, batch, LlmMode.BATCH))
    _announce(day, services, len(requests))
    return submit_missing(requests, str(day), services)


def read_submission(kept: Mapping[str, Any]) -> "Submission":
    """Read a submission that was kept as JSON."""
    from dynosaur_etl.llm.batch_client import Submission

    return Submission(**{**kept, "batches": tuple(kept["batches"]), "notes": tuple(kept["notes"])})


def report_proposals(
    day: GrowthDay, services: Services, batch: int, submission: "Submission"
) -> StepReport:
    """Report what has become of the requests of one part, once its batches are collected."""
    return _report(day, services, _part(day, services, batch, LlmMode.BATCH), submission)


def propose_all(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Send all of the day's requests that have no answer in the ledger, and wait for answers.

    Where all have one, nothing is built. A run that is killed while it waits for a batch loses
    nothing: the next one waits for the same.
    """
    known = progress_of(day, services)
    if known is not None and known.is_answered:
        counts = Counts(known.requests, known.requests, 0)
        return StepReport(
            StepName.PROPOSE, str(day), counts, facts={"sent": 0, "batches": 0, "notes": []}
        )
    planned: Sequence[PlannedRequest] = plan_of(day, services).requests
    if services.settings.llm_mode == LlmMode.LIVE:
        return _ask(day, services, planned, progress)
    planned, requests = unanswered(day, services, planned)
    _announce(day, services, len(requests))
    submission = submit_missing(requests, str(day), services)
    wait_for(submission.batches, services, progress)
    return _report(day, services, planned, submission)


def _ask(
    day: GrowthDay, services: Services, planned: Sequence[PlannedRequest], progress: Progress
) -> StepReport:
    planned, requests = unanswered(day, services, planned)
    _announce(day, services, len(requests))
    outcomes = ask_live(requests, str(day), services, progress)
    services.records.forget(str(day))
    answered = len({item.key for item in planned}) - len(requests)
    kept = answered + len(outcomes.answered)
    rejected, deferred = len(outcomes.refused), len(outcomes.deferred)
    return StepReport(
        StepName.PROPOSE,
        str(day),
        Counts(kept + rejected + deferred, kept, rejected, deferred),
        reasons=dict(Counter(str(reason) for reason in outcomes.deferred.values())),
        facts={"sent": outcomes.sent, "notes": list(outcomes.notes)},
    )


def _announce(day: GrowthDay, services: Services, number: int) -> None:
    """Say before they leave that requests of a day that was finished are paid once more."""
    done = services.records.step(str(day), StepName.VALIDATE)
    if number and done is not None and not done.report.unfinished:
        log.warning(
            "%s was grown before, under another version, model or settings: %d of its requests are"
            " asked and paid anew; `dynosaur cost estimate --day %s` tells the cost before a run",
            day, number, day,
        )  # fmt: skip


def _report(
    day: GrowthDay, services: Services, planned: Sequence[PlannedRequest], submission: "Submission"
) -> StepReport:
    keys = {item.key for item in planned}
    states = answer_states(services.engine, list(keys))
    services.records.forget(str(day))
    kept, rejected = len(states.answered), len(states.refused)
    deferred = len(keys) - kept - rejected
    reasons = {
        Deferral.BUDGET: submission.over_budget,
        Deferral.HELD: submission.held,
        Deferral.UNAVAILABLE: deferred - submission.over_budget - submission.held,
    }
    batches = batches_of(submission.batches, services)
    return StepReport(
        StepName.PROPOSE,
        str(day),
        Counts(kept + rejected + deferred, kept, rejected, deferred),
        reasons={str(reason): number for reason, number in reasons.items() if number > 0},
        facts={
            "sent": submission.tried
            + sum(batch.outcomes.get(AttemptOutcome.ANSWERED, 0) for batch in batches),
            "batches": len(batches),
            "notes": [*submission.notes, *_notes(batches)],
        },
    )


def _notes(batches: Sequence[Batch]) -> Iterator[str]:
    for batch in batches:
        without = batch.requests - batch.outcomes.get(AttemptOutcome.ANSWERED, 0)
        if without:
            words = batch.error or "see the ledger"
            yield f"batch {batch.name}: {without} of {batch.requests} have no answer: {words}"


def _part(
    day: GrowthDay, services: Services, number: int, mode: LlmMode
) -> Sequence[PlannedRequest]:
    parts = cut_parts(plan_of(day, services).requests, _part_size(mode, services))
    if not 0 <= number < len(parts):
        raise InvalidInput(not_allowed("batch", number, f"0 to {len(parts) - 1}"))
    return parts[number]


def _part_size(mode: LlmMode, services: Services) -> int:
    """A task that only waits holds no slot, so a part may be as large as a file may be."""
    if mode == LlmMode.LIVE:
        return services.settings.llm_batch_calls
    from dynosaur_etl.llm.batch_lines import MAX_LINES

    return MAX_LINES


def _name(planned: PlannedRequest) -> str:
    return f"{planned.dataset_id}/{planned.config}"
