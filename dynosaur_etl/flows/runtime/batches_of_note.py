"""Batches that an operator should know of: on their way, in trouble, or closed without results."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dynosaur_etl.domain.batch import Batch, BatchStatus
from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.flows.runtime.batches import BatchReport, describe
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.batches import all_batches

CLOSED_SHOWN = timedelta(days=7)


@dataclass(frozen=True)
class BatchOfNote:
    """A batch, and the moment from which on it is closed where it is open and in trouble."""

    batch: Inlined[BatchReport]
    closes_at: str | None


def batches_of_note(services: Services, now: datetime | None = None) -> list[BatchOfNote]:
    """Return open batches, and those that a rule closed in the last seven days; newest first."""
    since = (now or datetime.now(UTC)) - CLOSED_SHOWN
    grace = timedelta(minutes=services.settings.llm_batch_grace_minutes)
    return [
        BatchOfNote(describe(batch), _closes_at(batch, grace))
        for batch in all_batches(services.engine)
        if batch.status != BatchStatus.CLOSED or _was_given_up(batch, since)
    ]


def batch_troubles(services: Services, now: datetime | None = None) -> list[str]:
    """Return a sentence for each batch that is in trouble, or that a rule closed of late."""
    return [
        _words(note) for note in batches_of_note(services, now) if note.batch.trouble is not None
    ]


def _words(note: BatchOfNote) -> str:
    batch = note.batch
    about = f"batch {batch.id or batch.key[:12]} of {batch.day} ({batch.requests} requests)"
    if batch.status == BatchStatus.CLOSED:
        return f"{about} was closed with {batch.lost} lost: {batch.error}"
    since = None if batch.trouble_since is None else batch.trouble_since.isoformat()
    return f"{about}: {batch.trouble} since {since}; closed at {note.closes_at}"


def _closes_at(batch: Batch, grace: timedelta) -> str | None:
    if batch.status == BatchStatus.CLOSED or batch.trouble_since is None:
        return None
    return (batch.trouble_since + grace).isoformat(timespec="minutes")


def _was_given_up(batch: Batch, since: datetime) -> bool:
    return batch.trouble_since is not None and batch.trouble_since > since
