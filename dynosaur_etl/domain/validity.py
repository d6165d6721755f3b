"""How many proposals are valid: one definition for pages, commands, alarms and metrics.

The paper's own annotators found 79% of its tasks valid, and Self-Instruct's 54%: on a day of which
more than a fifth is invalid the prompt, the model or a source does not do its work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.reasons import Reason

MAX_INVALID = 0.2
SURPLUS = frozenset({Reason.DUPLICATE_TASK, Reason.DUPLICATE_INSTRUCTION, Reason.TOO_MANY_TASKS})
"""Reasons that call a proposal one too many, not invalid."""


@dataclass(frozen=True)
class Invalidity:
    """What became of a number of proposals; an answer without any counts as an invalid one.

    Attributes:
        surplus: sound, but said before or more than were asked for.
        alarm: what is wrong, in words; empty where at most 20% of valid and invalid are invalid.
    """

    valid: int
    invalid: int
    surplus: int

    @property
    def share(self) -> float:
        """Invalid ones among valid and invalid, 0 where there are none."""
        judged = self.valid + self.invalid
        return self.invalid / judged if judged else 0.0

    @property
    def valid_share(self) -> float | None:
        """Valid ones among valid and invalid, 0 to 1; None where there are none."""
        return round(1 - self.share, 4) if self.valid + self.invalid else None

    @property
    def alarm(self) -> str:
        if self.share <= MAX_INVALID:
            return ""
        judged = self.valid + self.invalid
        return f"{self.invalid} of {judged} proposals are invalid, more than {MAX_INVALID:.0%}"

    def row(self) -> dict[str, Any]:
        """Give the numbers as one JSON-able object."""
        return {
            "valid": self.valid,
            "invalid": self.invalid,
            "surplus": self.surplus,
            "valid_share": round(1 - self.share, 4),
            "alarm": self.alarm,
        }


def invalidity(valid: int, reasons: Mapping[str, int]) -> Invalidity:
    """Sort rejects by whether the proposal was invalid or one too many.

    What raised an error that nobody foresaw was not judged, and is neither.
    """
    surplus = sum(number for reason, number in reasons.items() if reason in SURPLUS)
    unjudged = reasons.get(Reason.UNFORESEEN_ERROR, 0)
    return Invalidity(valid, sum(reasons.values()) - surplus - unjudged, surplus)
