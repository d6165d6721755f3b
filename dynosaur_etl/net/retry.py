"""Calling again what failed in a way that may pass, with waits that grow and spread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

T = TypeVar("T")

Spread = Callable[[int], float]
"""Returns, for the number of failures so far, the part from 0 to 1 of half a wait to leave out."""


class PassingFailure(Exception):
    """A call failed in a way that may pass.

    Attributes:
        wait: seconds that the server asks for; None where it names none.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True)
class RetryPolicy:
    """How often a call is made, and how long one waits between two times; all waits in seconds.

    Attributes:
        attempts: most times that a call is made.
        first_wait: after the first failure; it grows by `growth` with each one.
        longest_wait: of what is waited by our own count.
        longest_asked: a server that asks for more is given up.
    """

    attempts: int
    first_wait: float = 0.5
    growth: float = 2.0
    longest_wait: float = 30.0
    longest_asked: float = 120.0

    def own_wait(self, failures: int, spread: float) -> float:
        """Return the wait after so many failures, where the server names none.

        `spread`, from 0 to 1, takes up to half of it away, so that callers do not come back at
        once.
        """
        longest = min(self.first_wait * self.growth ** (failures - 1), self.longest_wait)
        return longest * (1 - spread / 2)

    def wait(self, failures: int, failure: PassingFailure, spread: float) -> float:
        """Return the whole wait after a failure: what the server asks for, and our own."""
        return (failure.wait or 0.0) + self.own_wait(failures, spread)


def spread_by_key(key: str) -> Spread:
    """Return a spread that a hexadecimal key decides: the same request waits alike in any run."""

    def spread(failures: int) -> float:
        offset = 8 * (failures % (len(key) // 8))
        return float(int(key[offset : offset + 8], 16) / 2**32)

    return spread


def call_with_retries(
    call: Callable[[], T],
    policy: RetryPolicy,
    spread: Spread,
    before_wait: Callable[[PassingFailure, float], None] | None = None,
) -> T:
    """Return what a call gives; a `PassingFailure` of it is another try.

    Args:
        call: what to do; it may be done `policy.attempts` times.
        policy: how long to wait, and when to give up.
        spread: see `Spread`.
        before_wait: called with a failure, and with the seconds until the next try.

    Raises:
        PassingFailure: the last one, where every try failed or the server asks for too long a wait.
    """

    def wait(state: RetryCallState) -> float:
        return policy.wait(state.attempt_number, _failure(state), spread(state.attempt_number))

    def asks_too_much(state: RetryCallState) -> bool:
        return (_failure(state).wait or 0.0) > policy.longest_asked

    def report(state: RetryCallState) -> None:
        if before_wait is not None:
            before_wait(_failure(state), state.upcoming_sleep)

    retrying = Retrying(
        stop=lambda state: stop_after_attempt(policy.attempts)(state) or asks_too_much(state),
        wait=wait,
        retry=retry_if_exception_type(PassingFailure),
        before_sleep=report,
        reraise=True,
    )
    return retrying(call)


def _failure(state: RetryCallState) -> PassingFailure:
    error = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(error, PassingFailure):
        raise TypeError(f"a try ended without a failure: {error!r}")
    return error
