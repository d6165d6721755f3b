"""Keeping a day's candidates within the caps, and taking up what earlier days had to defer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import OVER_CAP, Counts, Listing
from dynosaur_etl.flows.poll.examine import examine_listed, told_filter
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.hub.caps import over_caps
from dynosaur_etl.store.facts.listings import DeferredCandidate, listings_of, waiting_candidates
from dynosaur_etl.store.facts.mirrors import returning_mirrors
from dynosaur_etl.store.steps import StepOutput, count_rows
from dynosaur_etl.store.tables import CandidateRow, DeferredRow

_ROWS = 1_000


@dataclass(frozen=True)
class Candidate:
    """A dataset that a growth day created or changed, pinned to a commit.

    Attributes:
        revision: None where no commit is old enough.
        change: created or changed.
        deferred_from: the earlier day whose caps kept it out, or that left it out as the mirror of
            a dataset that has left since; None: found on this day.
    """

    day: str
    dataset_id: str
    revision: str | None
    committed_at: datetime | None
    change: str
    deferred_from: str | None = None


def within_caps(
    day: GrowthDay,
    services: Services,
    found: Sequence[Candidate],
    asked: Sequence[Listing],
    unread: int = 0,
) -> StepOutput:
    """Return the day's candidates: what was found on it and what waits, as far as the caps allow.

    What the Hub's list alone drops takes no place. The caller holds the lock on what waits until
    the output is committed, so that no two days take the same.

    Args:
        day: the growth day.
        services: the process's services.
        found: the day's own candidates.
        asked: of those, what `asked_for` gives.
        unread: datasets of which the next run has to find out whether the day changed them.
    """
    settings = services.settings
    known = {one.dataset_id for one in found}
    waiting = [one for one in _waiting(services, day) if one.dataset_id not in known]
    counted = [*asked, *asked_for(services, waiting)]
    over = over_caps(counted, settings.datasets_per_owner, settings.datasets_per_family)
    carried = [one for one in waiting if one.dataset_id not in over]
    deferred = [one for one in found if one.dataset_id in over]
    taken = [*carried, *(one for one in found if one.dataset_id not in over)]
    return StepOutput(
        counts=Counts(
            len(found) + len(carried) + unread, len(taken), 0, deferred=len(deferred) + unread
        ),
        tables={
            CandidateRow: [asdict(one) for one in sorted(taken, key=lambda one: one.dataset_id)],
            DeferredRow: [
                asdict(_deferred(one)) | {"cap": over[one.dataset_id]} for one in deferred
            ],
        },
        facts={
            OVER_CAP: len(deferred),
            "from_earlier_days": len(carried),
            "commits_unread": unread,
        },
        lost=count_rows(services.engine, CandidateRow, str(day), dataset_id=over),
    )


def asked_for(services: Services, candidates: Sequence[Candidate]) -> list[Listing]:
    """Return the listings of the candidates that the list alone does not drop."""
    asked = []
    judge = told_filter(services.settings)
    for start in range(0, len(candidates), _ROWS):
        some = candidates[start : start + _ROWS]
        pinned = {one.dataset_id: one.revision for one in some}
        for item in listings_of(services.engine, list(pinned)):
            verdict = contained(item.id, partial(examine_listed, pinned[item.id], item, judge))
            asked += [item] if verdict.keep else []
    return asked


def _waiting(services: Services, day: GrowthDay) -> list[Candidate]:
    """Return what waits, as candidates of the day: what caps kept out goes before mirrors."""
    waiting = [
        *returning_mirrors(services.engine, day),
        *waiting_candidates(services.engine, str(day)),
    ]
    return [
        Candidate(str(day), one.dataset_id, one.revision, one.committed_at, one.change, one.day)
        for one in {one.dataset_id: one for one in waiting}.values()
    ]


def _deferred(candidate: Candidate) -> DeferredCandidate:
    return DeferredCandidate(
        candidate.day,
        candidate.dataset_id,
        candidate.revision,
        candidate.committed_at,
        candidate.change,
    )
