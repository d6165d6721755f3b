"""One dataset of the Hub: what became of it on each day, and where its rows are."""

from collections.abc import Sequence
from dataclasses import dataclass

from dynosaur_etl.domain.reasons import words_of
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.hub_links import HubLinks, hub_links
from dynosaur_etl.flows.views.reject_list import RejectLine, reject_line
from dynosaur_etl.flows.views.source_shares import WithdrawnSource, withdrawn_sources
from dynosaur_etl.store.facts.hub_datasets import verdicts_on
from dynosaur_etl.store.facts.rejections import RejectionFilter, list_rejections

_MOST = 200


@dataclass(frozen=True)
class VerdictLine:
    """What a day said of it; `words` is empty where it was kept."""

    day: str
    revision: str
    reason: str
    words: str
    detail: str
    links: HubLinks


@dataclass(frozen=True)
class DatasetReport:
    """A dataset with the newest 200 verdicts and rejects.

    Attributes:
        links: its place at the Hub, of the newest revision.
        withdrawn: None where it is in use.
    """

    dataset: str
    links: HubLinks
    withdrawn: WithdrawnSource | None
    verdicts: Sequence[VerdictLine]
    rejects: Sequence[RejectLine]


def dataset_report(services: Services, dataset: str) -> DatasetReport:
    """Return what is known of a dataset; one that nobody has seen has no verdict."""
    engine = services.engine
    rejects = list_rejections(engine, RejectionFilter(subject=dataset), None, _MOST)
    return DatasetReport(
        dataset=dataset,
        links=hub_links(services, dataset, "main"),
        withdrawn=withdrawn_sources(services).get(dataset),
        verdicts=[
            VerdictLine(
                day=found.day,
                revision=found.revision or "",
                reason=found.reason or "",
                words=words_of(found.reason) if found.reason else "",
                detail=found.detail,
                links=hub_links(services, dataset, found.revision or "main"),
            )
            for found in verdicts_on(engine, dataset, _MOST)
        ],
        rejects=[reject_line(one) for one in rejects if _is_of(one.subject, dataset)],
    )


def _is_of(subject: str, dataset: str) -> bool:
    """Tell whether a reject is about the dataset, and not about one whose name begins alike."""
    return subject == dataset or subject.startswith((f"{dataset}@", f"{dataset}/"))
