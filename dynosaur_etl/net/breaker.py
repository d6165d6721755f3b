"""A circuit breaker: a server that fails many times in a row is left alone."""

import math
import threading
import time


class CircuitOpen(Exception):
    """The server is left alone for now."""


class CircuitBreaker:
    """Opens after so many failures in a row; safe across threads.

    After a cool-down it lets one call through, and closes when that one succeeds. Without a
    cool-down it stays open.
    """

    def __init__(self, most_failures: int, cool_down: float = math.inf) -> None:
        """Take the failures in a row that open it, and the seconds for which it stays open."""
        self._most_failures = most_failures
        self._cool_down = cool_down
        self._lock = threading.Lock()
        self._failures = 0
        self._opens_until = 0.0

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self._failures

    @property
    def is_open(self) -> bool:
        return self._failures >= self._most_failures and time.monotonic() < self._opens_until

    def check(self) -> None:
        """Let a call through; after a cool-down one, and the rest if that one succeeds.

        Raises:
            CircuitOpen: the server is left alone.
        """
        with self._lock:
            now = time.monotonic()
            if self._failures < self._most_failures:
                return
            if now < self._opens_until:
                found = f"{self._failures} requests in a row had no usable answer"
                left = self._opens_until - now
                raise CircuitOpen(f"{found}; the server is left alone for {left:.0f} s")
            self._opens_until = now + self._cool_down

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self._most_failures:
                self._opens_until = time.monotonic() + self._cool_down
