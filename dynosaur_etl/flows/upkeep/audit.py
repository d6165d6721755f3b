"""The audit: which sources of the pool may be used no more, why, and which versions hold them."""

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

import pyarrow.compute as pc

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.models import Counts, Listing, StepName, StepReport, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.upkeep.head_audit import judge_heads, look_up
from dynosaur_etl.snapshots.layout import SOURCES
from dynosaur_etl.snapshots.publish import version_file
from dynosaur_etl.snapshots.sources import read_sources
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts.hub_datasets import is_catalogued
from dynosaur_etl.store.facts.proposed_tasks import task_sources
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, newest_versions
from dynosaur_etl.store.facts.withdrawals import Withdrawal, withdrawals_in_force
from dynosaur_etl.store.withdrawing import lift_withdrawals, record_renaming, record_withdrawal

log = logging.getLogger(__name__)

_OUT_OF_REACH = frozenset({Reason.GONE, Reason.PRIVATE, Reason.DISABLED})
_PROGRESS_EVERY = 1000


@dataclass(frozen=True)
class Holding:
    """A version that holds a source: its revision and instances, in the pool and selected."""

    version: int
    day: str
    revision: str
    licence: str
    pool_instances: int
    selected_instances: int


@dataclass(frozen=True)
class _Sweep:
    """What a complete listing shows of the sources that it holds."""

    listed: int
    heads: Mapping[str, Listing]


def audit_sources(today: date, services: Services, progress: Progress = silent) -> StepReport:
    """Sweep the Hub's listing for sources of the pool that are gone, shut or re-licensed.

    A source that the complete listing lacks is asked for by itself, and is withdrawn only if the
    Hub refuses it, or shows it under another id where it may not be used. The card of each head
    is judged once. Findings are stored as they are made, and only a person lifts them.

    Returns:
        Sources that were taken, those still to be used as kept, those withdrawn as rejected. The
        facts tell what is `new`, how many sources are `unlisted` but still answer, how many of
        those were `renamed`, and which withdrawals the Hub no longer bears out
        (`reachable_again`).

    Raises:
        HubUnavailable: the Hub gives no answer; what was found until then is kept.
    """
    with locked(services.engine, "audit"):
        sources, before = task_sources(services.engine), in_force(services)
        sweep = _sweep(services, sources, progress)
        unlisted = _unlisted(services, _absent(sources, sweep, before), today)
        verdicts: dict[str, Verdict] = {}
        for name, head, verdict in judge_heads(services, {**sweep.heads, **unlisted}):
            verdicts[name] = verdict
            renamed = "" if head.id == name else f"now {head.id}: "
            _record(services, name, replace(verdict, detail=renamed + verdict.detail), today)
        facts = {
            "listed": sweep.listed,
            "unlisted": sum(verdicts[name].keep for name in unlisted),
            "renamed": sum(listing.id != name for name, listing in unlisted.items()),
        }
        return _report(today, sources, before, in_force(services), verdicts, facts)


def withdraw(dataset_id: str, why: str, today: date, services: Services) -> Withdrawal:
    """Withdraw a source by hand; where that was done before, the earlier words stand.

    Raises:
        InvalidInput: the catalogue knows no such dataset, or no reason is given.
    """
    if not why.strip():
        raise InvalidInput(not_allowed("why", why, "a sentence for those who will ask"))
    if not is_catalogued(services.engine, clean_text(dataset_id)):
        raise InvalidInput(not_allowed("dataset", dataset_id, "the id of a catalogued dataset"))
    _record(services, dataset_id, Verdict(Reason.WITHDRAWN, why.strip()), today)
    return in_force(services)[dataset_id, Reason.WITHDRAWN]


def readmit(dataset_id: str, today: date, services: Services) -> list[Withdrawal]:
    """Lift every withdrawal of a source that is in force, and give them.

    Raises:
        InvalidInput: none is in force.
    """
    lifted = [item for item in in_force(services).values() if item.dataset_id == dataset_id]
    if not lifted:
        raise InvalidInput(not_allowed("dataset", dataset_id, "a dataset that is withdrawn"))
    lift_withdrawals(services.engine, dataset_id, today.isoformat())
    return lifted


def in_force(services: Services) -> dict[tuple[str, str], Withdrawal]:
    """Return the withdrawals in force by dataset and reason, in that order."""
    found = withdrawals_in_force(services.engine)
    return {(item.dataset_id, item.reason): item for item in found}


def versions_with(dataset_id: str, services: Services) -> list[Holding]:
    """List the versions that hold a source, oldest first, one entry a revision of it.

    Raises:
        Corrupt: a version's list of sources cannot be read.
        StoreUnavailable: the storage does not answer.
    """
    return [
        holding
        for record in newest_versions(services.engine)[::-1]
        for holding in _holdings(services, record, dataset_id)
    ]


def _sweep(services: Services, sources: Collection[str], progress: Progress) -> _Sweep:
    """Read the whole listing; only what it shows of the sources is held in memory."""
    heads: dict[str, Listing] = {}
    listed = 0
    for listed, listing in enumerate(services.hub.list_datasets(modified_since=None), start=1):
        if listing.id in sources:
            heads[listing.id] = listing
        if listed % _PROGRESS_EVERY == 0:
            progress(listed, None)
    return _Sweep(listed, heads)


def _absent(
    sources: Collection[str], sweep: _Sweep, before: Collection[tuple[str, str]]
) -> list[str]:
    """Name the sources that the listing lacks and that are not known to be out of reach."""
    known = {name for name, reason in before if reason in _OUT_OF_REACH}
    return sorted(set(sources) - sweep.heads.keys() - known)


def _unlisted(services: Services, names: Collection[str], today: date) -> dict[str, Listing]:
    """Give what the Hub shows of sources that its listing lacks; what it refuses is withdrawn.

    An entry can slip between two pages, or have another id by now, which is kept: the verdicts on
    it are verdicts on the source.
    """
    found = {}
    for name, shown in look_up(services, names):
        if isinstance(shown, Verdict):
            _record(services, name, shown, today)
            continue
        found[name] = shown
        if shown.id != name:
            record_renaming(services.engine, name, shown.id)
            log.warning("%s is now %s", name, shown.id)
    return found


def _record(services: Services, name: str, verdict: Verdict, today: date) -> None:
    """Store a finding, unless the same is in force; one that was lifted today is in force again."""
    if verdict.reason is None or (name, verdict.reason) in in_force(services):
        return
    found = Withdrawal(name, verdict.reason, today.isoformat(), verdict.detail)
    record_withdrawal(services.engine, found)
    log.warning("%s is withdrawn: %s, %s", name, verdict.reason, verdict.detail)


def _report(
    today: date,
    sources: Collection[str],
    before: Collection[tuple[str, str]],
    after: dict[tuple[str, str], Withdrawal],
    verdicts: Mapping[str, Verdict],
    facts: Mapping[str, int],
) -> StepReport:
    reason_of = {name: reason for name, reason in reversed(after) if name in sources}
    new = [item for key, item in after.items() if key not in before]
    again = {
        name
        for name, reason in before
        if reason != Reason.WITHDRAWN and name in verdicts and verdicts[name].keep
    }
    return StepReport(
        step=StepName.AUDIT,
        day=today.isoformat(),
        counts=Counts(len(sources), len(sources) - len(reason_of), len(reason_of)),
        reasons=dict(sorted(Counter(map(str, reason_of.values())).items())),
        facts={
            **facts,
            "new": len(new),
            "reachable_again": len(again),
            "found": [[item.dataset_id, str(item.reason), item.detail] for item in new],
            "lift": sorted(again),
        },
    )


def _holdings(services: Services, record: VersionRecord, dataset_id: str) -> list[Holding]:
    with version_file(services.storage, record.path, SOURCES) as file:
        sources = read_sources(file.parent)
    columns = ["revision", "licence", "pool_instances", "selected_instances"]
    rows = sources.filter(pc.field("dataset") == dataset_id).select(columns).to_pylist()
    return [Holding(record.version, record.day, **row) for row in rows]
