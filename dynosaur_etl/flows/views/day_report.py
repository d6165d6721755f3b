"""The report of one growth day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.reject_list import RejectLine, reject_line
from dynosaur_etl.flows.views.rejected_kinds import rejected_kinds
from dynosaur_etl.llm.providers import provider_or_unknown
from dynosaur_etl.store.facts.funnel import Funnel, funnel
from dynosaur_etl.store.facts.growth_steps import StepRecord, alarms, step_records
from dynosaur_etl.store.facts.hub_datasets import kept_names
from dynosaur_etl.store.facts.llm_requests import RequestSums, authors_of_day, request_sums
from dynosaur_etl.store.facts.rejections import RejectionFilter, count_by_reason, list_rejections

_REJECTS_SHOWN = 500


@dataclass(frozen=True)
class ModelLine:
    """A model that wrote tasks of the day, as its server named it."""

    model: str
    provider: str
    tasks: int


@dataclass(frozen=True)
class DayReport:
    """One growth day: its steps, its cost, and what it rejected.

    Attributes:
        steps: in the order in which they were finished.
        alarm: of its steps, in words; empty where none raised one.
        rejects: by reason, the most frequent first.
        rejected: the same, apart by what was rejected.
        models: that wrote the tasks, those of most tasks first.
        datasets: that were kept.
        rejections: up to 500, by stage, subject and reason.
    """

    day: str
    funnel: Inlined[Funnel]
    steps: Sequence[StepRecord]
    alarm: str
    rejects: Mapping[str, int]
    rejected: Mapping[str, Mapping[str, int]]
    llm: Inlined[RequestSums]
    models: Sequence[ModelLine]
    datasets: Sequence[str]
    rejections: Sequence[RejectLine]


def day_report(day: str, services: Services) -> DayReport:
    """Return what is known of a growth day."""
    engine = services.engine
    rejections = list_rejections(engine, RejectionFilter(day=day), None, _REJECTS_SHOWN)
    return DayReport(
        day=day,
        funnel=funnel(engine, [day]),
        steps=step_records(engine, day),
        alarm=alarms(engine, day).get(day, ""),
        rejects=count_by_reason(engine, day),
        rejected=rejected_kinds(services, day),
        llm=request_sums(engine, day),
        models=[
            ModelLine(found.model, provider_or_unknown(found.server), found.tasks)
            for found in authors_of_day(engine, day)
        ],
        datasets=kept_names(engine, day),
        rejections=[reject_line(record) for record in rejections],
    )
