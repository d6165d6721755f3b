"""What the store holds in all, as plain numbers by name; cheap enough for the end of every run."""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.tables import GrowthRunRow, LlmRequestRow, RejectionRow

_STEPS = {"examine": "datasets", "validate": "proposals", "fill": "instances"}
_QUEUES = ("datasets", "proposals")


def totals(services: Services) -> dict[str, float]:
    """Sum up all growth days: what was kept, rejected and waits, proposals by reason, and costs.

    Errors that nobody foresaw are summed up too, of whatever step.

    Dollars are those that are known; a queue is what a rerun of its days would take up.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    found: Counter[str] = Counter()
    with Session(services.engine) as session:
        rows = session.scalars(select(GrowthRunRow).where(GrowthRunRow.step.in_(_STEPS)))
        for row in rows:
            name = _STEPS[row.step]
            found[f"{name}.kept"] += row.kept
            found[f"{name}.rejected"] += row.rejected
            found[f"queue.{name}"] += row.deferred
            if name == "proposals":
                found.update({f"proposals.reason.{reason}": n for reason, n in row.reasons.items()})
        unforeseen = session.scalar(
            select(func.sum(RejectionRow.number)).where(
                RejectionRow.reason == str(Reason.UNFORESEEN_ERROR)
            )
        )
        prompt, completion, dollars = session.execute(
            select(
                func.sum(LlmRequestRow.prompt_tokens),
                func.sum(LlmRequestRow.completion_tokens),
                func.sum(LlmRequestRow.cost_usd),
            )
        ).one()
    names = [f"{name}.{part}" for name in _STEPS.values() for part in ("kept", "rejected")]
    names += [f"queue.{name}" for name in _QUEUES]
    reasons = [name for name in found if name.startswith("proposals.reason.")]
    return {name: float(found[name]) for name in (*names, *sorted(reasons))} | {
        "unforeseen": float(unforeseen or 0),
        "tokens.prompt": float(prompt or 0),
        "tokens.completion": float(completion or 0),
        "dollars": float(dollars or 0),
    }
