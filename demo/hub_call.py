"""One request as the handlers of the demonstration Hub see it, and pages with a next link."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from demo.hub_errors import HubError, bad_request
from demo.hub_repository import Catalogue

_LARGEST_BODY_BYTES = 64 * 2**20

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Call:
    """A request with its body read.

    Attributes:
        segments: the parts of the path between slashes, each percent-decoded once, so that a
            revision such as `refs%2Fconvert%2Fparquet` stays one part.
        origin: scheme, host and port that the client used.
        token: what the client authorises itself with; empty without.
        range: the bytes that it asks for, as in the header; None for all.
    """

    method: str
    segments: tuple[str, ...]
    raw_path: str
    raw_query: str
    origin: str
    token: str
    range: str | None
    catalogue: Catalogue
    page_size: int
    body: bytes = b""

    @property
    def has_token(self) -> bool:
        return bool(self.token)

    def values(self, name: str) -> list[str]:
        """All values of a query parameter; `name[]` counts as `name`."""
        query = parse_qs(self.raw_query, keep_blank_values=True)
        return query.get(name, []) + query.get(f"{name}[]", [])

    def value(self, name: str) -> str | None:
        return next(iter(self.values(name)), None)

    def flag(self, name: str) -> bool:
        return (self.value(name) or "").lower() in ("true", "1")

    def number(self, name: str, default: int) -> int:
        text = self.value(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise bad_request(f"{name} must be a whole number of at most 9 digits")
        return int(text)

    def json_body(self) -> dict[str, Any]:
        try:
            body = json.loads(self.body)
        except ValueError as error:
            raise bad_request("The body is not JSON") from error
        if not isinstance(body, dict):
            raise bad_request("The body must be a JSON object")
        return body

    def form_or_json(self) -> dict[str, Any]:
        if self.body.lstrip()[:1] == b"{":
            return self.json_body()
        return dict(parse_qs(self.body.decode("utf-8", "replace")))


async def read_call(request: Request, catalogue: Catalogue, page_size: int) -> Call:
    """Reads the body, up to 64 MiB.

    Raises:
        HubError: 413, the body is larger.
    """
    raw_path = request.scope["raw_path"].decode("ascii", "replace").split("?")[0]
    return Call(
        method=request.method,
        segments=tuple(unquote(part) for part in raw_path.strip("/").split("/")),
        raw_path=raw_path,
        raw_query=request.url.query,
        origin=f"{request.url.scheme}://{request.url.netloc}",
        token=_bearer(request.headers.get("authorization", "")),
        range=request.headers.get("range"),
        catalogue=catalogue,
        page_size=page_size,
        body=await _read_body(request),
    )


def _bearer(authorization: str) -> str:
    kind, _, token = authorization.partition(" ")
    return token if kind == "Bearer" else ""


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY_BYTES:
            raise HubError(413, "The body is larger than 64 MiB")
    return bytes(body)


def page_of(call: Call, items: Sequence[_Item]) -> tuple[list[_Item], dict[str, str]]:
    """The items from the cursor on, and a `Link` header where more of them follow."""
    size = min(max(call.number("limit", call.page_size), 1), call.page_size)
    start = _read_cursor(call.value("cursor"))
    end = start + size
    return list(items[start:end]), _link(call, end) if end < len(items) else {}


def paged(call: Call, items: Sequence[Any]) -> Response:
    shown, headers = page_of(call, items)
    return JSONResponse(shown, headers=headers)


def _link(call: Call, offset: int) -> dict[str, str]:
    kept = [pair for pair in parse_qsl(call.raw_query) if pair[0] != "cursor"]
    cursor = base64.urlsafe_b64encode(str(offset).encode()).decode()
    query = urlencode([*kept, ("cursor", cursor)])
    return {"Link": f'<{call.origin}{call.raw_path}?{query}>; rel="next"'}


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return max(int(base64.urlsafe_b64decode(cursor)), 0)
    except (binascii.Error, ValueError) as error:
        raise bad_request("The cursor is not one that this server gave") from error
