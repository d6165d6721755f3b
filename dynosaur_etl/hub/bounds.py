"""How much of a file of somebody else's may become memory, before it does."""

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.reasons import Reason

MAX_FIELDS = 1_000
MAX_KEYS = 20_000
MAX_DEPTH = 100
MAX_GROUP_ROWS = 1 << 26
MAX_PARSED_BYTES = 448_000_000

_OBJECT, _LIST, _VALUE = 232, 80, 60
"""Bytes that Python takes for a parsed object, list and value; roughly, and rather more."""


def require_few_fields(number: int, most: int = MAX_FIELDS) -> None:
    """Refuse what has more fields than a config may have.

    Raises:
        HubRefused: FEATURES_UNREADABLE.
    """
    if number > most:
        raise HubRefused(f"{number} fields; allowed: {most}", Reason.FEATURES_UNREADABLE)


def require_shallow(depth: int) -> None:
    """Refuse values that are nested deeper than any reader of ours follows.

    Raises:
        HubRefused: FEATURES_UNREADABLE.
    """
    if depth > MAX_DEPTH:
        words = f"values nested {depth} deep and more; allowed: {MAX_DEPTH}"
        raise HubRefused(words, Reason.FEATURES_UNREADABLE)


def require_small_document(text: str) -> None:
    """Raise ValueError where a JSON text would take too much memory once it is parsed."""
    size = _OBJECT * text.count("{") + _LIST * text.count("[") + _VALUE * text.count(",")
    if size > MAX_PARSED_BYTES:
        raise ValueError(f"JSON of about {size} bytes in memory; allowed: {MAX_PARSED_BYTES}")
