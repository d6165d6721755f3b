"""Following the Hub: the catalogue of all datasets seen, and their commits."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, Listing, StepName, StepReport, Told
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.hub.listing import ListingPage
from dynosaur_etl.hub.statistics import read_statistics
from dynosaur_etl.store.bulk import put_rows
from dynosaur_etl.store.database import locked, transaction
from dynosaur_etl.store.facts.hub_datasets import (
    SKEW,
    WATERMARK,
    followed_until,
    newest_change,
)
from dynosaur_etl.store.steps import load_checkpoints
from dynosaur_etl.store.tables import (
    CatalogueRow,
    CheckpointRow,
    DatasetRow,
    RejectionRow,
)

_CHECKPOINT = ("catalogue", "list")
_SAVED_TOGETHER = 16
LISTED = (
    DatasetRow.id,
    DatasetRow.created_at,
    DatasetRow.last_modified,
    DatasetRow.sha,
    DatasetRow.gated,
    DatasetRow.private,
    DatasetRow.disabled,
    DatasetRow.downloads,
    DatasetRow.likes,
    DatasetRow.licences,
    DatasetRow.languages,
    DatasetRow.licence_name,
)

log = logging.getLogger(__name__)


def sync_now(services: Services, progress: Progress = silent) -> StepReport:
    """Bring the catalogue up to this moment; the first time, that lists the whole Hub.

    Raises:
        HubUnavailable: a page could not be had; the next run goes on there.
    """
    now = datetime.now(UTC)
    listed = follow_until(services, now, progress)
    facts = {"catalogue": _known(services), "requests": services.hub.requests["list"]}
    return listed.report(now.date().isoformat(), facts)


@dataclass(frozen=True)
class Listed:
    """How many datasets were listed, and how many entries of the list could not be read."""

    seen: int = 0
    unreadable: int = 0

    def report(self, day: str, facts: Mapping[str, Any] | None = None) -> StepReport:
        """Return the report of a sync that listed them."""
        counts = Counts(self.seen + self.unreadable, self.seen, self.unreadable)
        if not self.unreadable:
            return StepReport(StepName.SYNC, day, counts, facts=dict(facts or {}))
        alarm = f"{self.unreadable} entries of the Hub's list cannot be read; see the rejects"
        reasons = {str(Reason.UNFORESEEN_ERROR): self.unreadable}
        return StepReport(StepName.SYNC, day, counts, reasons, {**(facts or {}), "alarm": alarm})


def follow_until(services: Services, moment: datetime, progress: Progress) -> Listed:
    """List what the Hub has modified, until the last complete listing began at a moment or later.

    A listing that was cut short goes on behind its last page; what has moved in the meantime is
    in the listing after it. Where the catalogue is as late as that already, nothing is asked.

    Args:
        services: the process's services.
        moment: not in the future.
        progress: told how many datasets are listed, and of how many where that is known.

    Raises:
        HubUnavailable: a page could not be had; the next run goes on there.
    """
    listed = Listed()
    moment = min(moment, datetime.now(UTC))
    if _reaches(services, moment):
        return listed
    with locked(services.engine, "catalogue"):
        while not _reaches(services, moment):
            more = _list_through(services, _unfinished(services), progress)
            listed = Listed(listed.seen + more.seen, listed.unreadable + more.unreadable)
    return listed


def _reaches(services: Services, moment: datetime) -> bool:
    """Tell whether the last complete listing began at a moment or later.

    One that is said to begin in the future was made while a clock was ahead, and tells nothing.
    """
    records = services.records
    if records.followed is None or not moment <= records.followed <= _latest():
        records.followed = followed_until(services.engine)
    return records.followed is not None and moment <= records.followed <= _latest()


@dataclass(frozen=True)
class _Crawl:
    """A listing on its way; it moves the watermark to its start once it is complete.

    Attributes:
        since: down to which moment it goes, ISO 8601; None: to the Hub's last dataset.
        cursor: the page to go on with; None: the first.
    """

    started: str
    since: str | None
    cursor: str | None = None
    seen: int = 0
    unreadable: int = 0


def _unfinished(services: Services) -> _Crawl:
    """Give the listing that was cut short, or a new one."""
    stored = load_checkpoints(services.engine, *_CHECKPOINT, services.settings.hf_endpoint)
    crawl = _Crawl(**stored[WATERMARK]) if stored else None
    if crawl is not None and datetime.fromisoformat(crawl.started) <= _latest():
        return crawl
    since = _since(services)
    return _Crawl(datetime.now(UTC).isoformat(), None if since is None else since.isoformat())


def _since(services: Services) -> datetime | None:
    """Give the moment down to which a new listing goes; None: to the Hub's last dataset.

    The watermark is of this machine's clock. Where that was ahead, what the Hub changed after the
    newest change that its list has shown may be unknown.
    """
    watermark = followed_until(services.engine)
    if watermark is not None and watermark > _latest():
        watermark = newest_change(services.engine)
    return None if watermark is None else watermark - SKEW


def _latest() -> datetime:
    return datetime.now(UTC) + SKEW


def _list_through(services: Services, crawl: _Crawl, progress: Progress) -> Listed:
    """Bring a listing to its end, each page committed with the place where the next begins."""
    expected = _known(services) if crawl.since is None else 0
    since = None if crawl.since is None else datetime.fromisoformat(crawl.since)
    resumed = crawl
    try:
        for page in services.hub.list_pages(since, resumed.cursor):
            crawl = replace(
                crawl,
                cursor=page.cursor,
                seen=crawl.seen + len(page.listings),
                unreadable=crawl.unreadable + len(page.unreadable),
            )
            _keep_page(services, page, crawl)
            progress(crawl.seen, max(expected, crawl.seen) if expected else None)
    except HubRefused:
        if crawl is not resumed or resumed.cursor is None:
            raise
        log.warning("the Hub no longer knows page %s; the listing begins anew", crawl.cursor)
        _forget(services)
    return Listed(crawl.seen - resumed.seen, crawl.unreadable - resumed.unreadable)


def _keep_page(services: Services, page: ListingPage, crawl: _Crawl) -> None:
    endpoint = services.settings.hf_endpoint
    with transaction(services.engine) as session:
        _upsert(session, page.listings)
        put_rows(session, RejectionRow, list(_unreadable(page, crawl.started[:10])))
        if page.cursor is not None:
            day, step = _CHECKPOINT
            session.merge(
                CheckpointRow(
                    day=day, step=step, item=WATERMARK, fingerprint=endpoint, result=asdict(crawl)
                )
            )
            return
        started = datetime.fromisoformat(crawl.started)
        session.merge(CatalogueRow(name=WATERMARK, seen_at=started))
        _drop_checkpoint(session)


def _unreadable(page: ListingPage, day: str) -> Iterator[dict[str, Any]]:
    """Yield the rejects of a page, as those of the UTC day on which the listing began."""
    for name, words in page.unreadable.items():
        log.warning("the list of datasets: %s: %s", name, words)
        yield {
            "day": day,
            "stage": str(Stage.CANDIDATES),
            "subject": name,
            "reason": str(Reason.UNFORESEEN_ERROR),
            "number": 1,
            "detail": words,
        }


def _forget(services: Services) -> None:
    with transaction(services.engine) as session:
        _drop_checkpoint(session)


def _drop_checkpoint(session: Session) -> None:
    day, step = _CHECKPOINT
    session.execute(
        delete(CheckpointRow).where(CheckpointRow.day == day, CheckpointRow.step == step)
    )


def _known(services: Services) -> int:
    with transaction(services.engine) as session:
        return session.scalar(select(func.count()).select_from(DatasetRow)) or 0


def import_statistics(
    path: Path, day: GrowthDay, services: Services, progress: Progress = silent
) -> StepReport:
    """Add the datasets of a file of Hub statistics that the catalogue does not know.

    What the catalogue knows stays as it is: the Hub's own list is younger than the file. The
    report counts what was added as kept and the rest as rejected; its facts tell what of that was
    known, and what no day can use: rows without a full id or a commit.

    Args:
        path: of the Parquet file, see `dynosaur_etl.hub.statistics`.
        day: on which the file was made.
        services: the process's services.
        progress: told how many rows are read.

    Raises:
        InvalidInput: the file cannot be read, or holds something of a later day; the rows before
            that are added.
    """
    rows = added = unusable = 0
    with locked(services.engine, "catalogue"):
        for batch in read_statistics(path, day.end):
            usable = [listing for listing in batch if listing is not None]
            with transaction(services.engine) as session:
                added += _add(session, usable)
            rows += len(batch)
            unusable += len(batch) - len(usable)
            progress(rows, None)
    counts = Counts(taken=rows, kept=added, rejected=rows - added)
    facts = {"added": added, "known": rows - added - unusable, "unusable": unusable}
    return StepReport(StepName.IMPORT, str(day), counts, facts=facts)


def stored_listing(row: Row[Any]) -> Listing:
    """Give a dataset as the Hub's list showed it last, but for its tags.

    Args:
        row: of a query that selects the columns `LISTED`.
    """
    told = None
    if row.licences is not None:
        told = Told(tuple(row.licences), tuple(row.languages or ()), row.licence_name or "")
    return Listing(
        id=row.id,
        created_at=row.created_at.astimezone(UTC),
        last_modified=row.last_modified.astimezone(UTC),
        sha=row.sha,
        gated=row.gated,
        private=row.private,
        disabled=row.disabled,
        downloads=row.downloads,
        likes=row.likes,
        told=told,
    )


def _upsert(session: Session, listings: Iterable[Listing]) -> None:
    seen = {"last_seen_at": datetime.now(UTC)}
    rows = [clean_json(_row(listing)) | seen for listing in listings]
    if not rows:
        return
    statement = insert(DatasetRow)
    told = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=told), rows)


def _add(session: Session, listings: Sequence[Listing]) -> int:
    """Insert what is not there; give how many that were."""
    if not listings:
        return 0
    statement = insert(DatasetRow).on_conflict_do_nothing().returning(DatasetRow.id)
    rows = [clean_json(_row(listing)) for listing in listings]
    return len(session.scalars(statement, rows).all())


def _row(listing: Listing) -> dict[str, Any]:
    told = listing.told
    return {
        "id": listing.id,
        "owner": listing.owner,
        "created_at": listing.created_at,
        "last_modified": listing.last_modified,
        "sha": listing.sha,
        "tags": list(listing.tags),
        "gated": listing.gated,
        "private": listing.private,
        "disabled": listing.disabled,
        "downloads": listing.downloads,
        "likes": listing.likes,
        "licences": None if told is None else list(told.licences),
        "languages": None if told is None else list(told.languages),
        "licence_name": None if told is None else told.licence_name,
    }
