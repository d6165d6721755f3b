"""When to send again and when to stop: waits, pauses and the circuit breaker."""

from dynosaur_etl.llm.failures import TryAgain

LONGEST_WAIT = 30.0
LONGEST_ASKED_WAIT = 120.0
_FEWEST_FAILURES = 10
_ROUNDS = 3
_GIVEN_UP = 3
_WAITS_PER_TRY = 3


def backoff(first: float, tries: int, key: str) -> float:
    """Give the seconds to wait after `tries` failures: doubling, with jitter by the key.

    The jitter takes up to half of the wait away. It comes from the key, so that requests spread
    and yet the same request waits the same time in any run.
    """
    longest = min(first * 2.0 ** (tries - 1), LONGEST_WAIT)
    offset = 8 * (tries % 8)
    return longest * (1 - int(key[offset : offset + 8], 16) / 2**33)


class Tries:
    """The tries of one request. A rate limit is waited for: three of them count as one try."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limited = 0
        self._failed = 0

    def failed(self, failure: TryAgain) -> None:
        if failure.rate_limited:
            self._limited += 1
        else:
            self._failed += 1

    @property
    def number(self) -> int:
        """Failures so far, of either kind; the next wait grows with it."""
        return self._failed + self._limited

    @property
    def used_up(self) -> bool:
        return self._failed + self._limited / _WAITS_PER_TRY >= self._most


class Breaker:
    """Opens when the server looks dead, so that no more time is spent on it.

    It opens after as many failures in a row, without an answer between them, as three rounds of
    the requests in flight (at least 10), and after three requests in a row used up all their
    tries. A rate limit is a sign of life: it counts only towards the latter.
    """

    def __init__(self, concurrency: int) -> None:
        self._limit = max(_FEWEST_FAILURES, _ROUNDS * concurrency)
        self._failures = 0
        self._given_up = 0
        self.reason: str | None = None

    @property
    def open(self) -> bool:
        return self.reason is not None

    def answered(self) -> None:
        self._failures = self._given_up = 0

    def failed(self, failure: TryAgain) -> None:
        if failure.wait is not None and failure.wait > LONGEST_ASKED_WAIT:
            self.paused(failure.wait)
        if not failure.rate_limited:
            self._failures += 1
        if self._failures >= self._limit:
            self._open(f"{self._failures} failures in a row, the last: {failure}")

    def paused(self, seconds: float) -> None:
        """Take in a wait that is too long for a run."""
        self._open(f"the server asks to wait {seconds:.0f} seconds")

    def gave_up(self, failure: TryAgain) -> None:
        self._given_up += 1
        if self._given_up >= _GIVEN_UP:
            self._open(f"{self._given_up} requests in a row used up their tries: {failure}")

    def _open(self, reason: str) -> None:
        self.reason = self.reason or reason
