"""What servers report of their limits and ask to wait, header by header."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.rate_limit import ReportedLimits
from dynosaur_etl.net.headers import (
    Window,
    asked_wait,
    read_reported_limits,
    read_retry_after,
    read_window,
)

NOW = datetime(2020, 12, 3, 12, 0, tzinfo=UTC)


def headers(**values: str) -> dict[str, str]:
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, ReportedLimits()),
        (headers(limit_requests="500", limit_tokens="30000"), ReportedLimits(500, 30_000)),
        (headers(remaining_requests="0", reset_requests="6m0s"), ReportedLimits(wait=360.0)),
        (headers(remaining_requests="1", reset_requests="6m0s"), ReportedLimits()),
        (headers(remaining_tokens="99", reset_tokens="1h2m3.5s"), ReportedLimits(wait=3723.5)),
        (headers(remaining_tokens="100", reset_tokens="12ms"), ReportedLimits()),
        (headers(remaining_tokens="0", reset_tokens="12ms"), ReportedLimits(wait=0.012)),
        (headers(remaining_tokens="0", reset_tokens="7"), ReportedLimits(wait=7.0)),
        (headers(remaining_requests="0", remaining_tokens="0", reset_requests="2s",
                 reset_tokens="3s"), ReportedLimits(wait=3.0)),
        (headers(limit_requests="-5", limit_tokens="many"), ReportedLimits()),
        (headers(remaining_requests="9" * 40), ReportedLimits()),
        (headers(remaining_requests="0", reset_requests="nan"), ReportedLimits()),
        (headers(remaining_requests="0", reset_requests="soon"), ReportedLimits()),
    ],
)  # fmt: skip
def test_headers_are_read(found: dict[str, str], told: ReportedLimits) -> None:
    assert read_reported_limits(found, tokens=100) == told


def test_milliseconds_go_before_seconds() -> None:
    found = {"retry-after-ms": "250", "retry-after": "1"}
    assert read_retry_after(found, NOW) == 0.25


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


@pytest.mark.parametrize(
    ("found", "window"),
    [
        ({}, Window()),
        ({"ratelimit": '"api";r=489;t=271'}, Window(remaining=489, reset=271.0)),
        ({"ratelimit-policy": '"w";"api";q=500;w=300'}, Window(quota=500, seconds=300.0)),
        ({"ratelimit": "r=0; t = 7"}, Window(remaining=0, reset=7.0)),
        ({"ratelimit": "r=0"}, Window()),
        ({"ratelimit-policy": "q=0;w=60"}, Window(seconds=60.0)),
        ({"ratelimit": "r=x;t=y", "ratelimit-policy": "\xff"}, Window()),
    ],
)
def test_a_window_is_read(found: dict[str, str], window: Window) -> None:
    assert read_window(found) == window


@pytest.mark.parametrize(
    ("found", "wait"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": '"api";r=3;t=55'}, None),
        ({"retry-after": "soon", "ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"retry-after": "3", "ratelimit": '"api";r=0;t=55'}, 55.0),
        (headers(remaining_requests="0", reset_requests="2s"), 2.0),
        (headers(remaining_tokens="50", reset_tokens="2s"), 2.0),
        (headers(remaining_tokens="100", reset_tokens="2s"), None),
    ],
)
def test_the_wait_that_an_answer_asks_for_is_read_from_whichever_header(
    found: dict[str, str], wait: float | None
) -> None:
    assert asked_wait(found, NOW, tokens=100) == wait


NAMES = ["retry-after", "retry-after-ms", "ratelimit", "ratelimit-policy", *headers(
    limit_requests="", remaining_requests="", reset_requests="", remaining_tokens="",
    reset_tokens="",
)]  # fmt: skip
VALUES = st.text(st.sampled_from('0123456789.-+emsdh;r=t qw"GMT,\xff'), max_size=30)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_no_header_breaks_the_reader_and_no_wait_is_negative(found: dict[str, str]) -> None:
    wait = asked_wait(found, NOW)
    assert wait is None or wait >= 0
    read_window(found)
