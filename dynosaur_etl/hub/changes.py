"""Whether the commits of a day changed anything that a growth day looks at."""

from collections.abc import Collection, Sequence

from dynosaur_etl.domain.models import Revision
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.data_files import RepoFile

_HOUSEKEEPING = frozenset({".gitattributes", ".gitignore"})


def is_unchanged(
    client: HubClient,
    revision: Revision,
    files: Sequence[RepoFile],
    before: str,
    commits: Collection[str],
) -> bool:
    """Tell whether a revision holds just what an earlier one held: card, features and files.

    Git's own files do not count. A commit that sets back what another of the day had changed is
    taken for a change.

    Args:
        client: the Hub.
        revision: what the dataset is pinned to.
        files: of that revision.
        before: the commit at which it stood when the day began.
        commits: those that the day added.

    Raises:
        HubRefused: the Hub does not show the earlier commit.
        HubUnavailable: the Hub gives no usable answer.
    """
    if _content(client.files(revision.dataset_id, before)) != _content(files):
        return False
    touched = client.last_commits(revision.dataset_id, revision.sha)
    return not any(touched.get(path) in commits for path in _content(files))


def _content(files: Sequence[RepoFile]) -> dict[str, str]:
    return {file.path: file.oid for file in files if file.path not in _HOUSEKEEPING}
