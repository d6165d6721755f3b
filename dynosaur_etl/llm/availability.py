"""Whether a request is tried again, and whether the server is worth asking any more in this run."""

from dynosaur_etl.llm.failures import TryAgain
from dynosaur_etl.net.breaker import CircuitBreaker
from dynosaur_etl.net.retry import RetryPolicy

_FEWEST_FAILURES = 10
_ROUNDS = 3
_GIVEN_UP = 3
_WAITS_PER_TRY = 3


class RequestTries:
    """The tries of one request. A rate limit is waited for: three of them count as one try."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
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
        return self._failed + self._limited / _WAITS_PER_TRY >= self._policy.attempts


class ServerHealth:
    """Knows when the server looks dead, so that no more time is spent on it in this run.

    It does after as many failures in a row, without an answer between them, as three rounds of the
    requests in flight (at least 10), after three requests in a row used up all their tries, and
    when the server asks for a wait that is too long for a run. A rate limit is a sign of life: it
    counts only towards the second.
    """

    def __init__(self, concurrency: int, policy: RetryPolicy) -> None:
        self._policy = policy
        self._failures = CircuitBreaker(max(_FEWEST_FAILURES, _ROUNDS * concurrency))
        self._given_up = CircuitBreaker(_GIVEN_UP)
        self.reason: str | None = None

    @property
    def is_dead(self) -> bool:
        return self.reason is not None

    def answered(self) -> None:
        self._failures.succeeded()
        self._given_up.succeeded()

    def failed(self, failure: TryAgain) -> None:
        if failure.wait is not None:
            self.asked_to_wait(failure.wait)
        if not failure.rate_limited:
            self._failures.failed()
        if self._failures.is_open:
            self._die(f"{self._failures.failures} failures in a row, the last: {failure}")

    def asked_to_wait(self, seconds: float) -> bool:
        """Take in a wait that the server asks for; return whether it is too long for a run."""
        is_too_long = seconds > self._policy.longest_asked
        if is_too_long:
            self._die(f"the server asks to wait {seconds:.0f} seconds")
        return is_too_long

    def gave_up(self, failure: TryAgain) -> None:
        """Take in a request that has used up its tries."""
        self._given_up.failed()
        if self._given_up.is_open:
            used_up = f"{self._given_up.failures} requests in a row used up their tries"
            self._die(f"{used_up}: {failure}")

    def _die(self, reason: str) -> None:
        self.reason = self.reason or reason
