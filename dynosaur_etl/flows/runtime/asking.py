"""Asking an LLM within a step, in the mode of the settings: one by one, or by the Batch API."""

import asyncio
from collections import deque
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import uvloop

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.flows.runtime.batches import wait_for
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.llm.outcomes import Deferral, Outcomes
from dynosaur_etl.settings import LlmMode
from dynosaur_etl.store.answers import stored_answers

if TYPE_CHECKING:  # the LLM client takes long to load; a finished day needs none
    from dynosaur_etl.llm.batch_client import Submission

MOST_TRIED = 3

Submitting = Callable[..., "Submission"]
"""Submits what a step asks, for a growth day by the services; the part number may follow."""


def ask(
    requests: Sequence[ChatRequest], day: str, services: Services, progress: Progress = silent
) -> Outcomes:
    """Get the answers to requests; those that stand in the ledger are not asked for again.

    In the mode `batch` it submits what has no answer and waits. A run that is killed while it waits
    loses nothing: the next one waits for the same batches.

    Raises:
        LlmUnavailable: the server gives no answer at all.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    if services.settings.llm_mode == LlmMode.LIVE:
        return ask_live(requests, day, services, progress)
    return _by_batch(requests, day, services, progress)


def ask_live(
    requests: Sequence[ChatRequest], day: str, services: Services, progress: Progress
) -> Outcomes:
    """Send the requests that have no answer, one by one; raises as `ask` does."""
    if not requests:
        return Outcomes({}, {}, {})
    outcomes = services.llm.ask_all(requests, day, lambda done: progress(done, len(requests)))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(outcomes)


def submit_missing(requests: Sequence[ChatRequest], day: str, services: Services) -> "Submission":
    """Submit the requests that have no answer, as batches of the Batch API.

    The same requests handed in again while their batches are on their way give the same batches.

    Raises:
        LlmUnavailable: the server takes no batch now; a retry goes on with what is left.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    answered = stored_answers(services.engine, [request.key for request in requests]).answered
    return _submit(requests, answered, day, services)


def _submit(
    requests: Sequence[ChatRequest], answered: Container[str], day: str, services: Services
) -> "Submission":
    left = [request for request in requests if request.key not in answered]
    formed, tried = _in_tried_form(left, day, services)
    return replace(services.batches.submit(formed, day), tried=tried)


def _in_tried_form(
    requests: Sequence[ChatRequest], day: str, services: Services
) -> tuple[list[ChatRequest], int]:
    """Return requests in the form their server takes, which one live request a form finds out.

    A batch of thousands would else be refused line by line. A request that is refused for a fault
    of its own shows nothing, so up to three are tried. The second is how many were answered.
    """
    asked: list[ChatRequest] = []
    answered = 0
    for model in sorted({request.model for request in requests}):
        left = deque(request for request in requests if request.model == model)
        known, tried = services.forms.known(model), 0
        while left:
            request = left.popleft()
            if not known.covers(request) and tried < MOST_TRIED:
                answered += ask_live([request], day, services, silent).sent
                known, tried = services.forms.known(model), tried + 1
            asked.append(request.in_form(known.form))
    return asked, answered


def _by_batch(
    requests: Sequence[ChatRequest], day: str, services: Services, progress: Progress
) -> Outcomes:
    keys = list(dict.fromkeys(request.key for request in requests))
    before = stored_answers(services.engine, keys).answered
    submission = _submit(requests, before, day, services)
    wait_for(submission.batches, services, progress)
    stored = stored_answers(services.engine, keys)
    known = stored.answered.keys() | stored.refused.keys()
    return Outcomes(
        answered=stored.answered,
        deferred={key: _reason(submission) for key in keys if key not in known},
        refused=stored.refused,
        sent=len(stored.answered) - len(before),
        notes=submission.notes,
    )


def _reason(submission: "Submission") -> Deferral:
    """Name one reason for all that is left over: a submission has numbers, not keys."""
    if submission.over_budget:
        return Deferral.BUDGET
    return Deferral.HELD if submission.held else Deferral.UNAVAILABLE
