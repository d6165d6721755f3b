"""Heads of datasets' main branches, and their commits, kept as they were read at a head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Engine, Text, any_, delete, literal, or_, select, update

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Commit
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.store.bulk import insert_rows
from dynosaur_etl.store.database import reading, transaction
from dynosaur_etl.store.tables import CommitRow, DatasetRow


@dataclass(frozen=True)
class BranchHead:
    """A dataset's main branch, as the Hub's list showed it last.

    Attributes:
        commits_of: head of the branch when its commits were read; None where they were not.
    """

    dataset_id: str
    created_at: datetime
    last_modified: datetime
    sha: str | None
    commits_of: str | None

    @property
    def is_stale(self) -> bool:
        """Whether the branch has moved since its commits were read."""
        return self.commits_of is None or self.commits_of != self.sha


@dataclass(frozen=True)
class ReadCommits:
    """The commits of a dataset's branch at a head, newest first.

    Attributes:
        refused: why there are none; None where the Hub shows them.
    """

    head: str | None
    commits: Sequence[Commit]
    refused: Reason | None = None


_HEAD = (
    DatasetRow.id, DatasetRow.created_at, DatasetRow.last_modified, DatasetRow.sha,
    DatasetRow.commits_of,
)  # fmt: skip


def branch_head(engine: Engine, dataset_id: str) -> BranchHead:
    """Read the branch of a dataset that the catalogue knows."""
    with reading(engine) as session:
        return BranchHead(*session.execute(select(*_HEAD).where(DatasetRow.id == dataset_id)).one())


def heads_touched(engine: Engine, day: GrowthDay, floor: datetime) -> list[BranchHead]:
    """List the branches that may have changed on a day, by dataset.

    They were there by the day's end, and were modified since its start. A new repository may hold
    a history that is older than itself.

    Args:
        engine: of the product's database.
        day: the growth day.
        floor: creation at or before this moment says nothing of the true one.
    """
    query = select(*_HEAD).where(
        or_(DatasetRow.last_modified >= day.start, DatasetRow.created_at >= day.start),
        or_(DatasetRow.created_at < day.end, DatasetRow.created_at <= floor),
    )
    with reading(engine) as session:
        return [BranchHead(*row) for row in session.execute(query.order_by(DatasetRow.id))]


def datasets_with_commits_on(engine: Engine, day: GrowthDay) -> frozenset[str]:
    """Name the datasets that have a commit dated to the day."""
    dated = select(CommitRow.dataset_id).where(
        CommitRow.date >= day.start, CommitRow.date < day.end
    )
    with reading(engine) as session:
        return frozenset(session.scalars(dated.distinct()))


def commits_of(engine: Engine, dataset_ids: Sequence[str]) -> dict[str, list[Commit]]:
    """Read datasets' commits as they were kept, newest first; only of those that have any."""
    found: dict[str, list[Commit]] = {}
    columns: list[Any] = [CommitRow.dataset_id, CommitRow.sha, CommitRow.date, CommitRow.title]
    ids = literal(list(dataset_ids), ARRAY(Text))
    query = select(*columns).where(CommitRow.dataset_id == any_(ids)).order_by(CommitRow.position)
    with reading(engine) as session:
        for row in session.execute(query):
            found.setdefault(row.dataset_id, []).append(Commit(row.sha, row.date, row.title))
    return found


def replace_commits(engine: Engine, read: Mapping[str, ReadCommits]) -> None:
    """Put the commits of datasets in the place of the earlier ones.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    if not read:
        return
    rows = [
        {
            "dataset_id": dataset_id,
            "sha": commit.sha,
            "date": commit.date,
            "position": position,
            "title": clean_text(commit.title),
        }
        for dataset_id, found in read.items()
        for position, commit in enumerate(found.commits)
    ]
    heads = [
        {"id": dataset_id, "commits_of": found.head, "commits_refused": found.refused}
        for dataset_id, found in read.items()
    ]
    with transaction(engine) as session:
        session.execute(delete(CommitRow).where(CommitRow.dataset_id.in_(read)))
        insert_rows(session, CommitRow, rows)
        session.execute(update(DatasetRow), heads)
