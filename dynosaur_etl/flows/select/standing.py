"""What may be used of the pool's sources today: what is left out and why, and under which licence.

See docs/decisions/0006-withdrawals.md and 0020-newest-verdict.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dynosaur_etl.domain.licences import join_licences, split_licences
from dynosaur_etl.domain.reasons import EarlierRows, Reason
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.newest_verdicts import (
    NewestVerdict,
    newest_verdicts,
    task_licences,
)
from dynosaur_etl.store.facts.withdrawals import withdrawals_in_force


@dataclass(frozen=True)
class Standing:
    """How the sources of a pool stand.

    Attributes:
        withdrawn: those that were withdrawn, with the reasons in force.
        rejected: further ones whose newest revision was rejected, with the reason.
        licences: where it is another one than the rows were written down with, the licence that
            holds now; several are joined by `, `.
    """

    withdrawn: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)

    @property
    def left_out(self) -> dict[str, tuple[Reason, str]]:
        """All sources that are left out, with reason and words."""
        rejected = {name: (Reason.NEWEST_REJECTED, words) for name, words in self.rejected.items()}
        withdrawn = {name: (Reason.WITHDRAWN, words) for name, words in self.withdrawn.items()}
        return rejected | withdrawn

    @property
    def inputs(self) -> list[list[str]]:
        """What of it a selection depends on; empty where all sources stand as they were taken."""
        named = [[name, words] for name, words in self.withdrawn.items()]
        rejected = [["rejected", name, words] for name, words in self.rejected.items()]
        return [*named, *rejected, *(["licence", *pair] for pair in self.licences.items())]


def standing_of(services: Services, days: Sequence[str], up_to: str) -> Standing:
    """Return how the sources of those days stand, by the verdicts and withdrawals until today.

    Args:
        services: the process's services.
        days: of the pool.
        up_to: the last day whose verdicts count.
    """
    withdrawn = _withdrawn(services, days)
    newest = newest_verdicts(services.engine, days, up_to)
    leaving = (item for item in newest if item.earlier is EarlierRows.LEAVE)
    return Standing(
        withdrawn=withdrawn,
        rejected={
            item.dataset_id: _words(item) for item in leaving if item.dataset_id not in withdrawn
        },
        licences=_licences(services, days, newest),
    )


def _withdrawn(services: Services, days: Sequence[str]) -> dict[str, str]:
    sources = task_licences(services.engine, days)
    found: dict[str, str] = {}
    for item in withdrawals_in_force(services.engine):
        if item.dataset_id in sources:
            words = f"{item.reason} since {item.found_on}: {item.detail}"
            found[item.dataset_id] = "; ".join(filter(None, (found.get(item.dataset_id), words)))
    return found


def _words(item: NewestVerdict) -> str:
    renamed = "" if item.judged_id == item.dataset_id else f", now {item.judged_id}"
    return f"{item.reason} since {item.day}{renamed}: {item.detail}"


def _licences(
    services: Services, days: Sequence[str], newest: Sequence[NewestVerdict]
) -> dict[str, str]:
    """Return the licences that hold now where the tasks were written down with others."""
    stated = {item.dataset_id: join_licences(item.licences) for item in newest if item.licences}
    found = {}
    for name, written in sorted(task_licences(services.engine, days).items()):
        now = stated.get(name) or join_licences(split_licences(max(written)))
        if written != {now}:
            found[name] = now
    return found
