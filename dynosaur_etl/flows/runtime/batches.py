"""Batches that are on their way: waited for, listed, cancelled, and taken up again."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dynosaur_etl.domain.batch import Batch, BatchStatus, BatchTrouble
from dynosaur_etl.domain.errors import LlmRefused, LlmUnavailable
from dynosaur_etl.domain.ledger import AttemptOutcome
from dynosaur_etl.domain.redaction import redact
from dynosaur_etl.flows.runtime.services import Progress, Services, batch_server
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.batches import all_batches, batch_named

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchReport:
    """A batch as the ledger has it, and what became of its requests.

    Attributes:
        id: the server's; None while it is not known.
        completed: requests that the server has dealt with, when it was last looked at.
        error: why not every line has an answer.
    """

    key: str
    id: str | None
    day: str
    purpose: str
    model: str
    server: str
    status: BatchStatus
    server_status: str | None
    requests: int
    completed: int
    answered: int
    refused: int
    lost: int
    failed: int
    error: str | None
    trouble: BatchTrouble | None
    trouble_since: datetime | None


OUTAGE_SECONDS = 3600.0


def still_open(keys: Sequence[str], services: Services) -> list[Batch]:
    """Look at batches, collect those that have ended, and give those that are on their way.

    Raises:
        LlmRefused: the server refuses every request of one of them.
        LlmUnavailable: the server does not answer.
    """
    looks = [services.batches.look(key) for key in keys]
    refusals = [look.refusal for look in looks if look.refusal is not None]
    if refusals:
        raise LlmRefused(f"the LLM server refuses every request: {refusals[0]}")
    return [look.batch for look in looks if look.batch.status != BatchStatus.CLOSED]


def wait_for(keys: Sequence[str], services: Services, progress: Progress) -> None:
    """Wait until batches have ended and are collected; an outage of the server is sat out.

    Raises:
        LlmRefused: the server refuses every request of one of them.
        LlmUnavailable: the server has not answered for an hour.
    """
    requests = sum(batch.requests for batch in batches_of(keys, services))
    answered_at = time.monotonic()
    while keys:
        try:
            open_now = still_open(keys, services)
        except LlmUnavailable as trouble:
            if time.monotonic() - answered_at > OUTAGE_SECONDS:
                raise
            log.warning("%s; waiting goes on", trouble)
        else:
            answered_at = time.monotonic()
            left = sum(batch.requests - batch.completed for batch in open_now)
            progress(requests - left, requests)
            keys = [batch.key for batch in open_now]
        if keys:
            time.sleep(services.settings.llm_poll_seconds)


def all_ended(server_ids: Sequence[str], settings: Settings) -> bool:
    """Return whether nothing is left to wait for; a server that is silent leaves everything open.

    So does one that does not know a batch, for as long as the rules of batches allow. A server that
    refuses to tell leaves nothing to wait for: who collects meets its words.
    """
    from dynosaur_etl.llm.failures import SendFailure, TryAgain

    server = batch_server(settings)
    try:
        found = [server.look(server_id) for server_id in server_ids]
    except TryAgain as failure:
        log.warning("batches: %s; waiting goes on", failure)
        return False
    except SendFailure:
        return True
    finally:
        server.close()
    return all(batch is not None and batch.ended for batch in found)


def batches_of(keys: Sequence[str], services: Services) -> list[Batch]:
    """Return batches as the ledger has them."""
    return [batch for batch in all_batches(services.engine) if batch.key in set(keys)]


def list_batches(services: Services) -> list[BatchReport]:
    """Return every batch, the newest first."""
    return [describe(batch) for batch in all_batches(services.engine)]


def cancel_batch(name: str, services: Services) -> BatchReport:
    """End a batch; what has been answered is collected, the rest is left for the next run.

    Raises:
        InvalidInput: there is no such batch, or the name stands for several.
        LlmUnavailable: the server does not answer.
        LlmRefused: the server does not allow it.
    """
    batch = batch_named(services.engine, name)
    return describe(services.batches.cancel(batch.key).batch)


def abandon_batch(name: str, services: Services) -> BatchReport:
    """Close a batch without asking its server; what it may have answered counts as lost.

    Raises:
        InvalidInput: there is no such batch, or the name stands for several.
    """
    batch = batch_named(services.engine, name)
    return describe(services.batches.abandon(batch.key).batch)


def resume_batches(services: Services) -> list[BatchReport]:
    """Take up every batch that is not closed: submit what was not, collect what has ended.

    All of them are looked at, whatever becomes of one.

    Raises:
        LlmUnavailable: the server does not answer.
        LlmRefused: the server refuses every request of a batch.
    """
    left = [b.key for b in all_batches(services.engine) if b.status != BatchStatus.CLOSED]
    failures: list[LlmUnavailable | LlmRefused] = []
    for key in left:
        try:
            still_open([key], services)
        except (LlmUnavailable, LlmRefused) as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return [describe(batch) for batch in batches_of(left, services)]


def describe(batch: Batch) -> BatchReport:
    """Return a batch as operators see it."""
    outcomes = batch.outcomes
    return BatchReport(
        key=batch.key,
        id=batch.server_id,
        day=batch.day,
        purpose=batch.purpose,
        model=batch.model,
        server=redact(batch.server),
        status=batch.status,
        server_status=batch.server_status,
        requests=batch.requests,
        completed=batch.completed,
        answered=outcomes.get(AttemptOutcome.ANSWERED, 0),
        refused=outcomes.get(AttemptOutcome.REFUSED, 0),
        lost=outcomes.get(AttemptOutcome.LOST, 0),
        failed=outcomes.get(AttemptOutcome.FAILED, 0),
        error=batch.error,
        trouble=batch.trouble,
        trouble_since=batch.trouble_since,
    )
