"""The commits of datasets, read once a head of their branch and kept in the catalogue."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Row, Text, any_, delete, literal, select, update
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.models import Commit, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.bulk import insert_rows
from dynosaur_etl.store.database import reading, transaction
from dynosaur_etl.store.tables import CommitRow, DatasetRow

_SAVED_TOGETHER = 16


@dataclass(frozen=True)
class ReadCommits:
    """The commits of a dataset's branch at a head, newest first.

    Attributes:
        refused: why there are none; None where the Hub shows them.
    """

    head: str | None
    commits: Sequence[Commit]
    refused: Reason | None = None


class CommitReading:
    """Reads the commits of datasets whose branch has moved since they were read.

    A repository that the Hub refuses to tell about, or whose commits raise what nobody foresaw, has
    no commits but the reason.

    Attributes:
        unread: what the Hub gave no usable answer about, by dataset; they are read the next time.
    """

    def __init__(self, services: Services, rows: Sequence[Row[Any]]) -> None:
        """Take datasets' `id`, `sha` and `commits_of`; nothing is asked yet."""
        self._services = services
        self._stale = [row for row in rows if commits_are_stale(row)]
        self._most_unread = services.settings.most_deferred * len(self._stale)
        self.unread: dict[str, str] = {}

    def run(self) -> Iterator[None]:
        """Read the commits of one dataset a step.

        Raises:
            HubUnavailable: the Hub gives no answer about more of them than the settings allow to
                be deferred; what was read before is kept.
        """
        unsaved: dict[str, ReadCommits] = {}
        with ThreadPoolExecutor(self._services.settings.hub_concurrency) as pool:
            try:
                for row, read in zip(self._stale, pool.map(self._read, self._stale), strict=True):
                    if read is not None:
                        unsaved[row.id] = read
                    if len(unsaved) == _SAVED_TOGETHER:
                        _replace_commits(self._services, unsaved)
                        unsaved = {}
                    self._require_the_hub()
                    yield
            finally:
                _replace_commits(self._services, unsaved)

    @property
    def _is_hopeless(self) -> bool:
        return len(self.unread) > self._most_unread

    def _require_the_hub(self) -> None:
        if self._is_hopeless:
            first, words = next(iter(self.unread.items()))
            number = f"{len(self.unread)} of {len(self._stale)}"
            raise HubUnavailable(f"commits of {number} datasets, the first {first}: {words}")

    def _read(self, row: Row[Any]) -> ReadCommits | None:
        if self._is_hopeless:
            return None  # the Hub is down: do not knock on for every dataset left
        try:
            found = contained(f"commits of {row.id}", lambda: self._services.hub.commits(row.id))
        except HubRefused as refusal:
            return ReadCommits(row.sha, (), refusal.reason)
        except HubUnavailable as error:
            self.unread[row.id] = str(error)
            return None
        if isinstance(found, Verdict):
            return ReadCommits(row.sha, (), found.reason)
        return ReadCommits(row.sha, found)


def commits_are_stale(row: Row[Any]) -> bool:
    """Return whether the branch has moved since its commits were read."""
    return row.commits_of is None or row.commits_of != row.sha


def known_commits(services: Services, dataset_id: str) -> list[Commit]:
    """Return a dataset's commits, newest first; they are asked for where its branch has moved.

    Raises:
        HubUnavailable: the Hub gives no answer.
    """
    needed: list[Any] = [DatasetRow.id, DatasetRow.sha, DatasetRow.commits_of]
    with reading(services.engine) as session:
        row = session.execute(select(*needed).where(DatasetRow.id == dataset_id)).one()
    for _ in CommitReading(services, [row]).run():
        pass
    with reading(services.engine) as session:
        return stored_commits(session, [dataset_id]).get(dataset_id, [])


def stored_commits(session: Session, dataset_ids: Sequence[str]) -> dict[str, list[Commit]]:
    """Return datasets' commits as they were read, newest first; none of what has no commit."""
    found: dict[str, list[Commit]] = {}
    columns: list[Any] = [CommitRow.dataset_id, CommitRow.sha, CommitRow.date, CommitRow.title]
    ids = literal(list(dataset_ids), ARRAY(Text))
    query = select(*columns).where(CommitRow.dataset_id == any_(ids)).order_by(CommitRow.position)
    for row in session.execute(query):
        found.setdefault(row.dataset_id, []).append(Commit(row.sha, row.date, row.title))
    return found


def _replace_commits(services: Services, read: Mapping[str, ReadCommits]) -> None:
    """Put the commits of datasets in the place of the earlier ones."""
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
    with transaction(services.engine) as session:
        session.execute(delete(CommitRow).where(CommitRow.dataset_id.in_(read)))
        insert_rows(session, CommitRow, rows)
        session.execute(update(DatasetRow), heads)
