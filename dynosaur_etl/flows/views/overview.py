"""What the store holds in all, with a line for each growth day and each version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.funnel import Funnel, funnels
from dynosaur_etl.store.facts.growth_steps import alarms, step_records
from dynosaur_etl.store.facts.hub_datasets import count_catalogue
from dynosaur_etl.store.facts.llm_requests import RequestSums, cost_by_day, request_sums
from dynosaur_etl.store.facts.rejections import count_by_reason
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, newest_versions


@dataclass(frozen=True)
class DayLine:
    """What a growth day came to; `alarm` is empty where too few of its proposals are invalid."""

    day: str
    funnel: Inlined[Funnel]
    cost_usd: Decimal
    alarm: str


@dataclass(frozen=True)
class SnapshotLine:
    """A version, with what was counted on the way to it."""

    version: int
    parent: int | None
    day: str
    path: str
    manifest_sha256: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Overview:
    """The state of everything.

    Attributes:
        catalogue: datasets of the Hub that are known.
        funnel: over all growth days.
        rejects: by reason, the most frequent first.
        snapshots: the oldest first.
    """

    catalogue: int
    funnel: Inlined[Funnel]
    rejects: Mapping[str, int]
    llm: Inlined[RequestSums]
    days: Sequence[DayLine]
    snapshots: Sequence[SnapshotLine]


def overview(services: Services) -> Overview:
    """Return the state of everything, with a line for each growth day."""
    engine = services.engine
    by_day = funnels(engine, {record.day for record in step_records(engine)})
    costs, alarming = cost_by_day(engine), alarms(engine)
    return Overview(
        catalogue=count_catalogue(engine),
        funnel=sum(by_day.values(), Funnel()),
        rejects=count_by_reason(engine),
        llm=request_sums(engine),
        days=[
            DayLine(day, made, costs.get(day, Decimal(0)), alarming.get(day, ""))
            for day, made in by_day.items()
        ],
        snapshots=[_snapshot(record) for record in newest_versions(engine)[::-1]],
    )


def _snapshot(record: VersionRecord) -> SnapshotLine:
    return SnapshotLine(
        version=record.version,
        parent=record.parent,
        day=record.day,
        path=record.path,
        manifest_sha256=record.manifest_sha256,
        counts=record.counts,
    )
