"""The HTTP session under the Hub's own client: timeouts, retries and bounds for every request.

`huggingface_hub` sends everything through one session of the process. It gives listings, commits
and trees no timeout, does not retry every call, and sleeps for as long as a server asks. Here each
request made under `Terms` gets a timeout, bounded retries and a bounded body, and keeps under the
server's rate limits. Those made in a block of `timed` get its timeout, and are sent again where
that changes nothing; the requests of others in the same process, as of the library's own threads,
get `DEFAULT_TIMEOUT`.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

import httpx2
from huggingface_hub import get_session, set_client_factory
from huggingface_hub.utils._http import hf_request_event_hook

from dynosaur_etl.domain.errors import HubUnavailable
from dynosaur_etl.net.breaker import CircuitOpen
from dynosaur_etl.net.headers import asked_wait
from dynosaur_etl.net.limiter import LONGEST_WAIT, Limiter, limits_of
from dynosaur_etl.net.retry import PassingFailure, RetryPolicy, call_with_retries
from dynosaur_etl.net.traced_permit import ConnectionAged, TracedPermit

ATTEMPTS = 4
FIRST_WAIT = 0.5
DEFAULT_TIMEOUT = httpx2.Timeout(60.0)
"""Seconds to connect, and between two pieces of an answer, where nobody says otherwise."""
_BODY_TIMEOUTS = 10  # a whole body may take this many timeouts, so that a trickle ends as well
_RETRIED = frozenset({408, 425, 429})
_SAYS_NO = frozenset({500, 501})  # from the viewer: it has nothing to show of this dataset
_READING = frozenset({"GET", "HEAD"})
_ASKING = ("/preupload/", "/info/lfs/objects/batch")
"""Parts of paths that are posted to, and may be again: what they do is done once."""
_CHATTER = "/api/agent-harnesses"
_install_lock = threading.Lock()


class HubRequest(StrEnum):
    """The kinds by which requests to the Hub are counted; the viewer is a server of its own."""

    LIST = "list"
    INFO = "info"
    COMMITS = "commits"
    REFS = "refs"
    TREE = "tree"
    RESOLVE = "resolve"
    VIEWER = "viewer"
    STREAM = "stream"


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
        permits: how many requests may be on their way at the same time.
    """

    kind: HubRequest
    timeout: float
    most_bytes: int
    permits: threading.Semaphore
    counter: RequestCounter


_terms: ContextVar[Terms | None] = ContextVar("hub_terms", default=None)
_timeout: ContextVar[float | None] = ContextVar("hub_timeout", default=None)


@contextmanager
def under(terms: Terms) -> Iterator[None]:
    """Put the Hub requests of a block under terms."""
    token = _terms.set(terms)
    try:
        yield
    finally:
        _terms.reset(token)


@contextmanager
def timed(seconds: float) -> Iterator[None]:
    """Bound the time that the Hub requests of a block wait, and nothing else of them.

    Requests that the library sends from threads of its own keep the session's default.
    """
    token = _timeout.set(seconds)
    try:
        yield
    finally:
        _timeout.reset(token)


def install() -> None:
    """Return the process a Hub session that knows terms; doing so again changes nothing."""
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
            _bound_time(request)
            if terms is None and _timeout.get() is not None and _may_be_repeated(request):
                return self._repeated(request, {"stream": stream, **options})
            return super().send(request, stream=stream, **options)
        if request.url.path == _CHATTER:  # the client asks unasked, writes a file and forgives
            raise httpx2.RequestError("left out", request=request)
        lane = "resolve" if terms.kind == HubRequest.RESOLVE else "api"  # counted apart by the Hub
        breaker, limiter = limits_of(f"{request.url.scheme}://{_netloc(request)}", lane)
        try:
            breaker.check()
            answer = self._with_retries(request, terms, limiter, options)
        except (HubUnavailable, CircuitOpen) as error:
            raise HubUnavailable(f"{_address(request)}: {error}") from None
        except _Trouble as trouble:
            if not trouble.is_limit:
                breaker.failed()
            raise HubUnavailable(f"{_address(request)}: {trouble}") from None
        breaker.succeeded()
        return answer

    def _repeated(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        """Send a request until the server serves it; the last answer is returned as it is.

        Raises:
            httpx2.TransportError: no attempt brought an answer.
        """
        send = super().send

        def attempt() -> httpx2.Response:
            try:
                answer = send(request, **options)
            except httpx2.TransportError as error:
                raise _Unserved(error) from error
            if answer.status_code in _RETRIED or answer.status_code >= 500:
                answer.read()
                raise _Unserved(answer, asked_wait(answer.headers, datetime.now(UTC)))
            return answer

        policy = RetryPolicy(ATTEMPTS, FIRST_WAIT, longest_asked=LONGEST_WAIT)
        try:
            return call_with_retries(attempt, policy, _any_spread)
        except _Unserved as last:
            if isinstance(last.outcome, httpx2.TransportError):
                raise last.outcome from None
            return last.outcome

    def _with_retries(
        self, request: httpx2.Request, terms: Terms, limiter: Limiter, options: dict[str, Any]
    ) -> httpx2.Response:
        """Send a request until there is an answer.

        Raises:
            _Trouble: that of the last attempt, with their number.
        """
        attempts = 0

        def attempt() -> httpx2.Response:
            nonlocal attempts
            ticket = limiter.acquire()
            attempts += 1
            terms.counter.add(terms.kind, is_retry=attempts > 1)
            return self._attempt(request, terms, partial(limiter.release, ticket), options)

        policy = RetryPolicy(
            ATTEMPTS, FIRST_WAIT, longest_wait=LONGEST_WAIT, longest_asked=LONGEST_WAIT
        )
        try:
            return call_with_retries(attempt, policy, _any_spread)
        except _Trouble as trouble:
            wait = trouble.wait or 0.0
            asked = f", which asks to wait {wait:.0f} s" if wait > LONGEST_WAIT else ""
            words = f"{trouble}{asked}; attempts: {attempts}"
            raise _Trouble(words, trouble.wait, trouble.is_limit) from None

    def _attempt(
        self,
        request: httpx2.Request,
        terms: Terms,
        release: Callable[[httpx2.Headers | None, float | None], None],
        options: dict[str, Any],
    ) -> httpx2.Response:
        headers: httpx2.Headers | None = None
        trouble: _Trouble | None = None
        try:
            with TracedPermit(terms.permits) as permit:
                answer = self._answer(request, terms, permit, options)
                headers = _limit_headers(request, answer)
                try:
                    body = _read_body(answer, terms)
                finally:
                    answer.close()
            trouble = _trouble_in(answer, terms)
        except (httpx2.RequestError, httpx2.StreamError) as error:
            trouble = _Trouble(f"{type(error).__name__} {error}".strip())
        finally:
            pause = trouble.wait if trouble is not None and trouble.is_limit else None
            release(headers, pause)
        if trouble is not None:
            raise trouble
        return _with_body(answer, body)

    def _answer(
        self,
        request: httpx2.Request,
        terms: Terms,
        permit: TracedPermit,
        options: dict[str, Any],
    ) -> httpx2.Response:
        """Send a request under its permit; one that waited for it long, on another connection."""
        timeout = httpx2.Timeout(terms.timeout).as_dict()
        request.extensions |= {"timeout": timeout, "trace": permit.trace}
        try:
            return super().send(request, stream=True, **options)
        except ConnectionAged:
            permit.acquire()
            return super().send(request, stream=True, **options)


class _Unserved(PassingFailure):
    """An attempt that may be made again: its answer, or the error that came in place of one."""

    def __init__(
        self, outcome: httpx2.Response | httpx2.TransportError, wait: float | None = None
    ) -> None:
        super().__init__(str(outcome), wait)
        self.outcome = outcome


class _Trouble(PassingFailure):
    """Why an attempt brought nothing; `is_limit` where the server is well but wants fewer."""

    def __init__(self, words: str, wait: float | None = None, is_limit: bool = False) -> None:
        super().__init__(words, wait)
        self.is_limit = is_limit


def _any_spread(_: int) -> float:
    return secrets.SystemRandom().random()


def _bound_time(request: httpx2.Request) -> None:
    """Return a request the block's timeout, where the library has asked for none of its own."""
    seconds, asked = _timeout.get(), request.extensions.get("timeout", {})
    is_own = any(value is not None for value in asked.values())
    if is_own and asked != DEFAULT_TIMEOUT.as_dict():
        return
    timeout = DEFAULT_TIMEOUT if seconds is None else httpx2.Timeout(seconds)
    request.extensions |= {"timeout": timeout.as_dict()}


def _may_be_repeated(request: httpx2.Request) -> bool:
    """Return whether a request may be sent twice: it reads, or tells what is to be uploaded."""
    if request.method in _READING:
        return True
    path = request.url.path
    asks = any(part in path for part in _ASKING)
    return request.method == "POST" and asks and isinstance(request.stream, httpx2.ByteStream)


def _address(request: httpx2.Request) -> str:
    return f"{request.method} {request.url.copy_with(query=None)}"


def _netloc(request: httpx2.Request) -> str:
    return request.url.netloc.decode("ascii", "replace")


def _limit_headers(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Headers:
    """Return the headers that report the server's own limits, not those of its file store."""
    own = (item for item in (*answer.history, answer) if item.url.netloc == request.url.netloc)
    return next((item.headers for item in own if "ratelimit" in item.headers), answer.headers)


def _new_client() -> httpx2.Client:
    # as the library's own, with its hook for offline mode and request ids
    hooks: dict[str, list[Any]] = {"request": [hf_request_event_hook]}
    return PatientClient(event_hooks=hooks, follow_redirects=True, timeout=DEFAULT_TIMEOUT)


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
    of_the_body = (b"content-encoding", b"content-length", b"transfer-encoding")
    headers = [item for item in answer.headers.raw if item[0].lower() not in of_the_body]
    whole = httpx2.Response(
        answer.status_code, headers=headers, content=body, request=answer.request
    )
    whole.history = answer.history
    return whole


def _trouble_in(answer: httpx2.Response, terms: Terms) -> _Trouble | None:
    status = answer.status_code
    is_no = terms.kind == HubRequest.VIEWER and status in _SAYS_NO
    if status in _RETRIED or (status >= 500 and not is_no):
        is_limit = status == httpx2.codes.TOO_MANY_REQUESTS
        return _Trouble(f"HTTP {status}", asked_wait(answer.headers, datetime.now(UTC)), is_limit)
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    if answer.is_success and is_page and terms.kind != HubRequest.RESOLVE:
        return _Trouble(f"HTTP {status} with an HTML page in place of JSON")
    return None
