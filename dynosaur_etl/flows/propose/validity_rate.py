"""How many proposals are valid, by growth day and by source, and the alarm where too few are.

The paper's own annotators found 79% of its tasks valid, and Self-Instruct's 54%: on a day of which
more than a fifth is invalid the prompt, the model or a source does not do its work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import RejectionRow, TaskRow

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


def validity_rates(services: Services) -> dict[str, list[dict[str, Any]]]:
    """Give the validity of every day, and of every source over all days, the worst first."""
    by_day = _rates(services, RejectionRow.day, TaskRow.day)
    source = func.split_part(RejectionRow.subject, "@", 1)
    by_source = _rates(services, source, TaskRow.dataset_id)
    worst = sorted(by_source.items(), key=lambda item: (-item[1].share, item[0]))
    return {
        "days": [{"day": day} | found.row() for day, found in sorted(by_day.items())],
        "sources": [{"dataset": name} | found.row() for name, found in worst],
    }


def _rates(services: Services, of_reject: Any, of_task: Any) -> dict[str, Invalidity]:
    rejects = (
        select(of_reject, RejectionRow.reason, func.sum(RejectionRow.number))
        .where(RejectionRow.stage == Stage.VALIDATE)
        .group_by(of_reject, RejectionRow.reason)
    )
    tasks = select(of_task, func.count()).where(TaskRow.form == "").group_by(of_task)
    reasons: dict[str, dict[str, int]] = {}
    with reading(services.engine) as session:
        for name, reason, number in session.execute(rejects):
            reasons.setdefault(name, {})[reason] = int(number)
        valid = {name: int(number) for name, number in session.execute(tasks)}
    return {
        name: invalidity(valid.get(name, 0), reasons.get(name, {}))
        for name in reasons.keys() | valid.keys()
    }
