"""The other way by which large files come and go: Xet, in chunks that are kept once.

The content-addressed store of https://huggingface.co/docs/xet/api, below `/cas` of the same server.
The xorbs' own hashes are not computed again; each file is, by its SHA-256, before it counts.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, JSONResponse, Response

from demo.hub_api import locate
from demo.hub_call import Call
from demo.hub_errors import HubError, bad_request, entry_not_found
from demo.xet_formats import (
    Chunk,
    FormatError,
    Term,
    XetFile,
    chunk_content,
    overlapping,
    read_chunks,
    read_shard,
    starts_of,
)

_LIFETIME_SECONDS = 3600
_HASHES = "xet_hashes"
_HASH = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


def xet_hash(folder: Path, sha256: str) -> str | None:
    """The hash by which clients fetch a file by Xet; None where it came another way."""
    file = folder / _HASHES / sha256
    return file.read_text(encoding="ascii") if file.exists() else None


class XetStore:
    """Keeps xorbs and what files are made of, and puts whole files among the blobs."""

    def __init__(self, folder: Path, blobs: Path) -> None:
        self._xorbs = folder / "xorbs"
        self._files = folder / "xet_files"
        self._hashes = folder / _HASHES
        self._blobs = blobs
        self._scopes: dict[str, str] = {}
        for needed in (self._xorbs, self._files, self._hashes):
            needed.mkdir(parents=True, exist_ok=True)

    def handle(self, call: Call) -> Response | None:
        """The answer to a request about Xet, None where the request is another one.

        Raises:
            HubError: 401 without a token, 403 where it may only read, 404 where there is nothing,
                400 where a xorb or shard is not what it should be.
        """
        match (call.method, *call.segments):
            case ("GET", "api", "datasets", _, _, "xet-read-token" | "xet-write-token", _):
                return self._token(call)
            case ("POST", "cas", "v1", "xorbs", "default", xorb):
                return self._keep_xorb(call, xorb)
            case ("POST", "cas", "v1" | "v2", "shards"):
                return self._keep_files(call)
            case ("GET", "cas", "v1", "reconstructions", xet_hash):
                return self._reconstruction(call, xet_hash)
            case ("GET", "cas", "xorbs", xorb):
                return FileResponse(_there(self._xorbs, xorb))
        return None

    def _token(self, call: Call) -> Response:
        repository, (action, _) = locate(call, call.segments[2:])
        scope = action.split("-")[1]
        if scope == "write" and not call.has_token:
            raise HubError(401, "Invalid username or password.")
        if scope == "write" and not repository.opens_to_tokens:
            raise HubError(403, "Recorded datasets are read-only")
        token, expires = f"xet_{secrets.token_hex(16)}", int(time.time()) + _LIFETIME_SECONDS
        self._scopes[token] = scope
        place = f"{call.origin}/cas"
        headers = {
            "X-Xet-Cas-Url": place,
            "X-Xet-Access-Token": token,
            "X-Xet-Token-Expiration": str(expires),
        }
        told = {"casUrl": place, "accessToken": token, "exp": expires}
        return JSONResponse(told, headers=headers)

    def _allow(self, call: Call, *scopes: str) -> None:
        scope = self._scopes.get(call.token)
        if scope is None:
            raise HubError(401, "This token is unknown or has expired")
        if scope not in scopes:
            raise HubError(403, "This token may only read")

    def _keep_xorb(self, call: Call, xorb: str) -> Response:
        self._allow(call, "write")
        with _refused():
            read_chunks(call.body)
        file = self._xorbs / _checked(xorb)
        new = not file.exists()
        if new:
            _write_once(file, call.body)
        return JSONResponse({"was_inserted": new})

    def _keep_files(self, call: Call) -> Response:
        self._allow(call, "write")
        with _refused():
            for file in read_shard(call.body):
                self._keep_file(file)
        if call.segments[1] == "v2":
            return Response('{"type":"result"}\n', media_type="application/x-ndjson")
        return JSONResponse({"result": 1})

    def _keep_file(self, file: XetFile) -> None:
        """Put the file together; it counts only if it has the SHA-256 that the shard tells."""
        whole = hashlib.sha256()
        pieces = (self._content(term) for term in file.terms)
        with tempfile.NamedTemporaryFile(dir=self._blobs, prefix=".part-") as part:
            for piece in pieces:
                whole.update(piece)
                part.write(piece)
            part.flush()
            if whole.hexdigest() != file.sha256:
                raise bad_request("A file of the shard has another SHA-256 than its chunks give")
            with contextlib.suppress(FileExistsError):
                os.link(part.name, self._blobs / file.sha256)
        terms = [asdict(term) for term in file.terms]
        _write_once(self._files / file.xet_hash, json.dumps(terms).encode())
        _write_once(self._hashes / file.sha256, file.xet_hash.encode())

    def _content(self, term: Term) -> bytes:
        if not (self._xorbs / term.xorb).exists():
            raise bad_request(f"The xorb {term.xorb} was not uploaded before the shard")
        xorb = (self._xorbs / term.xorb).read_bytes()
        chunks = read_chunks(xorb)[term.first : term.end]
        content = b"".join(chunk_content(xorb, chunk) for chunk in chunks)
        if len(content) != term.length:
            raise FormatError(f"a term of the shard tells another length than {len(content)}")
        return content

    def _reconstruction(self, call: Call, xet_hash: str) -> Response:
        """Where the chunks of a file are, or of the range of it that was asked for."""
        self._allow(call, "read", "write")
        terms = [Term(**term) for term in json.loads(_there(self._files, xet_hash).read_bytes())]
        starts = starts_of([term.length for term in terms])
        first, last = _asked_range(call, starts[-1])
        shown: list[dict[str, Any]] = []
        fetched: dict[str, list[dict[str, Any]]] = {}
        skipped = 0
        for place in overlapping(starts, first, last):
            term = terms[place]
            chunks = read_chunks((self._xorbs / term.xorb).read_bytes())
            term, start = _cut(term, chunks, first - starts[place], last - starts[place])
            skipped = skipped if shown else first - starts[place] - start
            shown.append(_term_json(term))
            url = f"{call.origin}/cas/xorbs/{term.xorb}"
            fetched.setdefault(term.xorb, []).append(_fetch_json(term, chunks, url))
        return JSONResponse(
            {"offset_into_first_range": skipped, "terms": shown, "fetch_info": fetched}
        )


def _cut(term: Term, chunks: list[Chunk], first: int, last: int) -> tuple[Term, int]:
    """Keep the chunks of a term that hold bytes of the range; tells where the first begins."""
    lengths = [chunk.length for chunk in chunks[term.first : term.end]]
    starts = starts_of(lengths)
    kept = overlapping(starts, first, last)
    length = sum(lengths[place] for place in kept)
    cut = Term(term.xorb, term.first + kept[0], term.first + kept[-1] + 1, length)
    return cut, starts[kept[0]]


def _term_json(term: Term) -> dict[str, Any]:
    span = {"start": term.first, "end": term.end}
    return {"hash": term.xorb, "unpacked_length": term.length, "range": span}


def _fetch_json(term: Term, chunks: list[Chunk], url: str) -> dict[str, Any]:
    last = chunks[term.end - 1].end - 1
    return {
        "range": {"start": term.first, "end": term.end},
        "url": url,
        "url_range": {"start": chunks[term.first].start, "end": last},
    }


def _asked_range(call: Call, size: int) -> tuple[int, int]:
    if call.range is None:
        return 0, size - 1
    found = _RANGE.fullmatch(call.range)
    if found is None or int(found[1]) > int(found[2]):
        raise bad_request("Range must be bytes=first-last")
    if int(found[1]) >= size:
        raise HubError(416, "The range begins after the file's end")
    return int(found[1]), min(int(found[2]), size - 1)


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except FormatError as error:
        raise bad_request(f"Malformed: {error}") from error


def _checked(name: str) -> str:
    """A checked hash, safe as a file name."""
    if _HASH.fullmatch(name) is None:
        raise bad_request("A hash has 64 hexadecimal digits")
    return name


def _there(folder: Path, name: str) -> Path:
    file = folder / _checked(name)
    if not file.exists():
        raise entry_not_found()
    return file


def _write_once(file: Path, content: bytes) -> None:
    """Write a file that never changes; whoever reads it sees it whole."""
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".part-") as part:
        part.write(content)
        part.flush()
        with contextlib.suppress(FileExistsError):
            os.link(part.name, file)
