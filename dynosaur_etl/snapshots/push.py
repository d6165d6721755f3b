"""Publishing a version to the Hub: one commit and one tag, read back before it counts."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dynosaur_etl.domain.errors import Corrupt, HubRefused, InvalidInput, not_allowed
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.snapshots.hub_calls import HubTarget, patiently, wrapped
from dynosaur_etl.snapshots.layout import MANIFEST
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.store.checksums import file_sha256
from dynosaur_etl.store.scratch import scratch_folder

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi


_KIND = "dataset"
_TAG = re.compile(r"v(\d{4,})")
_THE_HUBS_OWN = frozenset({".gitattributes"})
_OF_A_NEW_REPOSITORY = frozenset({".gitattributes", "README.md"})


@dataclass(frozen=True)
class PushPlan:
    """What publishing would do; nothing has been sent that changes anything."""

    repo: str
    tag: str
    creates_repo: bool
    published: bool
    added: tuple[str, ...]
    deleted: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Pushed:
    """A version on the Hub; `new` is False where it was there already."""

    repo: str
    tag: str
    commit: str
    new: bool
    pull_request: str | None = None


@dataclass(frozen=True)
class _State:
    """The repository as it stands: its main branch and its tags; no head where there is none."""

    head: str | None
    tree: Mapping[str, str]
    tags: Mapping[str, str]


def version_tag(version: int) -> str:
    """Name the tag of a version, as its folder is named."""
    return f"v{version:04d}"


def plan_push(folder: Path, target: HubTarget, version: int | None = None) -> PushPlan:
    """Tell what `push_snapshot` would do.

    Raises:
        InvalidInput: the repository is not in a state in which the version can follow.
        HubRefused, HubUnavailable: the Hub says no, or does not answer.
    """

    def look(api: "HfApi") -> PushPlan:
        number, state = _number(folder, version), _observe(api, target)
        tag, here = version_tag(number), _local_ids(folder)
        published = tag in state.tags
        if published:
            _check_same(here, _tree(api, target, tag), target, tag)
        else:
            _check_newer(state, number, target)
            _check_untouched(api, state, here, target)
        added = [name for name, ids in here.items() if state.tree.get(name) not in ids]
        deleted = sorted(state.tree.keys() - here.keys() - _THE_HUBS_OWN)
        return PushPlan(
            repo=target.repo,
            tag=tag,
            creates_repo=state.head is None,
            published=published,
            added=() if published else tuple(added),
            deleted=() if published else tuple(deleted),
            bytes=0 if published else sum((folder / name).stat().st_size for name in added),
        )

    return patiently(look, target)


def push_snapshot(folder: Path, target: HubTarget, version: int | None = None) -> Pushed:
    """Publish a version to the main branch, read all of it back, and tag it.

    It may be killed and run again at any time: what is there already is found by its content. A
    version that is there is left as it is. Commits are not compared, only files: a history that
    was squashed since is no change.

    Args:
        folder: of the version's files.
        target: the repository.
        version: its number, where that is not the one in its manifest.

    Raises:
        InvalidInput: the tag holds something else, a newer version is there, or the files of the
            main branch were changed by somebody else since the version before.
        Corrupt: what was read back is not what was sent.
        HubRefused, HubUnavailable: the Hub says no, or does not answer.
    """
    return patiently(lambda api: _push(api, folder, target, _number(folder, version)), target)


def push_candidate(folder: Path, target: HubTarget, version: int | None = None) -> Pushed:
    """Open a pull request that would bring the version, unless one with its content is open.

    It is opened against the main branch as it is, also where somebody has changed that.

    Raises:
        InvalidInput: the tag holds something else, or a newer version is there.
        Corrupt, HubRefused, HubUnavailable: as for `push_snapshot`.
    """
    return patiently(lambda api: _propose(api, folder, target, _number(folder, version)), target)


def _number(folder: Path, version: int | None) -> int:
    return read_manifest(folder).version if version is None else version


def _push(api: "HfApi", folder: Path, target: HubTarget, version: int) -> Pushed:
    here = _local_ids(folder)
    tag, state = version_tag(version), _created(api, target)
    if tag in state.tags:
        _check_same(here, _tree(api, target, tag), target, tag)
        return Pushed(target.repo, tag, state.tags[tag], new=False)
    _check_newer(state, version, target)
    _check_untouched(api, state, here, target)
    commit = str(state.head)
    if _differences(here, state.tree):
        commit = _commit(api, folder, target, state, version).oid
    _check_read_back(api, folder, target, commit)
    with wrapped(target):
        api.create_tag(target.repo, tag=tag, revision=commit, repo_type=_KIND)
    return Pushed(target.repo, tag, commit, new=True)


def _propose(api: "HfApi", folder: Path, target: HubTarget, version: int) -> Pushed:
    here = _local_ids(folder)
    tag, state = version_tag(version), _created(api, target)
    if tag in state.tags:
        _check_same(here, _tree(api, target, tag), target, tag)
        return Pushed(target.repo, tag, state.tags[tag], new=False)
    _check_newer(state, version, target)
    for number in _open_requests(api, target, _title(version)):
        revision = f"refs/pr/{number}"
        if not _differences(here, _tree(api, target, revision)):
            url = f"{target.endpoint}/datasets/{target.repo}/discussions/{number}"
            return Pushed(target.repo, tag, revision, new=False, pull_request=url)
    made = _commit(api, folder, target, state, version, create_pr=True)
    revision = str(made.pr_revision)
    _check_read_back(api, folder, target, revision)
    return Pushed(target.repo, tag, made.oid, new=True, pull_request=made.pr_url)


def _created(api: "HfApi", target: HubTarget) -> _State:
    state = _observe(api, target)
    if state.head is not None:
        return state
    with wrapped(target):
        api.create_repo(target.repo, repo_type=_KIND, private=target.private, exist_ok=True)
    return _observe(api, target)


def _observe(api: "HfApi", target: HubTarget) -> _State:
    try:
        with wrapped(target):
            refs = api.list_repo_refs(target.repo, repo_type=_KIND)
    except HubRefused as error:
        if error.reason is Reason.GONE:
            return _State(None, {}, {})
        raise
    [head] = [branch.target_commit for branch in refs.branches if branch.name == "main"]
    tags = {tag.name: tag.target_commit for tag in refs.tags}
    return _State(head, _tree(api, target, head), tags)


def _tree(api: "HfApi", target: HubTarget, revision: str) -> dict[str, str]:
    """Give the content id of each file at a revision: SHA-256 of a large one, else git's SHA-1."""
    from huggingface_hub.hf_api import RepoFile

    with wrapped(target):
        entries = list(
            api.list_repo_tree(target.repo, recursive=True, revision=revision, repo_type=_KIND)
        )
    files = [entry for entry in entries if isinstance(entry, RepoFile)]
    return {file.path: file.lfs.sha256 if file.lfs else file.blob_id for file in files}


def _local_ids(folder: Path) -> dict[str, frozenset[str]]:
    """Give the ids that a file has on the Hub, as a large one and as a plain one."""
    names = sorted([MANIFEST, *read_manifest(folder).files])
    return {name: _ids(folder / name) for name in names}


def _ids(path: Path) -> frozenset[str]:
    git = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    large = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(2**20):
            git.update(piece)
            large.update(piece)
    return frozenset({git.hexdigest(), large.hexdigest()})


def _differences(here: Mapping[str, frozenset[str]], there: Mapping[str, str]) -> list[str]:
    """Name the files that are not the same on both sides."""
    names = (here.keys() | there.keys()) - _THE_HUBS_OWN
    return sorted(name for name in names if there.get(name) not in here.get(name, ()))


def _check_same(
    here: Mapping[str, frozenset[str]], there: Mapping[str, str], target: HubTarget, tag: str
) -> None:
    wrong = _differences(here, there)
    if wrong:
        held = f"{tag} of {target.repo}, with another {', '.join(wrong)}"
        raise InvalidInput(not_allowed("tag", held, "a tag that is not there yet: none is moved"))


def _check_read_back(api: "HfApi", folder: Path, target: HubTarget, revision: str) -> None:
    """Fetch every file: the Hub's list repeats what it was told of a large file, not what it has.

    Raises:
        Corrupt: the list or a file is not what was sent.
    """
    here = _local_ids(folder)
    wrong = _differences(here, _tree(api, target, revision)) or [
        name for name in here if _fetched_sha256(api, target, revision, name) not in here[name]
    ]
    if wrong:
        words = f"found another {', '.join(wrong)} than was sent; no tag was set"
        raise Corrupt(f"{target.repo} at {revision}: {words}")


def _fetched_sha256(api: "HfApi", target: HubTarget, revision: str, name: str) -> str:
    with scratch_folder() as empty:
        return file_sha256(_fetch(api, target, revision, name, empty))


def _fetch(api: "HfApi", target: HubTarget, revision: str, name: str, folder: Path) -> Path:
    with wrapped(target):
        path = api.hf_hub_download(
            target.repo, name, repo_type=_KIND, revision=revision, local_dir=folder
        )
    return Path(path)


def _newest(state: _State) -> int:
    """Return the number of the newest version that is tagged; 0 where none is."""
    numbers = (int(found[1]) for tag in state.tags if (found := _TAG.fullmatch(tag)))
    return max(numbers, default=0)


def _check_newer(state: _State, version: int, target: HubTarget) -> None:
    newest = _newest(state)
    if newest > version:
        words = f"{newest + 1} or more; {target.repo} holds {version_tag(newest)}"
        hint = f"`dynosaur rollback {version_tag(version)}` gives its files a new number"
        raise InvalidInput(not_allowed("version", version, f"{words}; {hint}"))


def _check_untouched(
    api: "HfApi", state: _State, here: Mapping[str, frozenset[str]], target: HubTarget
) -> None:
    """Refuse a main branch whose files are neither ours nor those of the version before."""
    if state.head is None or not _differences(here, state.tree):
        return
    newest = version_tag(_newest(state))
    is_tagged = newest in state.tags
    if not is_tagged and state.tree.keys() <= _OF_A_NEW_REPOSITORY:
        return
    if state.head == state.tags.get(newest):
        return
    if _is_version(api, state, newest if is_tagged else None, target):
        return
    wanted = f"the files of {newest}" if is_tagged else "a new repository"
    raise InvalidInput(
        not_allowed(f"head of {target.repo}", state.head, f"{wanted}; main was changed since")
    )


def _is_version(api: "HfApi", state: _State, tag: str | None, target: HubTarget) -> bool:
    """Tell whether main holds a whole version: that of the tag, or one by its own manifest.

    The latter decides where a squash has taken the tag's commit, or the tag, along.
    """
    try:
        there = None if tag is None else _tree(api, target, tag)
    except HubRefused:
        there = None
    if there is not None:
        names = (there.keys() | state.tree.keys()) - _THE_HUBS_OWN
        return all(there.get(name) == state.tree.get(name) for name in names)
    return MANIFEST in state.tree and _keeps_its_manifest(api, state, target)


def _keeps_its_manifest(api: "HfApi", state: _State, target: HubTarget) -> bool:
    """Compare the files of main with the manifest that stands among them; all are fetched."""
    revision = str(state.head)
    with scratch_folder() as empty:
        _fetch(api, target, revision, MANIFEST, empty)
        try:
            files = read_manifest(empty).files
        except Corrupt:
            return False
    if {*files, MANIFEST} != state.tree.keys() - _THE_HUBS_OWN:
        return False
    return all(
        _fetched_sha256(api, target, revision, name) == entry.sha256
        for name, entry in files.items()
    )


def _commit(
    api: "HfApi",
    folder: Path,
    target: HubTarget,
    state: _State,
    version: int,
    *,
    create_pr: bool = False,
) -> "CommitInfo":
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    manifest = read_manifest(folder)
    names = sorted([MANIFEST, *manifest.files])
    gone = sorted(state.tree.keys() - set(names) - _THE_HUBS_OWN)
    operations = [CommitOperationAdd(name, folder / name) for name in names]
    with wrapped(target):
        return api.create_commit(
            target.repo,
            [*operations, *(CommitOperationDelete(name) for name in gone)],
            commit_message=_title(version),
            commit_description=f"Manifest {manifest.sha256}",
            repo_type=_KIND,
            parent_commit=state.head,
            create_pr=create_pr,
        )


def _title(version: int) -> str:
    return f"Version {version}"


def _open_requests(api: "HfApi", target: HubTarget, title: str) -> list[int]:
    with wrapped(target):
        found = api.get_repo_discussions(
            target.repo,
            repo_type=_KIND,
            discussion_type="pull_request",
            discussion_status="open",
        )
        return [item.num for item in found if item.title == title]
