"""What the store holds in all, as plain numbers by name; cheap enough for the end of every run."""

from collections import Counter
from collections.abc import Mapping

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.domain.validity import invalidity
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.growth_steps import native_tasks, step_records
from dynosaur_etl.store.facts.llm_requests import request_sums
from dynosaur_etl.store.facts.rejections import count_unforeseen

_THINGS: Mapping[str, str] = {
    StepName.EXAMINE: "datasets",
    StepName.VALIDATE: "proposals",
    StepName.FILL: "instances",
}
_COUNTED = (StepName.EXAMINE, StepName.VALIDATE, StepName.FILL)
_QUEUES = ("datasets", "proposals")


def totals(services: Services) -> dict[str, float]:
    """Sum up all growth days: what was kept, rejected and waits, proposals by reason, and costs.

    Errors that nobody foresaw are summed up too, of whatever step.

    Dollars are those that are known; a queue is what a rerun of its days would take up.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    found, judged = Counter[str](), Counter[str]()
    for record in step_records(services.engine, steps=_COUNTED):
        name = _THINGS[record.step]
        found[f"{name}.kept"] += record.kept
        found[f"{name}.rejected"] += record.rejected
        found[f"queue.{name}"] += record.deferred
        if name == "proposals":
            judged.update(record.reasons)
            found.update({f"proposals.reason.{reason}": n for reason, n in record.reasons.items()})
    names = [f"{name}.{part}" for name in _THINGS.values() for part in ("kept", "rejected")]
    names += [f"queue.{name}" for name in _QUEUES]
    reasons = sorted(name for name in found if name.startswith("proposals.reason."))
    proposed = found["proposals.kept"] - sum(native_tasks(services.engine).values())
    invalid = invalidity(proposed, judged).invalid
    spent = request_sums(services.engine)
    return {name: float(found[name]) for name in (*names, *reasons)} | {
        "proposals.invalid": float(invalid),
        "unforeseen": float(count_unforeseen(services.engine)),
        "tokens.prompt": float(spent.tokens.prompt),
        "tokens.completion": float(spent.tokens.completion),
        "dollars": float(spent.cost_usd),
    }
