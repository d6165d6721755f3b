"""Counts by reason, with the words that a reader needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from dynosaur_etl.domain.reasons import words_of


@dataclass(frozen=True)
class ReasonCount:
    """How many things were rejected for a reason."""

    reason: str
    words: str
    number: int


def reason_counts(counts: Mapping[str, int]) -> list[ReasonCount]:
    """Put words to each reason, the most frequent first, and by name among the equal."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [ReasonCount(reason, words_of(reason), number) for reason, number in ordered]
