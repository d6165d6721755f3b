"""The door to the Hub: `huggingface_hub`'s client under our terms, its errors as ours."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from threading import BoundedSemaphore
from typing import Any, BinaryIO
from urllib.parse import quote, urljoin

import httpx2
from huggingface_hub import HfApi, get_session, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
)
from huggingface_hub.hf_api import DatasetInfo
from huggingface_hub.hf_api import RepoFile as TreeFile
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    hf_raise_for_status,
)

from dynosaur_etl.domain.errors import (
    DynosaurError,
    HubRefused,
    HubUnavailable,
    InvalidSetting,
    not_allowed,
)
from dynosaur_etl.domain.models import Commit, Listing, Told
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import error_line
from dynosaur_etl.hub.cards import MAX_CARD_BYTES
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.listing import (
    FIRST_PAGE,
    ONE_ENTRY,
    ListingPage,
    listing_of,
    next_page,
    read_entries,
    read_entry,
)
from dynosaur_etl.hub.remote_file import open_ranges
from dynosaur_etl.net.hub_session import HubRequest, RequestCounter, Terms, install, under

MAX_TREE_ENTRIES = 20_000
MAX_ANSWER_BYTES = 1 << 26
CONVERTED = "refs/convert/parquet"

_LIBRARY = "dynosaur-etl"
_CARD = "README.md"


@dataclass(frozen=True)
class ViewerAnswer:
    """What the dataset viewer says: the commit that it describes, and JSON; both None in a no."""

    revision: str | None
    content: Any


@dataclass(frozen=True)
class Conversion:
    """The commit at the head of the main branch, and that of the branch of converted Parquet."""

    main: str | None
    converted: str | None


class HubClient:
    """Reads a Hub; may be used by many threads at once.

    Every method raises `HubUnavailable` where no usable answer came in the attempts allowed, and
    `HubRefused`, with a reason, where the Hub says no.

    Attributes:
        requests: how many were sent, by kind: list, info, commits, refs, tree, resolve, viewer,
            stream; those sent again are counted there and under `retries`.
        endpoint: the Hub's address.
        token: sent to the Hub; False: none.
        viewer_url: the dataset viewer's address.
        timeout: seconds to connect, and between two pieces of an answer.
        permits: of requests that may be on their way at the same time.
    """

    def __init__(
        self, endpoint: str, token: str | None, viewer_url: str, timeout: float, concurrency: int
    ) -> None:
        """Make a client; nothing is sent.

        Args:
            endpoint: the Hub's address.
            token: sent with every request to it; none is looked for elsewhere.
            viewer_url: the dataset viewer's address.
            timeout: seconds to connect, and between two pieces of an answer.
            concurrency: most requests on their way at the same time.
        """
        install()
        self.viewer_url = viewer_url
        self.endpoint = endpoint.rstrip("/")
        self.token = token or False
        self.timeout = timeout
        self.permits = BoundedSemaphore(concurrency)
        self._counter = RequestCounter()
        self._api = HfApi(endpoint=self.endpoint, token=self.token, library_name=_LIBRARY)

    @property
    def requests(self) -> Counter[str]:
        return self._counter.requests

    def count(self, requests: Mapping[str, int]) -> None:
        """Count requests that another process sent for this one."""
        self._counter.add_all(requests)

    def list_datasets(self, modified_since: datetime | None) -> Iterator[Listing]:
        """List datasets, last modified first, down to a moment; each id once, with its owner.

        The pages are asked for as the listing is read.

        Raises:
            HubUnavailable: an entry cannot be read; what is missing would be taken for deleted.
        """
        seen: set[str] = set()
        for page in self.list_pages(modified_since):
            for name, words in page.unreadable.items():
                raise HubUnavailable(f"the list of datasets: {name}: {words}")
            for listing in page.listings:
                if listing.id not in seen:
                    seen.add(listing.id)
                    yield listing

    def list_pages(
        self, modified_since: datetime | None, cursor: str | None = None
    ) -> Iterator[ListingPage]:
        """List datasets as `list_datasets` does, page by page; a later page may repeat an id.

        Args:
            modified_since: where the listing ends; None: with the Hub's last page.
            cursor: of an earlier page, to go on behind it, in this process or in another.
        """
        page: str | None = cursor or FIRST_PAGE
        while page is not None:
            with self._asking(HubRequest.LIST, "the list of datasets"):
                answer = self._get(urljoin(f"{self.endpoint}/api/datasets", page))
                entries, following = read_entries(answer), next_page(answer)
            recent = [pair for pair in entries.read if not _is_before(pair[0], modified_since)]
            if len(recent) < len(entries.read):
                following = None
            if following == page:
                raise HubUnavailable("the list of datasets: a page's next link leads back to it")
            page = following
            listings = (self._listing(*pair) for pair in recent)
            known = tuple(item for item in listings if item is not None)
            yield ListingPage(known, page, entries.unreadable)

    def listing(self, dataset_id: str) -> Listing:
        """Give what the Hub shows of a dataset today, under the id that it has now."""
        with self._asking(HubRequest.INFO, dataset_id):
            url = f"{self.endpoint}/api/datasets/{quote(dataset_id)}{ONE_ENTRY}"
            entry, told = read_entry(self._get(url))
        full_id = entry.id if "/" in entry.id else self._full_id(entry.id)
        return listing_of(entry, told, full_id)

    def commits(self, dataset_id: str) -> list[Commit]:
        """Give the commits of the main branch, newest first."""
        with self._asking(HubRequest.COMMITS, dataset_id):
            commits = self._api.list_repo_commits(dataset_id, repo_type="dataset")
        return [Commit(item.commit_id, item.created_at, item.title) for item in commits]

    def converted(self, dataset_id: str) -> Conversion:
        """Give the heads of the main branch and of the branch of converted Parquet, in one look."""
        with self._asking(HubRequest.REFS, dataset_id):
            refs = self._api.list_repo_refs(dataset_id, repo_type="dataset")
            branches = {branch.ref: branch.target_commit for branch in refs.branches}
            converts = {branch.ref: branch.target_commit for branch in refs.converts}
        return Conversion(branches.get("refs/heads/main"), converts.get(CONVERTED))

    def card_bytes(self, dataset_id: str, sha: str) -> bytes | None:
        """Give the card at a revision, None where it has none; one byte over the bound at most."""
        most = MAX_CARD_BYTES + 1
        try:
            with self._asking(HubRequest.RESOLVE, f"{dataset_id}@{sha[:12]}/{_CARD}", most):
                return self._resolve(dataset_id, sha, _CARD).content
        except _NoEntry:
            return None

    def files(self, dataset_id: str, sha: str) -> list[RepoFile]:
        """List the files of a revision.

        Raises:
            HubRefused: TOO_MANY_FILES; there are more than 20,000 files and folders.
        """
        found = self._tree(dataset_id, sha, expand=False)
        return [RepoFile(item.path, item.size, item.blob_id) for item in found]

    def last_commits(self, dataset_id: str, sha: str) -> dict[str, str]:
        """Give the newest commit that touched each file of a revision, as far as the Hub tells.

        Raises:
            HubRefused: TOO_MANY_FILES; there are more than 20,000 files and folders.
        """
        found = self._tree(dataset_id, sha, expand=True)
        return {item.path: item.last_commit.oid for item in found if item.last_commit}

    def open(self, dataset_id: str, sha: str, path: str, size: int | None = None) -> BinaryIO:
        """Open a file of a revision for reading by ranges.

        Args:
            dataset_id: the dataset.
            sha: the revision.
            path: of the file in the repository.
            size: in bytes, as `files` tells it; asked for where it is not given.
        """
        read_range = partial(self._read_range, dataset_id, sha, path)
        if size is None:
            size = self._size(dataset_id, sha, path)
        return open_ranges(read_range, size)

    def view(self, endpoint: str, dataset_id: str, **asked: str) -> ViewerAnswer:
        """Ask the dataset viewer; it gets no token, as nothing gated or private is read.

        Raises:
            HubRefused: ROWS_UNREADABLE; the answer is larger than 64 MiB.
        """
        url = f"{self.viewer_url}/{endpoint}"
        headers = build_hf_headers(token=False, library_name=_LIBRARY)
        with self._asking(HubRequest.VIEWER, f"{dataset_id}/{endpoint} of the viewer"):
            answer = get_session().get(
                url, params={"dataset": dataset_id, **asked}, headers=headers
            )
            if not answer.is_success:
                return ViewerAnswer(None, None)
            if len(answer.content) >= MAX_ANSWER_BYTES:
                found = f"{dataset_id}/{endpoint} of the viewer: over {MAX_ANSWER_BYTES} bytes"
                raise HubRefused(found, Reason.ROWS_UNREADABLE)
            return ViewerAnswer(answer.headers.get("x-revision"), answer.json())

    def _listing(self, entry: DatasetInfo, told: Told | None) -> Listing | None:
        """Word an entry; None where it has gone by the time that its owner is asked for."""
        try:
            full_id = entry.id if "/" in entry.id else self._full_id(entry.id)
        except HubRefused:
            return None
        return listing_of(entry, told, full_id)

    def _tree(self, dataset_id: str, sha: str, expand: bool) -> list[TreeFile]:
        with self._asking(HubRequest.TREE, f"{dataset_id}@{sha[:12]}"):
            tree = self._api.list_repo_tree(
                dataset_id, recursive=True, expand=expand, revision=sha, repo_type="dataset"
            )
            entries = list(islice(tree, MAX_TREE_ENTRIES + 1))
        if len(entries) > MAX_TREE_ENTRIES:
            found = f"{dataset_id}: received over {MAX_TREE_ENTRIES} files and folders"
            raise HubRefused(f"{found}; allowed: {MAX_TREE_ENTRIES}", Reason.TOO_MANY_FILES)
        return [item for item in entries if isinstance(item, TreeFile)]

    def _full_id(self, bare_id: str) -> str:
        """Ask for a dataset's id with its owner: the file clients refuse ids without one."""
        with self._asking(HubRequest.INFO, bare_id):
            return self._api.dataset_info(bare_id, expand=["sha"]).id

    def _size(self, dataset_id: str, sha: str, path: str) -> int:
        with self._asking(HubRequest.INFO, f"{dataset_id}@{sha[:12]}/{path}"):
            found = self._api.get_paths_info(dataset_id, [path], revision=sha, repo_type="dataset")
        sizes = [item.size for item in found if isinstance(item, TreeFile)]
        if not sizes:
            raise HubRefused(f"{dataset_id}@{sha[:12]}/{path}: there is no such file", Reason.GONE)
        return sizes[0]

    def _read_range(self, dataset_id: str, sha: str, path: str, start: int, stop: int) -> bytes:
        subject = f"{dataset_id}@{sha[:12]}/{path}"
        with self._asking(HubRequest.RESOLVE, subject, most_bytes=stop - start):
            answer = self._resolve(dataset_id, sha, path, range=f"bytes={start}-{stop - 1}")
        if answer.status_code != httpx2.codes.PARTIAL_CONTENT and start > 0:
            raise HubUnavailable(f"{subject}: the answer is not the range asked for")
        return answer.content

    def _resolve(self, dataset_id: str, sha: str, path: str, **headers: str) -> httpx2.Response:
        """Get a file, or a range of it, and see that it is of the revision."""
        url = hf_hub_url(
            dataset_id, path, repo_type="dataset", revision=sha, endpoint=self.endpoint
        )
        answer = self._get(url, **{"accept-encoding": "identity", **headers})
        told = {item.headers.get("x-repo-commit") for item in (*answer.history, answer)}
        if sha not in told:
            received = ", ".join(sorted(filter(None, told))) or "none"
            raise HubUnavailable(not_allowed(f"revision of {dataset_id}/{path}", received, [sha]))
        return answer

    def _get(self, url: str, **headers: str) -> httpx2.Response:
        own = build_hf_headers(token=self.token, library_name=_LIBRARY)
        answer = get_session().get(url, headers={**own, **headers})
        hf_raise_for_status(answer)
        return answer

    @contextmanager
    def _asking(
        self, kind: HubRequest, subject: str, most_bytes: int = MAX_ANSWER_BYTES
    ) -> Iterator[None]:
        """Put the block's requests under this client's terms, and word its errors as ours."""
        terms = Terms(kind, self.timeout, most_bytes, self.permits, self._counter)
        try:
            with under(terms):
                yield
        except DynosaurError:
            raise
        except EntryNotFoundError as error:
            raise _NoEntry(f"{subject}: there is no such file", Reason.GONE) from error
        except HFValidationError as error:
            raise HubRefused(f"{subject}: {error}", Reason.GONE) from error
        except HfHubHTTPError as error:
            raise _refusal(subject, error) from error
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            words = error_line(error, 200)
            raise HubUnavailable(f"{subject}: the answer cannot be read: {words}") from error


def _is_before(entry: DatasetInfo, limit: datetime | None) -> bool:
    moment = entry.last_modified
    return moment is not None and limit is not None and moment < limit


class _NoEntry(HubRefused):
    """The repository has no such file at the revision."""


def _refusal(subject: str, error: HfHubHTTPError) -> DynosaurError:
    """Word the Hub's no; only a token that it does not know is the user's to mend."""
    status = error.response.status_code
    told = error.response.headers.get("x-error-message") or f"HTTP {status}"
    if "Invalid credentials" in told:
        return InvalidSetting(not_allowed("HF_TOKEN", "(hidden)", "a token that the Hub knows"))
    reason = Reason.GONE
    if isinstance(error, GatedRepoError):
        reason = Reason.GATED
    elif isinstance(error, DisabledRepoError):
        reason = Reason.DISABLED
    elif status in {401, 403} and error.response.headers.get("x-error-code") is None:
        reason = Reason.PRIVATE
    return HubRefused(f"{subject}: {told[:200]}", reason)
