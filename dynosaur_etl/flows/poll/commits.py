"""The commits of datasets, read once a head of their branch and kept in the catalogue."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.models import Commit, Verdict
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.commits import (
    BranchHead,
    ReadCommits,
    branch_head,
    commits_of,
    replace_commits,
)

_SAVED_TOGETHER = 16


class CommitReading:
    """Reads the commits of datasets whose branch has moved since they were read.

    A repository that the Hub refuses to tell about, or whose commits raise what nobody foresaw, has
    no commits but the reason.

    Attributes:
        unread: what the Hub gave no usable answer about, by dataset; they are read the next time.
    """

    def __init__(self, services: Services, heads: Sequence[BranchHead]) -> None:
        """Take the branches of datasets; nothing is asked yet."""
        self._services = services
        self._stale = [head for head in heads if head.is_stale]
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
                for head, read in zip(self._stale, pool.map(self._read, self._stale), strict=True):
                    if read is not None:
                        unsaved[head.dataset_id] = read
                    if len(unsaved) == _SAVED_TOGETHER:
                        replace_commits(self._services.engine, unsaved)
                        unsaved = {}
                    self._require_the_hub()
                    yield
            finally:
                replace_commits(self._services.engine, unsaved)

    @property
    def _is_hopeless(self) -> bool:
        return len(self.unread) > self._most_unread

    def _require_the_hub(self) -> None:
        if self._is_hopeless:
            first, words = next(iter(self.unread.items()))
            number = f"{len(self.unread)} of {len(self._stale)}"
            raise HubUnavailable(f"commits of {number} datasets, the first {first}: {words}")

    def _read(self, head: BranchHead) -> ReadCommits | None:
        name = head.dataset_id
        if self._is_hopeless:
            return None  # the Hub is down: do not knock on for every dataset left
        try:
            found = contained(f"commits of {name}", lambda: self._services.hub.commits(name))
        except HubRefused as refusal:
            return ReadCommits(head.sha, (), refusal.reason)
        except HubUnavailable as error:
            self.unread[name] = str(error)
            return None
        if isinstance(found, Verdict):
            return ReadCommits(head.sha, (), found.reason)
        return ReadCommits(head.sha, found)


def known_commits(services: Services, dataset_id: str) -> list[Commit]:
    """Return a dataset's commits, newest first; they are asked for where its branch has moved.

    Raises:
        HubUnavailable: the Hub gives no answer.
    """
    for _ in CommitReading(services, [branch_head(services.engine, dataset_id)]).run():
        pass
    return commits_of(services.engine, [dataset_id]).get(dataset_id, [])
