"""Who may see a folder's pages: whoever has the token, by a name of loopback, to read."""

import secrets
from collections.abc import Awaitable, Callable

from fastapi import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

_Follow = Callable[[Request], Awaitable[Response]]


class Guard:
    """Lets a request through that comes by an address of loopback and brings the token."""

    def __init__(self, token: str, port: int) -> None:
        self._token = token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"dynosaur-view-{port}"

    async def __call__(self, request: Request, follow: _Follow) -> Response:
        """Answer a request, or refuse it.

        A host of another name is one that a foreign page may have led here. The token of the first
        address becomes a cookie, and does not stay in the address.
        """
        if request.headers.get("host", "").lower() not in self._hosts:
            return _refused(403, "These pages answer to 127.0.0.1 and localhost alone.")
        if request.method != "GET":
            return _refused(405, "These pages can only be read.")
        given = request.query_params.get("token")
        if given is not None and self._is_right(given):
            return self._let_in(request)
        if not self._is_right(request.cookies.get(self._cookie, "")):
            return _refused(401, "Open the address that `dynosaur view` has printed.")
        return await follow(request)

    def _is_right(self, given: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "replace"), self._token.encode())

    def _let_in(self, request: Request) -> Response:
        rest = request.url.remove_query_params("token")
        place = "/" + rest.path.lstrip("/") + (f"?{rest.query}" if rest.query else "")
        response = RedirectResponse(place, 303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return response


def _refused(status: int, words: str) -> Response:
    return PlainTextResponse(f"{words}\n", status)
