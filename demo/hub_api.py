"""The Hub's HTTP API for datasets: listing, info, history, trees and files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from demo import hub_info
from demo.hub_blobs import git_blob_id, is_large_file, parse_front_matter, sha256
from demo.hub_call import Call, page_of, paged
from demo.hub_errors import (
    bad_request,
    disabled_repo,
    entry_not_found,
    gated_repo,
    repo_not_found,
)
from demo.hub_repository import CONVERTED, Repository

_SORT_FACTS = {
    "createdAt": "created_at",
    "lastModified": "last_modified",
    "downloads": "downloads",
    "likes": "likes",
    "trendingScore": "trending_score",
}
_MOST_PATHS = 1_000


def list_datasets(call: Call) -> Response:
    """GET /api/datasets: public repositories that meet every condition, greatest first."""
    fields = _fields(call, hub_info.FULL_FIELDS if call.flag("full") else hub_info.BASIC_FIELDS)
    found = [item for item in call.catalogue.public() if _is_asked_for(item, call)]
    shown, headers = page_of(call, _in_order(found, call.value("sort")))
    described = [hub_info.describe(item, item.head, fields) for item in shown]
    return JSONResponse(described, headers=headers)


def _is_asked_for(repository: Repository, call: Call) -> bool:
    author, gated = call.value("author"), call.value("gated")
    return (
        set(call.values("filter")) <= set(repository.facts.get("tags") or ())
        and all(term.lower() in repository.id.lower() for term in call.values("search"))
        and (author is None or repository.owner == author)
        and (gated is None or call.flag("gated") == bool(repository.facts.get("gated")))
    )


def _in_order(repositories: list[Repository], sort: str | None) -> list[Repository]:
    if sort is None:
        return repositories
    if sort not in _SORT_FACTS:
        raise bad_request(f"sort must be one of {', '.join(_SORT_FACTS)}")
    fact = _SORT_FACTS[sort]
    empty: Any = "" if fact.endswith(("_at", "_modified")) else 0
    by_id = sorted(repositories, key=lambda item: item.id)
    return sorted(by_id, key=lambda item: item.facts.get(fact) or empty, reverse=True)


def _fields(call: Call, default: tuple[str, ...]) -> tuple[str, ...]:
    expand = tuple(call.values("expand"))
    if not set(expand) <= hub_info.EXPANDABLE_FIELDS:
        allowed = ", ".join(sorted(hub_info.EXPANDABLE_FIELDS))
        raise bad_request(f"expand must be one of {allowed}")
    return expand or default


def locate(call: Call, parts: tuple[str, ...]) -> tuple[Repository, tuple[str, ...]]:
    """The repository that path parts begin with, and the parts that follow it.

    Raises:
        HubError: 401 RepoNotFound.
    """
    if len(parts) < 2:
        raise repo_not_found()
    name = parts[1].removesuffix(".git")
    return call.catalogue.get(f"{parts[0]}/{name}", call.has_token), parts[2:]


def redirect_to_full_id(call: Call, prefix: str, parts: tuple[str, ...]) -> Response | None:
    """307 to `owner/name` where the path starts with a bare name or with an id of before."""
    if "/".join(parts[:2]) in call.catalogue:
        return None
    asked = next((n for n in (2, 1) if call.catalogue.full_id("/".join(parts[:n]))), 0)
    full_id = call.catalogue.full_id("/".join(parts[:asked]))
    if full_id is None:
        return None
    after_name = call.raw_path[len(prefix) :].split("/", asked)[asked:]
    target = "/".join([f"{prefix}{full_id}", *after_name])
    query = f"?{call.raw_query}" if call.raw_query else ""
    return RedirectResponse(target + query, status_code=307)


def dataset_api(call: Call) -> Response:
    """Everything under /api/datasets/{id} that only reads."""
    prefix, parts = "/api/datasets/", call.segments[2:]
    redirect = redirect_to_full_id(call, prefix, parts)
    if redirect is not None:
        return redirect
    repository, rest = locate(call, parts)
    action, *arguments = rest or ("revision", "main")
    handler = _ACTIONS.get((_read_method(call), action))
    if handler is None or (not arguments and action not in ("refs", "discussions")):
        raise entry_not_found("No such endpoint")
    return handler(call, repository, arguments)


def _read_method(call: Call) -> str:
    return "GET" if call.method == "HEAD" else call.method


def _info(call: Call, repository: Repository, arguments: list[str]) -> Response:
    sha = repository.resolve(arguments[0])
    fields = _fields(call, hub_info.FULL_FIELDS)
    described = hub_info.describe(repository, sha, fields)
    if call.flag("blobs") and "siblings" in fields:
        described["siblings"] = hub_info.siblings_with_blobs(repository, sha)
    return JSONResponse(described)


def _commits(call: Call, repository: Repository, arguments: list[str]) -> Response:
    reached = repository.history(repository.resolve(arguments[0]))
    return paged(call, [hub_info.commit_json(commit, repository.owner) for commit in reached])


def _refs(_: Call, repository: Repository, __: list[str]) -> Response:
    tags = sorted(repository.tags.items())
    converted = repository.converted_head
    converts = [] if converted is None else [_ref("parquet", CONVERTED, converted)]
    return JSONResponse(
        {
            "branches": [_ref("main", "refs/heads/main", repository.head)],
            "converts": converts,
            "tags": [_ref(name, f"refs/tags/{name}", sha) for name, sha in tags],
        }
    )


def _discussions(_: Call, repository: Repository, __: list[str]) -> Response:
    """All pull requests, newest first; here they stay open, and there are no other discussions."""
    shown = [
        {
            "num": number,
            "title": request["title"],
            "status": "open",
            "isPullRequest": True,
            "createdAt": hub_info.milliseconds(request["date"]),
            "author": {"name": repository.owner},
            "repo": {"name": repository.id, "type": "dataset"},
        }
        for number, request in enumerate(repository.requests, start=1)
    ]
    return JSONResponse({"discussions": shown[::-1], "count": len(shown), "start": 0})


def _ref(name: str, ref: str, sha: str) -> dict[str, str]:
    return {"name": name, "ref": ref, "targetCommit": sha}


def _tree(call: Call, repository: Repository, arguments: list[str]) -> Response:
    _check_open(repository)
    sha = repository.resolve(arguments[0])
    folder = "/".join(arguments[1:]).strip("/")
    entries, headers = page_of(call, hub_info.tree(repository, sha, folder, call.flag("recursive")))
    if call.flag("expand"):
        entries = hub_info.with_last_commit(repository, sha, entries)
    return JSONResponse(entries, headers=headers)


def _paths_info(call: Call, repository: Repository, arguments: list[str]) -> Response:
    _check_open(repository)
    sha = repository.resolve(arguments[0])
    form = call.form_or_json()
    paths = form.get("paths") or []
    if not isinstance(paths, list) or len(paths) > _MOST_PATHS:
        raise bad_request(f"paths must be a list of at most {_MOST_PATHS}")
    infos = [hub_info.path_info(repository, sha, str(path).strip("/")) for path in paths]
    entries = [info for info in infos if info is not None]
    if form.get("expand") in (["true"], ["True"], True):
        entries = hub_info.with_last_commit(repository, sha, entries)
    return JSONResponse(entries)


_ACTIONS: dict[tuple[str, str], Callable[[Call, Repository, list[str]], Response]] = {
    ("GET", "revision"): _info,
    ("GET", "commits"): _commits,
    ("GET", "refs"): _refs,
    ("GET", "discussions"): _discussions,
    ("GET", "tree"): _tree,
    ("POST", "paths-info"): _paths_info,
}


def resolve_file(call: Call) -> Response:
    """HEAD and GET /datasets/{id}/resolve/{rev}/{path}, whole or by Range."""
    prefix, parts = "/datasets/", call.segments[1:]
    redirect = redirect_to_full_id(call, prefix, parts)
    if redirect is not None:
        return redirect
    repository, rest = locate(call, parts)
    if len(rest) < 3 or rest[0] != "resolve":
        raise entry_not_found()
    sha = repository.resolve(rest[1])
    _check_open(repository)
    if repository.facts.get("gated"):
        raise gated_repo()
    path = "/".join(rest[2:])
    file = repository.files(sha).get(path)
    if file is None:
        raise entry_not_found()
    digest = sha256(file) if is_large_file(path) else git_blob_id(file)
    headers = {"ETag": f'"{digest}"', "X-Repo-Commit": sha}
    if is_large_file(path):
        headers |= {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(file.stat().st_size)}
        headers |= _by_xet(call, repository, sha, file)
    media_type = "text/plain" if path.endswith(".md") else "application/octet-stream"
    return FileResponse(file, headers=headers, media_type=media_type)


def _by_xet(call: Call, repository: Repository, sha: str, file: Path) -> dict[str, str]:
    """Tell a client how to fetch the file by Xet, if it came so."""
    xet_hash = repository.xet_hash(file)
    if xet_hash is None:
        return {}
    route = f"{call.origin}/api/datasets/{repository.id}/xet-read-token/{sha}"
    return {"X-Xet-Hash": xet_hash, "Link": f'<{route}>; rel="xet-auth"'}


def _check_open(repository: Repository) -> None:
    if repository.facts.get("disabled"):
        raise disabled_repo()


def validate_yaml(call: Call) -> Response:
    """POST /api/validate-yaml: 400 with the parser's words where a card's head is not YAML."""
    content = call.json_body().get("content")
    if not isinstance(content, str):
        raise bad_request("content must be text")
    try:
        head = parse_front_matter(content)
    except yaml.YAMLError as error:
        problem = {"message": f"Invalid YAML metadata: {error}"}
        return JSONResponse({"errors": [problem], "warnings": []}, 400)
    warnings: list[dict[str, Any]] = []
    if not head:
        warnings.append({"message": "empty or missing yaml metadata in repo card"})
    return JSONResponse({"errors": [], "warnings": warnings})
