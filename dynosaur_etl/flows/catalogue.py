"""Following the Hub: the catalogue of all datasets seen, and their commits."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Commit, Listing
from dynosaur_etl.flows.services import Progress, Services
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.steps import storable
from dynosaur_etl.store.tables import CatalogueRow, CommitRow, DatasetRow

WATERMARK = "hub"
_LAG = timedelta(hours=1)
_UPSERT_ROWS = 500


def followed_until(services: Services) -> datetime | None:
    """Give the start of the last complete listing; None before the first."""
    with transaction(services.engine) as session:
        row = session.get(CatalogueRow, WATERMARK)
        return None if row is None else row.seen_at


def follow_hub(services: Services, progress: Progress) -> int:
    """List what the Hub has modified since the last listing, and count it.

    The watermark moves only when the listing is complete, so a run that dies is made up for.
    An hour of lag covers entries that moved between pages.
    """
    started = datetime.now(UTC)
    watermark = followed_until(services)
    since = None if watermark is None else watermark - _LAG
    total = 0
    listings = iter(services.hub.list_datasets(modified_since=since))
    while chunk := list(islice(listings, _UPSERT_ROWS)):
        with transaction(services.engine) as session:
            _upsert(session, chunk)
        total += len(chunk)
        progress(total, None)
    with transaction(services.engine) as session:
        session.merge(CatalogueRow(name=WATERMARK, seen_at=started))
    return total


def read_commits(services: Services, rows: Sequence[DatasetRow]) -> Iterator[None]:
    """Read the commits of datasets whose branch has moved since they were read, one a step.

    A repository that the Hub refuses to tell about has no commits.

    Raises:
        HubUnavailable: the Hub gives no answer; what was read before is kept.
    """
    stale = [row for row in rows if row.commits_of is None or row.commits_of != row.sha]

    def read(row: DatasetRow) -> list[Commit]:
        try:
            return services.hub.commits(row.id)
        except HubRefused:
            return []

    with ThreadPoolExecutor(services.settings.hub_concurrency) as pool:
        for row, commits in zip(stale, pool.map(read, stale), strict=True):
            with transaction(services.engine) as session:
                _replace_commits(session, row, commits)
            yield


def stored_commits(session: Session, dataset_id: str) -> list[Commit]:
    """Give a dataset's commits as they were read, newest first."""
    query = select(CommitRow).where(CommitRow.dataset_id == dataset_id).order_by(CommitRow.position)
    return [Commit(row.sha, row.date, row.title) for row in session.scalars(query)]


def _upsert(session: Session, listings: Iterable[Listing]) -> None:
    rows = [storable(_row(listing)) for listing in listings]
    statement = insert(DatasetRow).values(rows)
    told = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=told))


def _row(listing: Listing) -> dict[str, Any]:
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
    }


def _replace_commits(session: Session, row: DatasetRow, commits: Sequence[Commit]) -> None:
    session.execute(delete(CommitRow).where(CommitRow.dataset_id == row.id))
    rows = [
        {
            "dataset_id": row.id,
            "sha": commit.sha,
            "date": commit.date,
            "position": position,
            "title": commit.title,
        }
        for position, commit in enumerate(commits)
    ]
    if rows:
        session.execute(insert(CommitRow), storable(rows))
    session.execute(update(DatasetRow).where(DatasetRow.id == row.id).values(commits_of=row.sha))
