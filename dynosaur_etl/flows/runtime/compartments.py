"""One dataset, config, row or answer must not end a step: what it raises becomes its reject."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.unforeseen import is_contained, log_unforeseen, unforeseen
from dynosaur_etl.store.database import is_of_the_database
from dynosaur_etl.store.steps import CountedReject

T = TypeVar("T")

log = logging.getLogger(__name__)


def contained(subject: str, work: Callable[[], T]) -> T | Verdict:
    """Return what the work on one item gives, or the verdict on an error that nobody foresaw.

    Errors of the database, and those that the product raises on purpose, go on: they end the step.

    Args:
        subject: the item, for the log.
        work: on it.
    """
    try:
        return work()
    except Exception as error:
        if is_of_the_database(error) or not is_contained(error):
            raise
        log_unforeseen(log, subject, error)
        return unforeseen(error)


def alarm_of(rejects: Iterable[CountedReject]) -> str:
    """Return the alarm of a step that met errors that nobody foresaw; nothing of another."""
    met = [found for found in rejects if found.reject.reason is Reason.UNFORESEEN_ERROR]
    if not met:
        return ""
    number = sum(found.number for found in met)
    first = met[0].reject
    words = f"{number} unforeseen errors, the first in {first.subject}: {first.detail}"
    log.warning("%s", words)
    return words
