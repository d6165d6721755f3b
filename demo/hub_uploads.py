"""Repositories that clients create on the demonstration Hub: commits, large files and tags.

Large files come by Xet, or by Git LFS, one PUT each, from clients with `HF_HUB_DISABLE_XET=1`.
"""

import base64
import binascii
import contextlib
import hashlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from demo.hub_api import locate
from demo.hub_blobs import card_data, git_blob_id, is_large_file, sha256
from demo.hub_call import Call
from demo.hub_errors import HubError, bad_request, entry_not_found
from demo.hub_repository import CARD, Catalogue, Commit, Repository, is_repo_name
from demo.hub_xet import XetStore, xet_hash

_LARGEST_FILE_BYTES = 2 * 2**30
_GIT_ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"
_TAGGED_KEYS = ("task_categories", "task_ids", "language", "license", "size_categories")


class UploadedRepository(Repository):
    """A repository that a client made; each commit keeps its whole tree as path to SHA-256."""

    opens_to_tokens = True

    def __init__(self, repo_id: str, private: bool, blobs: Path) -> None:
        self.id = repo_id
        self.commits = []
        self.tags = {}
        self.requests = []
        self.trees: dict[str, dict[str, str]] = {}
        self._private = private
        self._blobs = blobs

    @property
    def head(self) -> str:
        return self.commits[0].sha

    @property
    def facts(self) -> Mapping[str, Any]:  # type: ignore[override]
        return {
            "created_at": self.commits[-1].date,
            "last_modified": self.commits[0].date,
            "private": self._private,
            "tags": self._card_tags(),
        }

    def files(self, sha: str) -> dict[str, Path]:
        return {path: self._blobs / digest for path, digest in sorted(self.trees[sha].items())}

    def xet_hash(self, file: Path) -> str | None:
        return xet_hash(self._blobs.parent, file.name)

    def add_commit(self, commit: Commit, tree: dict[str, str]) -> Commit:
        """Puts a commit on top, under a sha made of its parent, its words and its tree."""
        parent = self.commits[0].sha if self.commits else ""
        content = json.dumps([parent, asdict(commit), sorted(tree.items())])
        sha = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
        self.trees[sha] = tree
        self.commits.insert(0, replace(commit, sha=sha))
        return self.commits[0]

    def add_request(self, commit: Commit, tree: dict[str, str]) -> tuple[int, str]:
        """Opens a pull request with one commit; gives its number and the commit's sha."""
        content = json.dumps([self.head, len(self.requests), commit.title, sorted(tree.items())])
        sha = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()
        self.trees[sha] = tree
        self.requests.append({"title": commit.title, "sha": sha, "date": commit.date})
        return len(self.requests), sha

    def resolve(self, revision: str) -> str:
        number = revision.removeprefix("refs/pr/")
        if number != revision and number.isdigit() and 0 < int(number) <= len(self.requests):
            return self.requests[int(number) - 1]["sha"]
        return super().resolve(revision)

    def state(self) -> dict[str, Any]:
        commits = [asdict(commit) for commit in self.commits]
        return {
            "id": self.id,
            "private": self._private,
            "commits": commits,
            "trees": self.trees,
            "tags": self.tags,
            "requests": self.requests,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], blobs: Path) -> "UploadedRepository":
        repository = cls(state["id"], state["private"], blobs)
        for commit in state["commits"]:
            files = tuple(commit.pop("files"))
            repository.commits.append(Commit(files=files, **commit))
        repository.trees = state["trees"]
        repository.tags = state["tags"]
        repository.requests = state.get("requests", [])
        return repository

    def _card_tags(self) -> list[str]:
        card = self.files(self.head).get(CARD)
        head = (card_data(card) if card is not None else None) or {}
        tags = []
        for key in _TAGGED_KEYS:
            values = head.get(key) or []
            tags += [f"{key}:{v}" for v in (values if isinstance(values, list) else [values])]
        return tags


class UploadStore:
    """Keeps uploaded repositories in a folder and answers the requests that write to them."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self._repos = folder.resolve() / "repos"
        self._blobs = folder.resolve() / "blobs"
        self._catalogue = catalogue
        self._announced: dict[str, int] = {}
        self._xet = XetStore(folder.resolve(), self._blobs)
        self._lock = threading.Lock()
        for needed in (self._repos, self._blobs):
            needed.mkdir(parents=True, exist_ok=True)
        for file in sorted(self._repos.glob("*/*.json")):
            state = json.loads(file.read_text(encoding="utf-8"))
            catalogue.add(UploadedRepository.from_state(state, self._blobs))

    def handle(self, call: Call) -> Response | None:
        """The answer to a request that writes or goes by Xet, None where it is another one.

        Raises:
            HubError: 401 without a token, 403 on a recorded repository, 409 where the repository
                or tag exists, 412 where `parentCommit` is no longer the head.
        """
        by_xet = self._xet.handle(call)
        handler = self._handler(call.method, call.segments)
        if by_xet is not None or handler is None:
            return by_xet
        if not call.has_token:
            raise HubError(401, "Invalid username or password.")
        with self._lock:
            return handler(call)

    def _handler(self, method: str, segments: tuple[str, ...]) -> Callable[[Call], Response] | None:
        match (method, *segments):
            case ("POST", "api", "repos", "create"):
                return self._create
            case ("POST", "api", "datasets", _, _, "preupload", _):
                return self._preupload
            case ("POST", "api", "datasets", _, _, "commit", _):
                return self._commit
            case ("POST", "api", "datasets", _, _, "tag", _):
                return self._tag
            case ("DELETE", "api", "datasets", _, _, "tag", _):
                return self._untag
            case ("POST", "api", "datasets", _, _, "super-squash", "main"):
                return self._squash
            case ("POST", "datasets", _, _, "info", "lfs", "objects", "batch"):
                return self._batch
        return None

    def _create(self, call: Call) -> Response:
        body = call.json_body()
        owner, name = str(body.get("organization") or "demo"), str(body.get("name"))
        if body.get("type") != "dataset" or not (is_repo_name(owner) and is_repo_name(name)):
            raise bad_request("Only datasets can be created, named with letters, digits, - _ .")
        repo_id = f"{owner}/{name}"
        if repo_id in self._catalogue:
            raise HubError(409, "You already created this dataset repo")
        private = body.get("visibility") == "private" or body.get("private") is True
        repository = UploadedRepository(repo_id, private, self._blobs)
        tree = {".gitattributes": self._keep(_GIT_ATTRIBUTES)}
        repository.add_commit(_commit_now("initial commit", "", tree), tree)
        self._save(repository)
        self._catalogue.add(repository)
        return JSONResponse({"url": f"{call.origin}/datasets/{repo_id}", "name": repo_id})

    def _preupload(self, call: Call) -> Response:
        """Which way each file goes, and the id of what stands there now."""
        repository = self._writable(call)
        held = repository.files(repository.resolve(call.segments[5]))
        paths = [_tree_path(file.get("path")) for file in _objects(call, "files")]
        return JSONResponse({"files": [_upload_mode(path, held) for path in paths]})

    def _batch(self, call: Call) -> Response:
        """Git LFS: where to PUT each object that is not here yet."""
        self._writable(call)
        objects = []
        for item in _objects(call, "objects"):
            oid, size = _digest(item.get("oid")), item.get("size")
            if not isinstance(size, int) or not 0 <= size <= _LARGEST_FILE_BYTES:
                raise bad_request("size must be a number of bytes, at most 2 GiB")
            answer: dict[str, Any] = {"oid": oid, "size": size}
            if not (self._blobs / oid).exists():
                self._announced[oid] = size
                answer["actions"] = {"upload": {"href": f"{call.origin}/large-files/{oid}"}}
            objects.append(answer)
        return JSONResponse({"transfer": "basic", "objects": objects})

    async def receive_large_file(self, request: Request) -> Response:
        """PUT of an announced object, kept only if size and SHA-256 are the announced ones.

        Raises:
            HubError: 404, never announced; 400, other content than announced.
        """
        oid = request.url.path.removeprefix("/large-files/")
        size = self._announced.get(oid)
        if size is None:
            raise entry_not_found("This object was not announced")
        digest, received = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=self._blobs, prefix=".part-") as part:
            async for chunk in request.stream():
                received += len(chunk)
                if received > size:
                    break
                digest.update(chunk)
                part.write(chunk)
            part.flush()
            if received != size or digest.hexdigest() != oid:
                raise bad_request("The content is not the announced one")
            with contextlib.suppress(FileExistsError):
                os.link(part.name, self._blobs / oid)
        return Response(status_code=200)

    def _commit(self, call: Call) -> Response:
        """One commit from lines of JSON: a header, then files, large files and deletions."""
        repository = self._writable(call)
        if call.segments[5] != "main":
            raise bad_request("Commits go to main, or become a pull request from there")
        header, operations = _read_operations(call.body)
        if header.get("parentCommit") not in (None, repository.head):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(repository.trees[repository.head])
        touched = tuple(self._apply(operation, tree) for operation in operations)
        title = str(header.get("summary", ""))
        commit = _commit_now(title, str(header.get("description", "")), touched)
        place, answer = f"{call.origin}/datasets/{repository.id}", {"success": True}
        if call.flag("create_pr"):
            number, sha = repository.add_request(commit, tree)
            answer |= {"pullRequestUrl": f"{place}/discussions/{number}"}
        else:
            sha = repository.add_commit(commit, tree).sha
        self._save(repository)
        return JSONResponse(answer | {"commitOid": sha, "commitUrl": f"{place}/commit/{sha}"})

    def _apply(self, operation: dict[str, Any], tree: dict[str, str]) -> str:
        """Changes the tree by one operation and gives the path that it touched."""
        kind, value = operation.get("key"), operation.get("value")
        if not isinstance(value, dict):
            raise bad_request("Each line must hold an object under value")
        path = _tree_path(value.get("path"))
        if kind == "file":
            tree[path] = self._keep(_decoded(value))
        elif kind == "lfsFile":
            tree[path] = self._held_object(value)
        elif kind in ("deletedFile", "deletedFolder"):
            _delete(path, kind, tree)
        else:
            raise bad_request("key must be file, lfsFile, deletedFile or deletedFolder")
        return path

    def _tag(self, call: Call) -> Response:
        repository = self._writable(call)
        sha, name = repository.resolve(call.segments[5]), call.json_body().get("tag")
        if not isinstance(name, str) or not is_repo_name(name):
            raise bad_request("A tag is named with letters, digits, - _ .")
        if name in repository.tags or name == "main":
            raise HubError(409, "Tag reference exists already")
        repository.tags[name] = sha
        self._save(repository)
        return JSONResponse({"tag": name, "targetCommit": sha})

    def _untag(self, call: Call) -> Response:
        repository = self._writable(call)
        if repository.tags.pop(call.segments[5], None) is None:
            raise HubError(404, "Tag not found")
        self._save(repository)
        return Response(status_code=200)

    def _squash(self, call: Call) -> Response:
        """Puts one commit of the same files in the place of all; tags stay at the old ones."""
        repository = self._writable(call)
        tree = repository.trees[repository.head]
        commit = _commit_now(str(call.json_body().get("message") or "Super-squash"), "", tree)
        repository.commits.clear()
        sha = repository.add_commit(commit, tree).sha
        self._save(repository)
        return JSONResponse({"commitId": sha})

    def _writable(self, call: Call) -> UploadedRepository:
        parts = call.segments[2:] if call.segments[0] == "api" else call.segments[1:]
        repository, _ = locate(call, parts)
        if not isinstance(repository, UploadedRepository):
            raise HubError(403, "Recorded datasets are read-only")
        return repository

    def _keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if not (self._blobs / digest).exists():
            _write_whole(self._blobs / digest, content)
        return digest

    def _held_object(self, value: Mapping[str, Any]) -> str:
        digest = _digest(value.get("oid"))
        if not (self._blobs / digest).exists():
            raise bad_request("A large file was not uploaded before the commit")
        return digest

    def _save(self, repository: UploadedRepository) -> None:
        file = self._repos / f"{repository.id}.json"
        file.parent.mkdir(exist_ok=True)
        _write_whole(file, json.dumps(repository.state()).encode())


def _write_whole(file: Path, content: bytes) -> None:
    part = file.with_name(f".part-{file.name}")
    part.write_bytes(content)
    part.replace(file)


def _commit_now(title: str, message: str, touched: Iterable[str]) -> Commit:
    date = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Commit("", date, title, tuple(touched), message)


def _upload_mode(path: str, held: Mapping[str, Path]) -> dict[str, Any]:
    large, file = is_large_file(path), held.get(path)
    described: dict[str, Any] = {
        "path": path,
        "uploadMode": "lfs" if large else "regular",
        "shouldIgnore": False,
    }
    if file is not None:
        described["oid"] = sha256(file) if large else git_blob_id(file)
    return described


def _objects(call: Call, name: str) -> list[dict[str, Any]]:
    found = call.json_body().get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise bad_request(f"{name} must be a list of objects")
    return found


def _read_operations(body: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
    except ValueError as error:
        raise bad_request("Each line must be JSON") from error
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise bad_request("A commit is a header line and its operations")
    header = lines[0].get("value")
    if lines[0].get("key") != "header" or not isinstance(header, dict):
        raise bad_request("The first line must be the header")
    return header, lines[1:]


def _tree_path(path: object) -> str:
    """The path within a repository; it is never used as a path on the disk."""
    parts = path.rstrip("/").split("/") if isinstance(path, str) else []
    if not parts or any(part in ("", ".", "..", ".git") for part in parts):
        raise bad_request("A path must be relative, without empty, '.', '..' or '.git' parts")
    return "/".join(parts)


def _decoded(value: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(value["content"], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise bad_request("content must be base64") from error


def _digest(oid: object) -> str:
    """A checked SHA-256, safe as a file name."""
    if not isinstance(oid, str) or re.fullmatch(r"[0-9a-f]{64}", oid) is None:
        raise bad_request("oid must be a SHA-256 in hexadecimal")
    return oid


def _delete(path: str, kind: str, tree: dict[str, str]) -> None:
    prefix = f"{path}/"
    doomed = [p for p in tree if (p == path if kind == "deletedFile" else p.startswith(prefix))]
    if not doomed:
        raise entry_not_found("A file with this name doesn't exist")
    for name in doomed:
        del tree[name]
