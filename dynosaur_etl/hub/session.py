"""The HTTP session under the Hub's own client: timeouts, retries and bounds for every request.

`huggingface_hub` sends everything through one session of the process. It gives listings, commits
and trees no timeout, does not retry every call, and sleeps for as long as a server asks. Here each
request made under `Terms` gets a timeout, bounded retries and a bounded body, and keeps under the
server's rate limits; the requests of others in the same process go through unchanged.
"""

import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx2
from huggingface_hub import get_session, set_client_factory
from huggingface_hub.utils._http import hf_request_event_hook

from dynosaur_etl.domain.errors import HubUnavailable
from dynosaur_etl.hub.limiter import LONGEST_WAIT, Limiter, limits_of
from dynosaur_etl.hub.place import ConnectionAged, Place

ATTEMPTS = 4
FIRST_WAIT = 0.5
_BODY_TIMEOUTS = 10  # a whole body may take this many timeouts, so that a trickle ends as well
_RETRIED = frozenset({408, 425, 429})
_RATE_LIMIT = re.compile(r"\br\s*=\s*0\b.*?\bt\s*=\s*(\d{1,9})")
_SAYS_NO = frozenset({500, 501})  # from the viewer: it has nothing to show of this dataset
_CHATTER = "/api/agent-harnesses"
_install_lock = threading.Lock()


class RequestCounter:
    """Counts requests by kind, safe across threads; those sent again also under `retries`."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, kind: str, is_retry: bool) -> None:
        with self._lock:
            self.requests[kind] += 1
            if is_retry:
                self.requests["retries"] += 1

    def add_all(self, requests: Mapping[str, int]) -> None:
        with self._lock:
            self.requests.update(requests)


@dataclass(frozen=True)
class Terms:
    """The terms of the requests made in a block.

    Attributes:
        kind: under which the requests are counted.
        timeout: seconds to connect, and between two pieces of an answer.
        most_bytes: of an answer's body; the rest is not read.
        slots: how many requests may be on their way at the same time.
    """

    kind: str
    timeout: float
    most_bytes: int
    slots: threading.Semaphore
    counter: RequestCounter


_terms: ContextVar[Terms | None] = ContextVar("hub_terms", default=None)


@contextmanager
def under(terms: Terms) -> Iterator[None]:
    """Put the Hub requests of a block under terms."""
    token = _terms.set(terms)
    try:
        yield
    finally:
        _terms.reset(token)


def install() -> None:
    """Give the process a Hub session that knows terms; doing so again changes nothing."""
    with _install_lock:
        if not isinstance(get_session(), PatientClient):
            set_client_factory(_new_client)


class PatientClient(httpx2.Client):
    """The session of `huggingface_hub`; requests under terms are sent patiently."""

    def send(
        self, request: httpx2.Request, *, stream: bool = False, **options: Any
    ) -> httpx2.Response:
        """Send a request; under terms with retries, and with the body read up to its bound.

        Raises:
            HubUnavailable: under terms, and no attempt brought a usable answer.
        """
        terms = _terms.get()
        if terms is None or stream:
            return super().send(request, stream=stream, **options)
        if request.url.path == _CHATTER:  # the client asks unasked, writes a file and forgives
            raise httpx2.RequestError("left out", request=request)
        lane = "resolve" if terms.kind == "resolve" else "api"  # the Hub counts these apart
        breaker, limiter = limits_of(f"{request.url.scheme}://{_netloc(request)}", lane)
        with _naming(request):
            breaker.check()
            outcome = self._attempts(request, terms, limiter, options)
        if isinstance(outcome, httpx2.Response):
            breaker.answered()
            return outcome
        if not outcome.is_limit:
            breaker.given_up()
        raise HubUnavailable(f"{_place(request)}: {outcome.words}")

    def _attempts(
        self, request: httpx2.Request, terms: Terms, limiter: Limiter, options: dict[str, Any]
    ) -> "httpx2.Response | _Trouble":
        """Send a request until there is an answer; the trouble of the last attempt if not."""
        attempt = 0
        while True:
            attempt += 1
            ticket = limiter.take()
            terms.counter.add(terms.kind, is_retry=attempt > 1)
            outcome = self._attempt(request, terms, partial(limiter.give_back, ticket), options)
            if isinstance(outcome, httpx2.Response):
                return outcome
            wait = _wait(outcome, attempt)
            if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                asked = f", which asks to wait {wait:.0f} s" if wait > LONGEST_WAIT else ""
                return replace(outcome, words=f"{outcome.words}{asked}; attempts: {attempt}")
            time.sleep(wait)

    def _attempt(
        self,
        request: httpx2.Request,
        terms: Terms,
        give_back: Callable[[httpx2.Headers | None, float | None], None],
        options: dict[str, Any],
    ) -> "httpx2.Response | _Trouble":
        headers: httpx2.Headers | None = None
        trouble: _Trouble | None = None
        try:
            with Place(terms.slots) as place:
                answer = self._answer(request, terms, place, options)
                headers = _limit_headers(request, answer)
                try:
                    body = _read_body(answer, terms)
                finally:
                    answer.close()
            trouble = _trouble_in(answer, terms)
        except (httpx2.RequestError, httpx2.StreamError) as error:
            trouble = _Trouble(f"{type(error).__name__} {error}".strip())
        finally:
            pause = trouble.asked_wait if trouble is not None and trouble.is_limit else None
            give_back(headers, pause)
        return trouble or _with_body(answer, body)

    def _answer(
        self, request: httpx2.Request, terms: Terms, place: Place, options: dict[str, Any]
    ) -> httpx2.Response:
        """Send a request in its place; one that waited for it for long, on another connection."""
        timeout = httpx2.Timeout(terms.timeout).as_dict()
        request.extensions |= {"timeout": timeout, "trace": place.told}
        try:
            return super().send(request, stream=True, **options)
        except ConnectionAged:
            place.take()
            return super().send(request, stream=True, **options)


@dataclass(frozen=True)
class _Trouble:
    """Why an attempt brought nothing, and the seconds that the server asks to wait."""

    words: str
    asked_wait: float | None = None
    is_limit: bool = False


@contextmanager
def _naming(request: httpx2.Request) -> Iterator[None]:
    try:
        yield
    except HubUnavailable as error:
        raise HubUnavailable(f"{_place(request)}: {error}") from None


def _place(request: httpx2.Request) -> str:
    return f"{request.method} {request.url.copy_with(query=None)}"


def _netloc(request: httpx2.Request) -> str:
    return request.url.netloc.decode("ascii", "replace")


def _limit_headers(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Headers:
    """Give the headers that tell the limits: those of the server itself, not of its file store."""
    own = (item for item in (*answer.history, answer) if item.url.netloc == request.url.netloc)
    return next((item.headers for item in own if "ratelimit" in item.headers), answer.headers)


def _new_client() -> httpx2.Client:
    # as the library's own, with its hook for offline mode and request ids
    hooks: dict[str, list[Any]] = {"request": [hf_request_event_hook]}
    return PatientClient(event_hooks=hooks, follow_redirects=True, timeout=None)


def _read_body(answer: httpx2.Response, terms: Terms) -> bytes:
    deadline = time.monotonic() + terms.timeout * _BODY_TIMEOUTS
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > terms.most_bytes:
            break
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the body comes too slowly", request=answer.request)
    return bytes(body[: terms.most_bytes])


def _with_body(answer: httpx2.Response, body: bytes) -> httpx2.Response:
    told = (b"content-encoding", b"content-length", b"transfer-encoding")
    headers = [item for item in answer.headers.raw if item[0].lower() not in told]
    whole = httpx2.Response(
        answer.status_code, headers=headers, content=body, request=answer.request
    )
    whole.history = answer.history
    return whole


def _trouble_in(answer: httpx2.Response, terms: Terms) -> _Trouble | None:
    status = answer.status_code
    is_no = terms.kind == "viewer" and status in _SAYS_NO
    if status in _RETRIED or (status >= 500 and not is_no):
        is_limit = status == httpx2.codes.TOO_MANY_REQUESTS
        return _Trouble(f"HTTP {status}", _asked_wait(answer.headers), is_limit)
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    if answer.is_success and is_page and terms.kind != "resolve":
        return _Trouble(f"HTTP {status} with an HTML page in place of JSON")
    return None


def _asked_wait(headers: httpx2.Headers) -> float | None:
    """Read the wait that `RateLimit` or `Retry-After`, in seconds or as a date, asks for."""
    limit = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    if limit:
        return float(limit[1])
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _wait(trouble: _Trouble, attempt: int) -> float:
    """Give the seconds before the next attempt, spread so that callers do not come back at once."""
    spread = secrets.SystemRandom().uniform(0.5, 1)
    if trouble.asked_wait is not None:
        return trouble.asked_wait + spread
    return FIRST_WAIT * 2.0 ** (attempt - 1) * spread
