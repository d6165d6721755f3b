"""What the Hub's API tells of a dataset: the fields of info and list, trees and commits."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from demo.hub_blobs import card_data, git_blob_id, is_large_file, large_file_pointer
from demo.hub_errors import entry_not_found
from demo.hub_repository import CARD, Commit, Repository

BASIC_FIELDS = (
    "author",
    "sha",
    "createdAt",
    "lastModified",
    "private",
    "gated",
    "disabled",
    "downloads",
    "likes",
    "tags",
    "paperswithcode_id",
)
FULL_FIELDS = (*BASIC_FIELDS, "cardData", "siblings")
# Known to the Hub, untold by a recording: asked for, they stay away.
_UNTOLD_FIELDS = frozenset(
    {"citation", "description", "downloadsAllTime", "mainSize", "resourceGroup", "usedStorage"}
)


def _card_data(repository: Repository, sha: str) -> dict[str, Any] | None:
    card = repository.files(sha).get(CARD)
    return card_data(card) if card is not None else None


def _siblings(repository: Repository, sha: str) -> list[dict[str, Any]]:
    return [{"rfilename": path} for path in repository.files(sha)]


def _fact(name: str, default: object) -> Callable[[Repository, str], Any]:
    return lambda repository, _: repository.facts.get(name) or default


_READERS: Mapping[str, Callable[[Repository, str], Any]] = {
    "author": lambda repository, _: repository.owner,
    "sha": lambda _, sha: sha,
    "createdAt": lambda repository, _: milliseconds(repository.facts.get("created_at")),
    "lastModified": lambda repository, _: milliseconds(repository.facts.get("last_modified")),
    "private": _fact("private", default=False),
    "gated": _fact("gated", default=False),
    "disabled": _fact("disabled", default=False),
    "downloads": _fact("downloads", default=0),
    "likes": _fact("likes", default=0),
    "trendingScore": _fact("trending_score", default=0),
    "tags": _fact("tags", default=[]),
    "paperswithcode_id": _fact("paperswithcode_id", default=None),
    "cardData": _card_data,
    "siblings": _siblings,
}
EXPANDABLE_FIELDS = frozenset(_READERS) | _UNTOLD_FIELDS


def describe(repository: Repository, sha: str, fields: Iterable[str]) -> dict[str, Any]:
    """The named fields at a revision, without those that are unknown of the repository.

    Only `sha`, `cardData` and `siblings` follow the revision; the rest is today's, as on the Hub.
    """
    told = {name: _READERS[name](repository, sha) for name in fields if name in _READERS}
    return {"id": repository.id} | {k: v for k, v in told.items() if v is not None}


def siblings_with_blobs(repository: Repository, sha: str) -> list[dict[str, Any]]:
    return [
        {"rfilename": path, "blobId": blob.pop("oid"), **blob}
        for path, blob in (
            (path, _blob(path, file)) for path, file in repository.files(sha).items()
        )
    ]


def milliseconds(date: str | None) -> str | None:
    """ISO 8601 with the milliseconds that the Hub writes."""
    if date is None or "." in date:
        return date
    return date.removesuffix("Z") + ".000Z"


def commit_json(commit: Commit, author: str) -> dict[str, Any]:
    return {
        "id": commit.sha,
        "title": commit.title,
        "message": commit.message,
        "date": milliseconds(commit.date),
        "authors": [{"user": author}],
    }


def tree(repository: Repository, sha: str, folder: str, recursive: bool) -> list[dict[str, Any]]:
    """Files and folders below a folder ("" is the root), sorted by path.

    Raises:
        HubError: 404 EntryNotFound, there is no such folder.
    """
    files = repository.files(sha)
    prefix = f"{folder}/" if folder else ""
    below = sorted(path for path in {**files, **_folders(files)} if path.startswith(prefix))
    if folder and not below:
        raise entry_not_found()
    shown = [path for path in below if recursive or "/" not in path.removeprefix(prefix)]
    return [entry for entry in (path_info(repository, sha, path) for path in shown) if entry]


def path_info(repository: Repository, sha: str, path: str) -> dict[str, Any] | None:
    """The listing's entry of a file or folder, None where there is none."""
    files = repository.files(sha)
    if path in files:
        return {"type": "file", "path": path, **_blob(path, files[path])}
    members = _folders(files).get(path)
    if members is None:
        return None
    content = "\n".join(f"{member} {git_blob_id(files[member])}" for member in members)
    oid = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "path": path, "oid": oid, "size": 0}


def with_last_commit(
    repository: Repository, sha: str, entries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The entries with the newest reached commit that touched each, where one is known."""
    reached, files = repository.history(sha), repository.files(sha)
    return [entry | _last_commit(entry["path"], reached, files) for entry in entries]


def _last_commit(path: str, reached: list[Commit], files: Iterable[str]) -> dict[str, Any]:
    """The newest commit of a path; what no commit names came first, or with an untold script."""
    named = any(path in commit.files for commit in reached)
    touching = (
        commit
        for commit in reached
        if path in commit.files or not (named or set(commit.files).issubset(files))
    )
    commit = next(touching, reached[-1] if reached else None)
    if commit is None:
        return {}
    date = milliseconds(commit.date)
    return {"lastCommit": {"id": commit.sha, "title": commit.title, "date": date}}


def _blob(path: str, file: Path) -> dict[str, Any]:
    lfs = {"lfs": large_file_pointer(file)} if is_large_file(path) else {}
    return {"oid": git_blob_id(file), "size": file.stat().st_size, **lfs}


def _folders(files: Mapping[str, Path]) -> dict[str, list[str]]:
    """Each folder of the tree with the files at any depth below it."""
    folders: dict[str, list[str]] = {}
    for path in files:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            folders.setdefault("/".join(parts[:depth]), []).append(path)
    return folders
