"""Keeping under a server's rate limits, and leaving a server alone that does not answer.

One `Limiter` for each server and kind of limit, and one circuit breaker for each server, are shared
by all threads of the process. A server reports its limits with every answer, see
`dynosaur_etl.net.headers`.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from dynosaur_etl.domain.errors import HubUnavailable
from dynosaur_etl.net.breaker import CircuitBreaker
from dynosaur_etl.net.headers import read_window

LONGEST_WAIT = 330.0
"""Seconds; the Hub's rate limits count over windows of 300 s."""

BREAK_AFTER = 8
"""Requests in a row that were given up, each after all its attempts."""

COOL_DOWN = 60.0
"""Seconds for which a server that does not answer is left alone."""


class Limiter:
    """Hands out the requests that a server allows; threads wait for their turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: int | None = None
        self._sent = 0
        self._answered = 0
        self._renewed_at = 0.0
        self._quota: int | None = None
        self._window = 0.0
        self._paused_until = 0.0

    def acquire(self) -> int:
        """Wait until one more request is allowed; return its ticket, which `release` wants.

        Raises:
            HubUnavailable: the wait would be longer than 330 s.
        """
        while (wait := self._try()) > 0:
            if wait > LONGEST_WAIT:
                raise HubUnavailable(f"the rate limit allows no request for {wait:.0f} s")
            time.sleep(wait)
        return self._answered

    def release(
        self, ticket: int, headers: Mapping[str, str] | None, pause: float | None = None
    ) -> None:
        """End a request.

        Args:
            ticket: that `acquire` returned for it.
            headers: of its answer, None where there was none.
            pause: seconds for which the server wants no request at all.
        """
        with self._lock:
            self._answered += 1
            if headers is not None:
                self._read(headers, unseen=self._sent - ticket - 1)
            if pause is not None:
                self._paused_until = max(self._paused_until, time.monotonic() + pause)

    def _try(self) -> float:
        """Take a request and return 0, or return the seconds after which to try again."""
        with self._lock:
            now = time.monotonic()
            if now < self._paused_until:
                return self._paused_until - now
            if self._left is not None and now >= self._renewed_at:
                on_the_way = self._sent - self._answered
                self._left = None if self._quota is None else self._quota - on_the_way
                self._renewed_at = now + self._window
            if self._left is not None and self._left <= 0:
                return max(self._renewed_at - now, 0.001)
            if self._left is not None:
                self._left -= 1
            self._sent += 1
            return 0.0

    def _read(self, headers: Mapping[str, str], unseen: int) -> None:
        """Take over what an answer reports as left, less what its server may not have counted.

        Answers overtake each other: a server has surely counted only what was answered before
        this answer's request left.
        """
        window = read_window(headers)
        self._quota = window.quota or self._quota
        self._window = self._window if window.seconds is None else window.seconds
        if window.remaining is not None and window.reset is not None:
            self._left = window.remaining - unseen
            self._renewed_at = time.monotonic() + window.reset


def _new_breaker() -> CircuitBreaker:
    return CircuitBreaker(BREAK_AFTER, COOL_DOWN)


@dataclass
class Server:
    """What the process knows of one server."""

    breaker: CircuitBreaker = field(default_factory=_new_breaker)
    limiters: defaultdict[str, Limiter] = field(default_factory=lambda: defaultdict(Limiter))


_servers: defaultdict[str, Server] = defaultdict(Server)
_servers_lock = threading.Lock()


def limits_of(origin: str, lane: str) -> tuple[CircuitBreaker, Limiter]:
    """Return the breaker of a server, and the limiter of one of its separately limited kinds."""
    with _servers_lock:
        server = _servers[origin]
        return server.breaker, server.limiters[lane]
