"""Writing the catalogue: pages of the Hub's list, each with how far the listing has come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dynosaur_etl.domain.models import Listing
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.store.bulk import put_rows
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.facts.hub_datasets import WATERMARK
from dynosaur_etl.store.steps import load_checkpoints
from dynosaur_etl.store.tables import CatalogueRow, CheckpointRow, DatasetRow, RejectionRow

_DAY, _STEP = "catalogue", "list"


@dataclass(frozen=True)
class Crawl:
    """A listing on its way; it moves the watermark to its start once it is complete.

    Attributes:
        started: ISO 8601.
        since: down to which moment it goes, ISO 8601; None: to the Hub's last dataset.
        cursor: the page to go on with; None: the first.
    """

    started: str
    since: str | None
    cursor: str | None = None
    seen: int = 0
    unreadable: int = 0


def unfinished_crawl(engine: Engine, endpoint: str) -> Crawl | None:
    """Return the listing of a Hub that was cut short; None where there is none."""
    stored = load_checkpoints(engine, _DAY, _STEP, endpoint)
    return Crawl(**stored[WATERMARK]) if stored else None


def keep_page(
    engine: Engine,
    endpoint: str,
    listings: Sequence[Listing],
    unreadable: Mapping[str, str],
    crawl: Crawl,
) -> None:
    """Commit a page of the list, with the place where the next begins.

    Args:
        engine: of the product's database.
        endpoint: of the Hub.
        listings: the page's datasets.
        unreadable: the page's entries that cannot be read, each with the words on why; they become
            rejects of the UTC day on which the listing began.
        crawl: as it stands behind the page; without a cursor it is complete.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    with transaction(engine) as session:
        _upsert(session, listings)
        put_rows(session, RejectionRow, list(_rejections(unreadable, crawl.started[:10])))
        if crawl.cursor is not None:
            session.merge(
                CheckpointRow(
                    day=_DAY, step=_STEP, item=WATERMARK, fingerprint=endpoint, result=asdict(crawl)
                )
            )
            return
        started = datetime.fromisoformat(crawl.started)
        session.merge(CatalogueRow(name=WATERMARK, seen_at=started))
        _drop_checkpoint(session)


def forget_crawl(engine: Engine) -> None:
    """Let the next listing begin anew."""
    with transaction(engine) as session:
        _drop_checkpoint(session)


def add_listings(engine: Engine, listings: Sequence[Listing]) -> int:
    """Insert the datasets that the catalogue does not know, and return how many those are."""
    if not listings:
        return 0
    statement = insert(DatasetRow).on_conflict_do_nothing().returning(DatasetRow.id)
    rows = [clean_json(_row(listing)) for listing in listings]
    with transaction(engine) as session:
        return len(session.scalars(statement, rows).all())


def _drop_checkpoint(session: Session) -> None:
    session.execute(
        delete(CheckpointRow).where(CheckpointRow.day == _DAY, CheckpointRow.step == _STEP)
    )


def _rejections(unreadable: Mapping[str, str], day: str) -> Iterator[dict[str, Any]]:
    for name, words in unreadable.items():
        yield {
            "day": day,
            "stage": str(Stage.CANDIDATES),
            "subject": name,
            "reason": str(Reason.UNFORESEEN_ERROR),
            "number": 1,
            "detail": words,
        }


def _upsert(session: Session, listings: Sequence[Listing]) -> None:
    seen = {"last_seen_at": datetime.now(UTC)}
    rows = [clean_json(_row(listing)) | seen for listing in listings]
    if not rows:
        return
    statement = insert(DatasetRow)
    changed = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed), rows)


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
