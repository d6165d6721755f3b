"""Following the Hub: the catalogue of all datasets seen, and their commits."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.hub.listing import ListingPage
from dynosaur_etl.hub.statistics import read_statistics
from dynosaur_etl.store.catalogue import (
    Crawl,
    add_listings,
    forget_crawl,
    keep_page,
    unfinished_crawl,
)
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts.hub_datasets import (
    SKEW,
    count_catalogue,
    followed_until,
    newest_change,
)

log = logging.getLogger(__name__)


def sync_now(services: Services, progress: Progress = silent) -> StepReport:
    """Bring the catalogue up to this moment; the first time, that lists the whole Hub.

    Raises:
        HubUnavailable: a page could not be had; the next run goes on there.
    """
    now = datetime.now(UTC)
    listed = follow_until(services, now, progress)
    facts = {
        "catalogue": count_catalogue(services.engine),
        "requests": services.hub.requests["list"],
    }
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


def _unfinished(services: Services) -> Crawl:
    """Return the listing that was cut short, or a new one."""
    crawl = unfinished_crawl(services.engine, services.settings.hf_endpoint)
    if crawl is not None and datetime.fromisoformat(crawl.started) <= _latest():
        return crawl
    since = _since(services)
    return Crawl(datetime.now(UTC).isoformat(), None if since is None else since.isoformat())


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


def _list_through(services: Services, crawl: Crawl, progress: Progress) -> Listed:
    """Bring a listing to its end, each page committed with the place where the next begins."""
    expected = count_catalogue(services.engine) if crawl.since is None else 0
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
        forget_crawl(services.engine)
    return Listed(crawl.seen - resumed.seen, crawl.unreadable - resumed.unreadable)


def _keep_page(services: Services, page: ListingPage, crawl: Crawl) -> None:
    for name, words in page.unreadable.items():
        log.warning("the list of datasets: %s: %s", name, words)
    endpoint = services.settings.hf_endpoint
    keep_page(services.engine, endpoint, page.listings, page.unreadable, crawl)


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
            added += add_listings(services.engine, usable)
            rows += len(batch)
            unusable += len(batch) - len(usable)
            progress(rows, None)
    counts = Counts(taken=rows, kept=added, rejected=rows - added)
    facts = {"added": added, "known": rows - added - unusable, "unusable": unusable}
    return StepReport(StepName.IMPORT, str(day), counts, facts=facts)
