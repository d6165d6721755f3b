"""The audit: which sources of the pool may be used no more, why, and which versions hold them."""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.compute as pc
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import HubRefused, InvalidInput, not_allowed
from dynosaur_etl.domain.models import KEEP, Card, Counts, Listing, StepReport, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.hub.filters import examine_card, examine_listing
from dynosaur_etl.snapshots.layout import SOURCES
from dynosaur_etl.snapshots.sources import read_sources
from dynosaur_etl.store.database import locked, transaction
from dynosaur_etl.store.tables import DatasetRow, SnapshotRow, TaskRow, WithdrawalRow

log = logging.getLogger(__name__)

_LICENCE_TAG = "license:"
_LICENCE_REASONS = frozenset({Reason.LICENCE_MISSING, Reason.LICENCE_NOT_ALLOWED})
_OUT_OF_REACH = frozenset({Reason.GONE, Reason.PRIVATE, Reason.DISABLED})
_PROGRESS_EVERY = 1000


@dataclass(frozen=True)
class Withdrawal:
    """A source that is used no more: since which UTC day, why, and what was found.

    Attributes:
        reason: `withdrawn` where it was done by hand, else what the audit found.
    """

    dataset_id: str
    reason: Reason
    found_on: str
    detail: str


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
    """What a complete listing says of the sources that it holds."""

    listed: int
    verdicts: Mapping[str, Verdict]


def audit_sources(today: date, services: Services, progress: Progress = silent) -> StepReport:
    """Sweep the Hub's listing for sources of the pool that are gone, shut or re-licensed.

    A source that the complete listing lacks is asked for by itself, and is withdrawn only if the
    Hub refuses it. Findings are stored as they are made, and only a person lifts them.

    Returns:
        Sources that were taken, those still to be used as kept, those withdrawn as rejected. The
        facts tell what is `new`, how many sources are `unlisted` but still answer, and which
        withdrawals the Hub no longer bears out (`reachable_again`).

    Raises:
        HubUnavailable: the Hub gives no answer; what was found until then is kept.
    """
    with locked(services.engine, "audit"):
        sources, before = _sources(services), in_force(services)
        sweep = _sweep(services, sources, progress)
        for name, verdict in sweep.verdicts.items():
            _record(services, name, verdict, today)
        unlisted = 0
        for name, verdict in _asked_for(services, _absent(sources, sweep, before)):
            _record(services, name, verdict, today)
            unlisted += verdict.keep
        return _report(today, sources, before, in_force(services), sweep, unlisted)


def withdraw(dataset_id: str, why: str, today: date, services: Services) -> Withdrawal:
    """Withdraw a source by hand; where that was done before, the earlier words stand.

    Raises:
        InvalidInput: the catalogue knows no such dataset, or no reason is given.
    """
    if not why.strip():
        raise InvalidInput(not_allowed("why", why, "a sentence for those who will ask"))
    with Session(services.engine) as session:
        if session.get(DatasetRow, clean_json(dataset_id)) is None:
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
    statement = update(WithdrawalRow).where(
        WithdrawalRow.dataset_id == dataset_id, WithdrawalRow.lifted_on.is_(None)
    )
    with transaction(services.engine) as session:
        session.execute(statement.values(lifted_on=today.isoformat()))
    return lifted


def in_force(services: Services) -> dict[tuple[str, Reason], Withdrawal]:
    """Give the withdrawals in force by dataset and reason, in that order."""
    query = (
        select(WithdrawalRow)
        .where(WithdrawalRow.lifted_on.is_(None))
        .order_by(WithdrawalRow.dataset_id, WithdrawalRow.reason)
    )
    with Session(services.engine) as session:
        found = [
            Withdrawal(row.dataset_id, Reason(row.reason), row.found_on, row.detail)
            for row in session.scalars(query)
        ]
    return {(item.dataset_id, item.reason): item for item in found}


def versions_with(dataset_id: str, services: Services) -> list[Holding]:
    """List the versions that hold a source, oldest first, one entry a revision of it.

    Raises:
        Corrupt: a version's list of sources cannot be read.
        StoreUnavailable: the storage does not answer.
    """
    query = select(SnapshotRow.version, SnapshotRow.day, SnapshotRow.path).order_by(
        SnapshotRow.version
    )
    with Session(services.engine) as session:
        versions = session.execute(query).all()
    return [
        Holding(version, day, **row)
        for version, day, path in versions
        for row in _rows_of(services, path, dataset_id)
    ]


def _sources(services: Services) -> frozenset[str]:
    with Session(services.engine) as session:
        return frozenset(session.scalars(select(TaskRow.dataset_id).distinct()))


def _sweep(services: Services, sources: Collection[str], progress: Progress) -> _Sweep:
    """Read the whole listing; only what it says of the sources is held in memory."""
    verdicts: dict[str, Verdict] = {}
    listed = 0
    for listed, listing in enumerate(services.hub.list_datasets(modified_since=None), start=1):
        if listing.id in sources:
            verdicts[listing.id] = _judge(listing, services.settings.licences)
        if listed % _PROGRESS_EVERY == 0:
            progress(listed, None)
    return _Sweep(listed, verdicts)


def _judge(listing: Listing, licences: Collection[str]) -> Verdict:
    """Judge a source by its line of the listing; where no licence is tagged, none is judged."""
    verdict = examine_listing(listing)
    tagged = [tag.lower() for tag in listing.tags if tag.startswith(_LICENCE_TAG)]
    if not verdict.keep or not tagged:
        return verdict
    verdict = examine_card(_card_of_tags(tagged), licences, ())
    if verdict.reason not in _LICENCE_REASONS:
        return KEEP
    return Verdict(verdict.reason, f"{verdict.detail} at {listing.sha or 'its head'}")


def _card_of_tags(tags: Collection[str]) -> Card:
    """Give the card that says no more than the licences, so that one rule judges both."""
    return Card(
        licences=tuple(tag.removeprefix(_LICENCE_TAG) for tag in tags),
        languages=(),
        tags=(),
        pretty_name="",
        summary="",
        licence_text="",
        configs=(),
        sha256="",
    )


def _absent(
    sources: Collection[str], sweep: _Sweep, before: Collection[tuple[str, Reason]]
) -> list[str]:
    """Name the sources that the listing lacks and that are not known to be out of reach."""
    known = {name for name, reason in before if reason in _OUT_OF_REACH}
    return sorted(set(sources) - sweep.verdicts.keys() - known)


def _asked_for(services: Services, names: Collection[str]) -> Iterator[tuple[str, Verdict]]:
    """Ask the Hub for each by itself: an entry can slip between two pages, or be renamed."""

    def ask(name: str) -> Verdict:
        try:
            services.hub.commits(name)
        except HubRefused as error:
            return Verdict(error.reason, str(error))
        return KEEP

    with ThreadPoolExecutor(services.settings.hub_concurrency) as pool:
        yield from zip(names, pool.map(ask, names), strict=True)


def _record(services: Services, name: str, verdict: Verdict, today: date) -> None:
    """Store a finding, unless the same is in force; one that was lifted today is in force again."""
    if verdict.reason is None or (name, verdict.reason) in in_force(services):
        return
    row = {
        "dataset_id": name,
        "reason": str(verdict.reason),
        "found_on": today.isoformat(),
        "detail": verdict.detail,
        "lifted_on": None,
    }
    statement = insert(WithdrawalRow).values(clean_json(row))
    told = {column: statement.excluded[column] for column in ("detail", "lifted_on")}
    keys = ["dataset_id", "reason", "found_on"]
    with transaction(services.engine) as session:
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_=told))
    log.warning("%s is withdrawn: %s, %s", name, verdict.reason, verdict.detail)


def _report(
    today: date,
    sources: Collection[str],
    before: Collection[tuple[str, Reason]],
    after: dict[tuple[str, Reason], Withdrawal],
    sweep: _Sweep,
    unlisted: int,
) -> StepReport:
    reason_of = {name: reason for name, reason in reversed(after) if name in sources}
    new = [item for key, item in after.items() if key not in before]
    again = {
        name
        for name, reason in before
        if reason is not Reason.WITHDRAWN and name in sweep.verdicts and sweep.verdicts[name].keep
    }
    return StepReport(
        step="audit",
        day=today.isoformat(),
        counts=Counts(len(sources), len(sources) - len(reason_of), len(reason_of)),
        reasons=dict(sorted(Counter(map(str, reason_of.values())).items())),
        facts={
            "listed": sweep.listed,
            "new": len(new),
            "unlisted": unlisted,
            "reachable_again": len(again),
            "found": [[item.dataset_id, str(item.reason), item.detail] for item in new],
            "lift": sorted(again),
        },
    )


def _rows_of(services: Services, path: str, dataset_id: str) -> list[dict[str, Any]]:
    with TemporaryDirectory(prefix="dynosaur-") as folder:
        with services.storage.open(f"{path}/{SOURCES}") as file:
            Path(folder, SOURCES).write_bytes(file.read())
        sources = read_sources(Path(folder))
    columns = ["revision", "licence", "pool_instances", "selected_instances"]
    return list(sources.filter(pc.field("dataset") == dataset_id).select(columns).to_pylist())
