"""Keeping a day's candidates within the caps, and taking up what earlier days had to defer."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import OVER_CAP, Counts, Listing
from dynosaur_etl.flows.poll.examine import examine_listed, told_filter
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.hub.caps import over_caps
from dynosaur_etl.store.facts.listings import listings_of, waiting_candidates
from dynosaur_etl.store.steps import StepOutput, count_rows
from dynosaur_etl.store.tables import CandidateRow, DeferredRow

_ROWS = 1_000


def within_caps(
    day: GrowthDay,
    services: Services,
    found: Sequence[dict[str, Any]],
    asked: Sequence[Listing],
    unread: int = 0,
) -> StepOutput:
    """Give the day its candidates: what was found on it and what waits, as far as the caps allow.

    What the Hub's list alone drops takes no place. The caller holds the lock on what waits until
    the output is committed, so that no two days take the same.

    Args:
        day: the growth day.
        services: the process's services.
        found: rows of `CandidateRow`.
        asked: of those, what `asked_for` gives.
        unread: datasets of which the next run has to find out whether the day changed them.
    """
    settings = services.settings
    known = {str(row["dataset_id"]) for row in found}
    waiting = [row for row in _waiting(services, day) if row["dataset_id"] not in known]
    counted = [*asked, *asked_for(services, waiting)]
    over = over_caps(counted, settings.datasets_per_owner, settings.datasets_per_family)
    carried = [row for row in waiting if row["dataset_id"] not in over]
    deferred = [row for row in found if row["dataset_id"] in over]
    taken = [*carried, *(row for row in found if row["dataset_id"] not in over)]
    return StepOutput(
        counts=Counts(
            taken=len(found) + len(carried) + unread,
            kept=len(taken),
            rejected=0,
            deferred=len(deferred) + unread,
        ),
        tables={
            CandidateRow: sorted(taken, key=lambda row: str(row["dataset_id"])),
            DeferredRow: [_deferred(row, over[row["dataset_id"]]) for row in deferred],
        },
        facts={
            OVER_CAP: len(deferred),
            "from_earlier_days": len(carried),
            "commits_unread": unread,
        },
        lost=count_rows(services.engine, CandidateRow, str(day), dataset_id=over),
    )


def asked_for(services: Services, rows: Sequence[dict[str, Any]]) -> list[Listing]:
    """Return the listings of the candidates that the list alone does not drop."""
    asked = []
    judge = told_filter(services.settings)
    for start in range(0, len(rows), _ROWS):
        pinned = {row["dataset_id"]: row["revision"] for row in rows[start : start + _ROWS]}
        for item in listings_of(services.engine, list(pinned)):
            verdict = contained(item.id, partial(examine_listed, pinned[item.id], item, judge))
            asked += [item] if verdict.keep else []
    return asked


def _waiting(services: Services, day: GrowthDay) -> list[dict[str, Any]]:
    """Return what waits, as candidates of the day."""
    return [
        asdict(found) | {"day": str(day), "deferred_from": found.day}
        for found in waiting_candidates(services.engine, str(day))
    ]


def _deferred(row: dict[str, Any], cap: str) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name != "deferred_from"}
    return kept | {"cap": cap}
