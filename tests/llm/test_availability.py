import pytest

from dynosaur_etl.llm.availability import RequestTries, ServerHealth
from dynosaur_etl.llm.failures import TryAgain
from dynosaur_etl.net.retry import RetryPolicy

POLICY = RetryPolicy(3)
FAILURE = TryAgain("HTTP 500")
LIMITED = TryAgain("HTTP 429", rate_limited=True)


def test_failures_in_a_row_show_a_dead_server() -> None:
    health = ServerHealth(1, POLICY)
    for _ in range(9):
        health.failed(FAILURE)
    health.answered()
    for _ in range(9):
        health.failed(FAILURE)
    assert not health.is_dead
    health.failed(FAILURE)
    assert health.reason == "10 failures in a row, the last: HTTP 500"


def test_more_requests_in_flight_need_more_failures() -> None:
    health = ServerHealth(32, POLICY)
    for _ in range(95):
        health.failed(FAILURE)
    assert not health.is_dead


def test_rate_limits_show_it_only_when_tries_are_used_up() -> None:
    health = ServerHealth(1, POLICY)
    for _ in range(1000):
        health.failed(LIMITED)
    assert not health.is_dead
    for _ in range(3):
        health.gave_up(LIMITED)
    assert health.is_dead


@pytest.mark.parametrize(("seconds", "is_dead"), [(120.0, False), (121.0, True)])
def test_a_wait_that_is_too_long_ends_the_run(seconds: float, is_dead: bool) -> None:
    health = ServerHealth(1, POLICY)
    health.failed(TryAgain("HTTP 429", wait=seconds, rate_limited=True))
    assert health.is_dead == is_dead
    assert health.asked_to_wait(seconds) == is_dead


def test_three_rate_limits_count_as_one_try() -> None:
    tries = RequestTries(POLICY)
    for _ in range(8):
        tries.failed(LIMITED)
    assert (tries.used_up, tries.number) == (False, 8)
    tries.failed(LIMITED)
    assert tries.used_up
    other = RequestTries(POLICY)
    for _ in range(3):
        assert not other.used_up
        other.failed(FAILURE)
    assert other.used_up
