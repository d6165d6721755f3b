from datetime import UTC, datetime

import pytest

from dynosaur_etl.llm.failures import TryAgain
from dynosaur_etl.llm.limits import read_retry_after
from dynosaur_etl.llm.pace import LONGEST_WAIT, Breaker, backoff
from tests.llm.asking import make_request

NOW = datetime(2020, 12, 3, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Thu, 03 Dec 2020 12:00:30 GMT", 30.0),
        ("Thu, 03 Dec 2020 12:00:30 -0000", 30.0),
        ("Thu, 03 Dec 2020 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"retry-after": header}
    assert read_retry_after(headers, NOW) == seconds


def test_waits_double_spread_and_are_capped() -> None:
    keys = [make_request(str(n)).key for n in range(50)]
    for tries, full in [(1, 0.5), (2, 1.0), (3, 2.0), (20, LONGEST_WAIT)]:
        waits = {backoff(0.5, tries, key) for key in keys}
        assert len(waits) > 40
        assert full / 2 <= min(waits) < 0.6 * full
        assert 0.9 * full < max(waits) <= full


def test_failures_in_a_row_open_the_breaker() -> None:
    breaker = Breaker(concurrency=1)
    for _ in range(9):
        breaker.failed(TryAgain("HTTP 500"))
    breaker.answered()
    for _ in range(9):
        breaker.failed(TryAgain("HTTP 500"))
    assert not breaker.open
    breaker.failed(TryAgain("HTTP 500"))
    assert breaker.reason == "10 failures in a row, the last: HTTP 500"


def test_more_requests_in_flight_need_more_failures() -> None:
    breaker = Breaker(concurrency=32)
    for _ in range(95):
        breaker.failed(TryAgain("HTTP 500"))
    assert not breaker.open


def test_rate_limits_open_the_breaker_only_when_tries_are_used_up() -> None:
    breaker = Breaker(concurrency=1)
    limited = TryAgain("HTTP 429", rate_limited=True)
    for _ in range(1000):
        breaker.failed(limited)
    assert not breaker.open
    for _ in range(3):
        breaker.gave_up(limited)
    assert breaker.open
