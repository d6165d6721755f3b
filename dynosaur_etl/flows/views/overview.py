"""What the store holds in all, with a line for each growth day and each version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.rejected_kinds import rejected_kinds
from dynosaur_etl.flows.views.tonight import Tonight
from dynosaur_etl.store.facts.funnel import Funnel, funnels
from dynosaur_etl.store.facts.growth_steps import alarms, step_records
from dynosaur_etl.store.facts.hub_datasets import count_catalogue, count_configs
from dynosaur_etl.store.facts.llm_requests import RequestSums, cost_by_day, request_sums
from dynosaur_etl.store.facts.rejections import count_by_reason
from dynosaur_etl.store.facts.snapshot_versions import newest_versions
from dynosaur_etl.store.facts.version_summaries import VersionSummary, summaries


@dataclass(frozen=True)
class DayLine:
    """What a growth day came to.

    Attributes:
        alarm: of its steps, in words; empty where none raised one.
        held_back: steps whose last run was not whole, so that an earlier output stands.
    """

    day: str
    funnel: Inlined[Funnel]
    cost_usd: Decimal
    alarm: str
    held_back: Sequence[str]


@dataclass(frozen=True)
class Overview:
    """The state of everything.

    Attributes:
        catalogue: datasets of the Hub that are known.
        funnel: over all growth days.
        configs_kept: over all growth days.
        rejects: by reason, the most frequent first.
        rejected: the same, apart by what was rejected: datasets, configs, proposals, rows.
        snapshots: the oldest first.
    """

    catalogue: int
    funnel: Inlined[Funnel]
    configs_kept: int
    rejects: Mapping[str, int]
    rejected: Mapping[str, Mapping[str, int]]
    llm: Inlined[RequestSums]
    days: Sequence[DayLine]
    snapshots: Sequence[VersionSummary]


@dataclass(frozen=True)
class StatusReport:
    """The state of everything, and how the newest day stands."""

    overview: Inlined[Overview]
    tonight: Tonight


def overview(services: Services) -> Overview:
    """Return the state of everything, with a line for each growth day."""
    engine = services.engine
    steps = step_records(engine)
    by_day = funnels(engine, {record.day for record in steps})
    costs, alarming = cost_by_day(engine), alarms(engine)
    held_back = [(record.day, record.step) for record in steps if record.held_back is not None]
    return Overview(
        catalogue=count_catalogue(engine),
        funnel=sum(by_day.values(), Funnel()),
        configs_kept=count_configs(engine),
        rejects=count_by_reason(engine),
        rejected=rejected_kinds(services),
        llm=request_sums(engine),
        days=[
            DayLine(
                day=day,
                funnel=made,
                cost_usd=costs.get(day, Decimal(0)),
                alarm=alarming.get(day, ""),
                held_back=sorted(step for of, step in held_back if of == day),
            )
            for day, made in by_day.items()
        ],
        snapshots=summaries(engine, newest_versions(engine)[::-1]),
    )
