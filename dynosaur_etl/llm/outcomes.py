"""What became of the requests of one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dynosaur_etl.domain.chat import Answer


class Deferral(StrEnum):
    """Why a request was left for the next run."""

    BUDGET = "budget"
    UNAVAILABLE = "unavailable"
    HELD = "held"


@dataclass(frozen=True)
class Outcomes:
    """Every key that was asked stands in exactly one of the three.

    Attributes:
        answered: answers by key, stored or new.
        deferred: why, by key; nothing was lost and the next run asks again.
        refused: the server's words, by key.
        sent: requests that were sent and answered now, not read from the ledger.
        notes: what an operator should know of the deferrals, each named once.
    """

    answered: Mapping[str, Answer]
    deferred: Mapping[str, Deferral]
    refused: Mapping[str, str]
    sent: int = 0
    notes: tuple[str, ...] = field(default=())
