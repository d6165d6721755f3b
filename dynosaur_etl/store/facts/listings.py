"""Datasets as the Hub's list showed them last, and the candidates of days among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ARRAY, Engine, Row, Text, any_, literal, select
from sqlalchemy.orm import aliased

from dynosaur_etl.domain.models import Listing, Told
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import CandidateRow, DatasetRow, DeferredRow

_LISTED = (
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
_PINNED = (
    CandidateRow.day,
    CandidateRow.dataset_id,
    CandidateRow.revision,
    CandidateRow.committed_at,
    CandidateRow.change,
    CandidateRow.deferred_from,
)


@dataclass(frozen=True)
class ListedCandidate:
    """A candidate of a growth day, and its dataset as the Hub's list showed it last.

    Attributes:
        revision: None where no commit is old enough.
        deferred_from: the earlier day whose caps kept it out, or that left it out as the mirror of
            a dataset that has left since; None: found on this day.
        commits_refused: reason for which the Hub shows no commits; None: it shows them.
    """

    day: str
    dataset_id: str
    revision: str | None
    committed_at: datetime | None
    change: str
    deferred_from: str | None
    commits_refused: str | None
    listing: Listing


@dataclass(frozen=True)
class DeferredCandidate:
    """A candidate of an earlier day that a cap kept out, or a mirror, for a later day to take."""

    day: str
    dataset_id: str
    revision: str | None
    committed_at: datetime | None
    change: str


def listings_of(engine: Engine, dataset_ids: Sequence[str]) -> list[Listing]:
    """Read datasets as the Hub's list showed them last, but for their tags."""
    ids = literal(list(dataset_ids), ARRAY(Text))
    with reading(engine) as session:
        rows = session.execute(select(*_LISTED).where(DatasetRow.id == any_(ids)))
        return [_listing(row) for row in rows]


def candidates_of_day(engine: Engine, day: str) -> list[ListedCandidate]:
    """Read the candidates of a day, by dataset."""
    columns: list[Any] = [*_PINNED, DatasetRow.commits_refused, *_LISTED]
    query = (
        select(*columns)
        .join(DatasetRow, DatasetRow.id == CandidateRow.dataset_id)
        .where(CandidateRow.day == day)
        .order_by(CandidateRow.dataset_id)
    )
    with reading(engine) as session:
        return [
            ListedCandidate(
                day=row.day,
                dataset_id=row.dataset_id,
                revision=row.revision,
                committed_at=row.committed_at,
                change=row.change,
                deferred_from=row.deferred_from,
                commits_refused=row.commits_refused,
                listing=_listing(row),
            )
            for row in session.execute(query)
        ]


def waiting_candidates(engine: Engine, day: str) -> list[DeferredCandidate]:
    """Read what earlier days deferred and no other day has taken up or outdated since."""
    later, newer = aliased(CandidateRow), aliased(DeferredRow)
    taken_up = select(later).where(
        later.dataset_id == DeferredRow.dataset_id,
        later.day > DeferredRow.day,
        later.day != day,
    )
    outdated = select(newer).where(
        newer.dataset_id == DeferredRow.dataset_id,
        newer.day > DeferredRow.day,
        newer.day < day,
    )
    query = (
        select(
            DeferredRow.day,
            DeferredRow.dataset_id,
            DeferredRow.revision,
            DeferredRow.committed_at,
            DeferredRow.change,
        )
        .where(DeferredRow.day < day, ~taken_up.exists(), ~outdated.exists())
        .order_by(DeferredRow.dataset_id)
    )
    with reading(engine) as session:
        return [DeferredCandidate(*row) for row in session.execute(query)]


def _listing(row: Row[Any]) -> Listing:
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
