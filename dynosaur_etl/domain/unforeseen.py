"""Errors that nobody foresaw: how they are worded, and which of them are not one item's own.

A dataset, a config, a row, an answer is a compartment: whatever it raises ends it alone, with the
reason UNFORESEEN_ERROR. Errors that the product raises on purpose are left to those who know them,
and a machine without room or handles is nothing that a dataset can be rejected for.
"""

import errno
import logging
import traceback
from pathlib import Path

from dynosaur_etl.domain.errors import DynosaurError
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_text, shorten, without_addresses

MAX_WORDS = 300

_OF_THE_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def is_contained(error: Exception) -> bool:
    """Return whether an error belongs to the item that raised it."""
    if isinstance(error, DynosaurError):
        return False
    return not (isinstance(error, OSError) and error.errno in _OF_THE_MACHINE)


def unforeseen(error: Exception) -> Verdict:
    """Return the verdict on what raised an error; its detail is `unforeseen_words`."""
    return Verdict(Reason.UNFORESEEN_ERROR, unforeseen_words(error))


def log_unforeseen(log: logging.Logger, subject: str, error: Exception) -> None:
    """Log an error with its traceback, in characters that every log can hold."""
    trace = "".join(traceback.format_exception(error)).rstrip()
    log.error("%s: an error that nobody foresaw\n%s", clean_text(subject), clean_text(trace))


def unforeseen_words(error: Exception) -> str:
    """Return an error's type, the last line of its words, and where it was raised."""
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    last = lines[-1].strip() if lines else type(error).__name__
    name = type(error).__name__
    words = last if name in last else f"{name}: {last}"
    return shorten(clean_text(without_addresses(words)), MAX_WORDS) + place
