"""Dataset repositories, as the demonstration Hub reads them from a recorded folder."""

import hashlib
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from demo.hub_errors import repo_not_found, revision_not_found

CARD = "README.md"
CONVERTED = "refs/convert/parquet"
_ROOT_FILES = (CARD, "dataset_infos.json")
_DATA_ENDINGS = (
    ".parquet", ".csv", ".tsv", ".jsonl", ".json", ".arrow", ".gz", ".zst", ".tar", ".zip",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)


@dataclass(frozen=True)
class Commit:
    """One commit; `date` is ISO 8601 in UTC, `files` are the paths that it touched."""

    sha: str
    date: str
    title: str
    files: tuple[str, ...] = ()
    message: str = ""


def is_repo_name(name: str) -> bool:
    """Whether the Hub allows this as the name of an owner or of a repository."""
    return _NAME.fullmatch(name) is not None and ".." not in name and not name.endswith(".git")


class Repository(ABC):
    """A dataset repository: what the API tells of it, its history and its files.

    Attributes:
        id: `owner/name`.
        facts: `created_at`, `last_modified`, `tags`, `gated`, `private`, `disabled`,
            `downloads`, `likes`, `paperswithcode_id`; each may be absent.
        commits: newest first; may be empty.
        tags: name of a git tag to commit.
        requests: title, commit and date of each pull request, oldest first.
    """

    id: str
    facts: Mapping[str, Any]
    commits: list[Commit]
    tags: dict[str, str]
    requests: list[dict[str, str]]
    opens_to_tokens = False

    @property
    @abstractmethod
    def head(self) -> str:
        """The sha that `main` stands for."""

    @abstractmethod
    def files(self, sha: str) -> dict[str, Path]:
        """The tree at a commit: sorted path in the repository to the file that holds it."""

    def splits(self) -> dict[str, dict[str, Path]]:
        """Config to split to Parquet file, for the viewer; empty where it has none ready."""
        return {}

    def converted(self) -> dict[str, Path]:
        """The tree of the branch `refs/convert/parquet`, as the viewer makes it of the splits."""
        return {
            f"{config}/{split}/0000.parquet": file
            for config, files in self.splits().items()
            for split, file in files.items()
        }

    @property
    def converted_head(self) -> str | None:
        """The sha of that branch, which is made anew for each commit of `main`."""
        if not self.splits():
            return None
        content = f"{CONVERTED} {self.id} {self.head}"
        return hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()

    def xet_hash(self, _: Path) -> str | None:
        """The hash by which one of the files is fetched by Xet; None where it cannot be."""
        return None

    @property
    def owner(self) -> str:
        return self.id.split("/", maxsplit=1)[0]

    def resolve(self, revision: str) -> str:
        """The commit sha that a branch, tag or full sha stands for.

        Raises:
            HubError: 404 RevisionNotFound.
        """
        if revision in ("main", "refs/heads/main", self.head):
            return self.head
        if self.converted_head is not None and revision in (CONVERTED, self.converted_head):
            return self.converted_head
        tagged = self.tags.get(revision.removeprefix("refs/tags/"))
        if tagged is not None:
            return tagged
        if any(commit.sha == revision for commit in self.commits):
            return revision
        raise revision_not_found()

    def history(self, sha: str) -> list[Commit]:
        """The commits that a revision reaches, newest first."""
        return self.commits[self.position(sha) :]

    def position(self, sha: str) -> int:
        """How many commits are newer than this one."""
        return next((i for i, commit in enumerate(self.commits) if commit.sha == sha), 0)


class RecordedRepository(Repository):
    """One line of `index.jsonl` and the folder beside it; never written to.

    `converted/<id>/<config>/<split>.parquet` beside `datasets/` is what the viewer has made of
    files that are not Parquet; without it the viewer shows the repository's own Parquet files.
    """

    def __init__(self, root: Path, entry: Mapping[str, Any], owner: str) -> None:
        self.id = entry["id"] if "/" in entry["id"] else f"{owner}/{entry['id']}"
        self.facts = entry
        self.tags = {}
        self.requests = []
        self.commits = [
            Commit(item["sha"], item["date"], item["title"], tuple(item.get("files", ())))
            for item in entry.get("commits") or ()
        ]
        self._root = root
        self._folder = root / "datasets" / entry["id"]
        self._converted_folder = root / "converted" / entry["id"]

    @property
    def head(self) -> str:
        if self.commits:
            return self.commits[0].sha
        placeholder = hashlib.sha1(self.id.encode(), usedforsecurity=False).hexdigest()
        return str(self.facts.get("sha") or placeholder)

    def files(self, sha: str) -> dict[str, Path]:
        if sha == self.converted_head:
            return self.converted()
        card = self._card_at(self.position(sha))
        cards = {CARD: card} if card is not None else {}
        return dict(sorted({**self._current_files, **cards}.items()))

    def splits(self) -> dict[str, dict[str, Path]]:
        found: dict[str, dict[str, Path]] = {}
        for path, file in (self._converted_files or self._current_files).items():
            config, _, name = path.partition("/")
            if name.endswith(".parquet") and "/" not in name:
                found.setdefault(config, {})[name.removesuffix(".parquet")] = file
        return found

    @cached_property
    def _current_files(self) -> dict[str, Path]:
        """Found once by walking: a request can only name what stands in this dictionary."""
        return _walk(self._folder) if _is_inside(self._folder, self._root) else {}

    @cached_property
    def _converted_files(self) -> dict[str, Path]:
        folder = self._converted_folder
        return _walk(folder) if _is_inside(folder, self._root) else {}

    @cached_property
    def _cards(self) -> list[tuple[int, Path]]:
        """Position of the commit and file of each stored card version, newest first."""
        cards = []
        for version in self.facts.get("card_versions") or ():
            file = self._root / version["path"]
            if _is_inside(file, self._folder) and file.is_file():
                cards.append((self._position_of_version(version), file))
        return sorted(cards, key=lambda card: card[0])

    def _position_of_version(self, version: Mapping[str, Any]) -> int:
        shas = [commit.sha for commit in self.commits]
        if version["sha"] in shas:
            return shas.index(version["sha"])
        return sum(commit.date > version["date"] for commit in self.commits)

    def _card_at(self, position: int) -> Path | None:
        """The newest stored version that is not newer; before the first, the oldest."""
        held = [file for at, file in self._cards if at >= position]
        oldest = [file for _, file in self._cards[-1:]]
        return next(iter(held + oldest), None)


class Catalogue:
    """All repositories by id, and further names that lead to them: bare ones and former ids."""

    def __init__(self, repositories: Iterable[Repository], leading: Mapping[str, str]) -> None:
        self._by_id = {repository.id: repository for repository in repositories}
        self._leading = dict(leading)

    def __contains__(self, repo_id: str) -> bool:
        return repo_id in self._by_id

    def add(self, repository: Repository) -> None:
        self._by_id[repository.id] = repository

    def public(self) -> list[Repository]:
        return [item for item in list(self._by_id.values()) if not item.facts.get("private")]

    def full_id(self, name: str) -> str | None:
        """`owner/name` of what was asked for by its bare name or by an id that it had before."""
        return self._leading.get(name)

    def get(self, repo_id: str, has_token: bool) -> Repository:
        """The repository.

        Raises:
            HubError: 401 RepoNotFound, for a private repository too.
        """
        repository = self._by_id.get(repo_id)
        if repository is None:
            raise repo_not_found()
        if repository.facts.get("private") and not (has_token and repository.opens_to_tokens):
            raise repo_not_found()
        return repository


def load_catalogue(root: Path, owner: str) -> Catalogue:
    """The recorded repositories of a folder, in the order of its `index.jsonl`.

    Raises:
        ValueError: an id or the owner is not a name that the Hub allows, or an id stands twice.
    """
    _check_names(owner)
    root = root.resolve()
    repositories: dict[str, Repository] = {}
    leading: dict[str, str] = {}
    with (root / "index.jsonl").open(encoding="utf-8") as lines:
        for entry in (json.loads(line) for line in lines if line.strip()):
            _check_names(*entry["id"].split("/"))
            repository = RecordedRepository(root, entry, owner)
            if repository.id in repositories:
                raise ValueError(f"index.jsonl names {repository.id!r} twice; ids must differ")
            repositories[repository.id] = repository
            if "/" not in entry["id"] and not entry.get("private"):
                leading[entry["id"]] = repository.id
            leading |= dict.fromkeys(entry.get("former_ids", ()), repository.id)
    return Catalogue(repositories.values(), leading)


def _check_names(*names: str) -> None:
    if len(names) > 2 or not all(is_repo_name(name) for name in names):
        received = "/".join(names)
        raise ValueError(f"not a dataset id: {received!r}; allowed: 'name' or 'owner/name'")


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether the path lies below the folder with no symbolic link on the way."""
    resolved = path.resolve()
    return resolved == Path(os.path.normpath(path)) and resolved.is_relative_to(folder)


def _sorted_entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _walk(folder: Path) -> dict[str, Path]:
    found = {}
    for entry in _sorted_entries(folder):
        if entry.is_dir(follow_symlinks=False):
            found.update(_data_files(entry))
        elif _is_data(entry) or (
            entry.name in _ROOT_FILES and entry.is_file(follow_symlinks=False)
        ):
            found[entry.name] = Path(entry.path)
    return found


def _data_files(folder: os.DirEntry[str]) -> dict[str, Path]:
    """The data files of a folder, at any depth."""
    found = {}
    for entry in _sorted_entries(Path(folder.path)):
        if entry.is_dir(follow_symlinks=False):
            found.update({f"{folder.name}/{path}": at for path, at in _data_files(entry).items()})
        elif _is_data(entry):
            found[f"{folder.name}/{entry.name}"] = Path(entry.path)
    return found


def _is_data(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False) and entry.name.endswith(_DATA_ENDINGS)
