"""Retries and breakers by the clock: how often, how long, and when no more."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dynosaur_etl.domain.identity import digest
from dynosaur_etl.net.breaker import CircuitBreaker, CircuitOpen
from dynosaur_etl.net.retry import (
    PassingFailure,
    RetryPolicy,
    call_with_retries,
    spread_by_key,
)

QUICK = RetryPolicy(4, first_wait=0.01, longest_asked=5.0)


class Flaky:
    """Fails so many times, then gives 7."""

    def __init__(self, failures: int, wait: float | None = None) -> None:
        self.left, self.wait, self.calls = failures, wait, 0

    def __call__(self) -> int:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise PassingFailure(f"failure {self.calls}", self.wait)
        return 7


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_what_passes_is_called_again(failures: int) -> None:
    flaky = Flaky(failures)
    assert call_with_retries(flaky, QUICK, lambda _: 0.5) == 7
    assert flaky.calls == failures + 1


def test_the_last_failure_is_raised_as_it_is() -> None:
    flaky = Flaky(9)
    with pytest.raises(PassingFailure, match="failure 4"):
        call_with_retries(flaky, QUICK, lambda _: 0.5)
    assert flaky.calls == 4


def test_another_error_is_no_failure_that_passes() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call_with_retries(broken, QUICK, lambda _: 0.5)


def test_a_wait_that_is_asked_for_is_kept_and_one_that_is_too_long_is_not() -> None:
    seen: list[float] = []
    started = time.monotonic()
    call_with_retries(Flaky(1, wait=0.3), QUICK, lambda _: 0.0, lambda _, wait: seen.append(wait))
    assert time.monotonic() - started >= 0.3
    assert seen == [pytest.approx(0.31)]
    flaky = Flaky(1, wait=5.1)
    with pytest.raises(PassingFailure):
        call_with_retries(flaky, QUICK, lambda _: 0.0)
    assert flaky.calls == 1


def test_waits_grow_spread_and_are_capped() -> None:
    policy = RetryPolicy(9)
    keys = [digest(number) for number in range(50)]
    for failures, full in [(1, 0.5), (2, 1.0), (3, 2.0), (20, 30.0)]:
        waits = {policy.own_wait(failures, spread_by_key(key)(failures)) for key in keys}
        assert len(waits) > 40
        assert full / 2 <= min(waits) < 0.6 * full
        assert 0.9 * full < max(waits) <= full
    assert RetryPolicy(9, growth=4.0).own_wait(3, 0.0) == 8.0


def test_a_breaker_opens_cools_down_and_lets_one_through() -> None:
    breaker = CircuitBreaker(3, cool_down=0.2)
    for _ in range(2):
        breaker.failed()
    breaker.check()
    breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    assert breaker.is_open
    with pytest.raises(CircuitOpen, match="3 requests in a row"):
        breaker.check()
    time.sleep(0.25)
    breaker.check()
    with pytest.raises(CircuitOpen):
        breaker.check()
    breaker.succeeded()
    breaker.check()


def test_a_breaker_without_a_cool_down_stays_open() -> None:
    breaker = CircuitBreaker(1)
    breaker.failed()
    assert breaker.is_open
    with pytest.raises(CircuitOpen):
        breaker.check()


def test_a_breaker_counts_every_thread() -> None:
    breaker = CircuitBreaker(10_000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: breaker.failed(), range(5_000)))
    assert breaker.failures == 5_000
