"""How the set grew: days, sums, and the way from the Hub to the selection."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dynosaur_etl.domain.models import StepName
from dynosaur_etl.domain.reasons import Stage
from dynosaur_etl.domain.validity import MAX_INVALID, invalidity
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.reason_counts import ReasonCount, reason_counts
from dynosaur_etl.store.facts.growth_steps import StepRecord, native_tasks, step_records
from dynosaur_etl.store.facts.hub_datasets import estimate_catalogue
from dynosaur_etl.store.facts.llm_requests import cost_by_day
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, head_version

VALIDITY_FLOOR = 1 - MAX_INVALID

StepsByDay = Mapping[str, Mapping[str, StepRecord]]


@dataclass(frozen=True)
class GrowthLine:
    """What a growth day came to.

    Attributes:
        validity: valid proposals among valid and invalid ones, 0 to 1; None where there is none.
        surplus: proposals that were sound, but said before or more than were asked for.
        rejected: things that its steps rejected, without the selection's.
    """

    day: str
    datasets_seen: int
    datasets_kept: int
    proposals: int
    tasks: int
    instances: int
    validity: float | None
    surplus: int
    rejected: int
    cost_usd: Decimal


@dataclass(frozen=True)
class GrowthTotal:
    """What all growth days came to together."""

    catalogue: int
    datasets_seen: int
    datasets_kept: int
    proposals: int
    tasks: int
    instances: int
    cost_usd: Decimal


@dataclass(frozen=True)
class FunnelStage:
    """What is left after a stage, and what it rejected.

    Attributes:
        stage: whose rejects `lost` are; None where nothing is rejected.
    """

    name: str
    number: int
    stage: Stage | None
    rejected: int
    lost: Sequence[ReasonCount]


@dataclass(frozen=True)
class GrowthHistory:
    """Every growth day, the oldest first, with sums over all and the funnel."""

    days: Sequence[GrowthLine]
    total: GrowthTotal
    funnel: Sequence[FunnelStage]


def growth_history(services: Services) -> GrowthHistory:
    """Return every growth day, with sums over all and the funnel."""
    engine = services.engine
    steps: dict[str, dict[str, StepRecord]] = {}
    for record in step_records(engine):
        steps.setdefault(record.day, {})[record.step] = record
    costs = cost_by_day(engine)
    native = native_tasks(engine)
    days = [
        _line(day, steps[day], costs.get(day, Decimal(0)), native.get(day, 0))
        for day in sorted(steps)
    ]
    total = _total(days, estimate_catalogue(engine), sum(costs.values(), Decimal(0)))
    return GrowthHistory(days, total, _funnel(steps, total, head_version(engine)))


def gaps_after(days: Sequence[GrowthLine]) -> dict[str, str]:
    """Word the days without growth before each day that has some, by that day."""
    found = {}
    for earlier, later in itertools.pairwise(days):
        missing = (date.fromisoformat(later.day) - date.fromisoformat(earlier.day)).days - 1
        if missing > 0:
            found[later.day] = f"{missing:,} {'day' if missing == 1 else 'days'} without growth"
    return found


def _line(day: str, done: Mapping[str, StepRecord], cost: Decimal, native: int) -> GrowthLine:
    examined, judged = done.get(StepName.EXAMINE), done.get(StepName.VALIDATE)
    filled = done.get(StepName.FILL)
    found = invalidity(_kept(judged) - native, judged.reasons if judged and judged.rejected else {})
    return GrowthLine(
        day=day,
        datasets_seen=_seen(examined),
        datasets_kept=_kept(examined),
        proposals=_seen(judged),
        tasks=_kept(judged),
        instances=_kept(filled),
        validity=found.valid_share,
        surplus=found.surplus,
        rejected=sum(step.rejected for name, step in done.items() if name != StepName.SELECT),
        cost_usd=cost,
    )


def _seen(step: StepRecord | None) -> int:
    return 0 if step is None else step.kept + step.rejected


def _kept(step: StepRecord | None) -> int:
    return 0 if step is None else step.kept


def _total(days: Sequence[GrowthLine], catalogue: int, cost: Decimal) -> GrowthTotal:
    return GrowthTotal(
        catalogue=catalogue,
        datasets_seen=sum(day.datasets_seen for day in days),
        datasets_kept=sum(day.datasets_kept for day in days),
        proposals=sum(day.proposals for day in days),
        tasks=sum(day.tasks for day in days),
        instances=sum(day.instances for day in days),
        cost_usd=cost,
    )


def _funnel(steps: StepsByDay, total: GrowthTotal, head: VersionRecord | None) -> list[FunnelStage]:
    """Return each stage with what is left after it, and what it rejected by reason."""
    counts = {} if head is None else head.counts
    candidates = _of_all_days(steps, StepName.CANDIDATES)
    return [
        _stage("In the catalogue of the Hub", total.catalogue),
        _stage("Candidates", sum(map(_kept, candidates)), Stage.CANDIDATES, candidates),
        _stage(
            "Datasets kept",
            total.datasets_kept,
            Stage.EXAMINE,
            _of_all_days(steps, StepName.EXAMINE),
        ),
        _stage("Proposals", total.proposals),
        _stage("Tasks", total.tasks, Stage.VALIDATE, _of_all_days(steps, StepName.VALIDATE)),
        _stage("Instances", total.instances, Stage.FILL, _of_all_days(steps, StepName.FILL)),
        _stage(
            "Pool of the head",
            counts.get("pool", 0),
            Stage.SELECT,
            _selection_of(steps, head),
        ),
        _stage("Selected in it", counts.get("selected", 0)),
    ]


def _of_all_days(steps: StepsByDay, name: StepName) -> list[StepRecord]:
    return [done[name] for done in steps.values() if name in done]


def _selection_of(steps: StepsByDay, version: VersionRecord | None) -> list[StepRecord]:
    done = {} if version is None else steps.get(version.day, {})
    return [done[StepName.SELECT]] if StepName.SELECT in done else []


def _stage(
    name: str, number: int, stage: Stage | None = None, steps: Iterable[StepRecord] = ()
) -> FunnelStage:
    reasons = Counter[str]()
    for step in steps:
        reasons.update(step.reasons)
    return FunnelStage(name, number, stage, reasons.total(), reason_counts(reasons))
