"""Batches that an operator should know of: on their way, in trouble, or closed without results."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dynosaur_etl.domain.batch import Batch, BatchStatus
from dynosaur_etl.flows.runtime.batches import describe
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.batches import all_batches

CLOSED_SHOWN = timedelta(days=7)


def batches_of_note(services: Services, now: datetime | None = None) -> list[dict[str, Any]]:
    """Return open batches, and those that a rule closed in the last seven days; newest first.

    Of an open batch in trouble, `closes_at` is the moment from which on it is closed.
    """
    since = (now or datetime.now(UTC)) - CLOSED_SHOWN
    grace = timedelta(minutes=services.settings.llm_batch_grace_minutes)
    return [
        describe(batch) | {"closes_at": _closes_at(batch, grace)}
        for batch in all_batches(services.engine)
        if batch.status != BatchStatus.CLOSED or _was_given_up(batch, since)
    ]


def batch_troubles(services: Services, now: datetime | None = None) -> list[str]:
    """Return a sentence for each batch that is in trouble, or that a rule closed of late."""
    return [_words(row) for row in batches_of_note(services, now) if row["trouble"] is not None]


def _words(row: dict[str, Any]) -> str:
    about = f"batch {row['id'] or row['key'][:12]} of {row['day']} ({row['requests']} requests)"
    if row["status"] == BatchStatus.CLOSED:
        return f"{about} was closed with {row['lost']} lost: {row['error']}"
    return f"{about}: {row['trouble']} since {row['trouble_since']}; closed at {row['closes_at']}"


def _closes_at(batch: Batch, grace: timedelta) -> str | None:
    if batch.status == BatchStatus.CLOSED or batch.trouble_since is None:
        return None
    return (batch.trouble_since + grace).isoformat(timespec="minutes")


def _was_given_up(batch: Batch, since: datetime) -> bool:
    return batch.trouble_since is not None and batch.trouble_since > since
