"""The HTTP session under the Hub's own client: timeouts, retries and bounds for every request.

`huggingface_hub` sends everything through one session of the process. It gives listings, commits
and trees no timeout, does not retry every call, and sleeps for as long as a server asks. Here each
request made under `Terms` gets a timeout, bounded retries and a bounded body; the requests of
others in the same process go through unchanged.
"""

import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from huggingface_hub import get_session, set_client_factory
from huggingface_hub.utils._http import hf_request_event_hook

from dynosaur_etl.domain.errors import HubUnavailable

ATTEMPTS = 4
FIRST_WAIT = 0.5
LONGEST_WAIT = 330.0
"""Seconds; the Hub's rate limits count over windows of 300 s."""

_BODY_TIMEOUTS = 10  # a whole body may take this many timeouts, so that a trickle ends as well
_RETRIED = frozenset({408, 425, 429})
_RATE_LIMIT = re.compile(r"\br\s*=\s*0\b.*?\bt\s*=\s*(\d{1,9})")
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
        trouble, wait = _Trouble("not sent"), 0.0
        for attempt in range(1, ATTEMPTS + 1):
            terms.counter.add(terms.kind, is_retry=attempt > 1)
            outcome = self._attempt(request, terms, options)
            if isinstance(outcome, httpx2.Response):
                return outcome
            trouble, wait = outcome, _wait(outcome, attempt)
            if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                break
            time.sleep(wait)
        asked = f", which asks to wait {wait:.0f} s" if wait > LONGEST_WAIT else ""
        place = f"{request.method} {request.url.copy_with(query=None)}"
        raise HubUnavailable(f"{place}: {trouble.words}{asked}; attempts: {attempt}")

    def _attempt(
        self, request: httpx2.Request, terms: Terms, options: dict[str, Any]
    ) -> "httpx2.Response | _Trouble":
        request.extensions["timeout"] = httpx2.Timeout(terms.timeout).as_dict()
        try:
            with terms.slots:
                answer = super().send(request, stream=True, **options)
                try:
                    body = _read_body(answer, terms)
                finally:
                    answer.close()
        except (httpx2.RequestError, httpx2.StreamError) as error:
            return _Trouble(f"{type(error).__name__} {error}".strip())
        return _trouble_in(answer, terms) or _with_body(answer, body)


@dataclass(frozen=True)
class _Trouble:
    """Why an attempt brought nothing, and the seconds that the server asks to wait."""

    words: str
    asked_wait: float | None = None


def _new_client() -> httpx2.Client:
    # as the library's own, with its hook for offline mode and request ids
    hooks: dict[str, list[Any]] = {"request": [hf_request_event_hook]}
    return PatientClient(event_hooks=hooks, follow_redirects=True, timeout=None)


def _read_body(answer: httpx2.Response, terms: Terms) -> bytes:
    deadline = time.monotonic() + terms.timeout * _BODY_TIMEOUTS
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) >= terms.most_bytes:
            break
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the body comes too slowly", request=answer.request)
    return bytes(body[: terms.most_bytes])


def _with_body(answer: httpx2.Response, body: bytes) -> httpx2.Response:
    told = ("content-encoding", "content-length", "transfer-encoding")
    headers = [item for item in answer.headers.multi_items() if item[0].lower() not in told]
    whole = httpx2.Response(
        answer.status_code, headers=headers, content=body, request=answer.request
    )
    whole.history = answer.history
    return whole


def _trouble_in(answer: httpx2.Response, terms: Terms) -> _Trouble | None:
    status = answer.status_code
    if status in _RETRIED or status >= 500:
        return _Trouble(f"HTTP {status}", _asked_wait(answer.headers))
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
