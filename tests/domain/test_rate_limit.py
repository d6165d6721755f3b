"""The state of a server: no window sees more than its limit, wherever it begins."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.rate_limit import LONGEST_PAUSE, RateLimit, RateLimitRules, ReportedLimits

WINDOW, MARGIN = 60.0, 1.0
gaps = st.lists(st.floats(0, 20), min_size=1, max_size=60)


def moments(
    rules: RateLimitRules, gaps: list[float], tokens: list[int], state: RateLimit | None = None
) -> list[float]:
    """Ask for a turn after each gap."""
    now, given_out, state = 1_000.0, [], state or RateLimit()
    for gap, size in zip(gaps, tokens, strict=False):
        now += gap
        state, moment = state.take(rules, size, now)
        given_out.append(moment)
    return given_out


def fullest_window(moments: list[float], late: list[float], sizes: list[int]) -> int:
    """Give the most that arrives in any window, each a part of the margin late."""
    arrivals = sorted(
        (moment + share * MARGIN * 0.999, size)
        for moment, share, size in zip(moments, late, sizes, strict=False)
    )
    return max(
        sum(size for arrival, size in arrivals if start <= arrival < start + WINDOW)
        for start, _ in arrivals
    )


@given(st.integers(1, 40), gaps, st.lists(st.floats(0, 1), min_size=60, max_size=60))
def test_no_window_sees_more_requests_than_allowed(
    limit: int, gaps: list[float], late: list[float]
) -> None:
    given_out = moments(RateLimitRules(requests=limit), gaps, [1] * len(gaps))
    assert fullest_window(given_out, late, [1] * len(gaps)) <= limit
    assert all(first <= second for first, second in pairwise(given_out))


@given(
    st.integers(100, 1_000),
    gaps,
    st.lists(st.integers(1, 50), min_size=60, max_size=60),
    st.lists(st.floats(0, 1), min_size=60, max_size=60),
)
def test_no_window_sees_more_tokens_than_allowed(
    limit: int, gaps: list[float], sizes: list[int], late: list[float]
) -> None:
    given_out = moments(RateLimitRules(tokens=limit), gaps, sizes, RateLimit(largest=50))
    assert fullest_window(given_out, late, sizes) <= limit


def test_the_limit_is_used_but_for_the_margin() -> None:
    given_out = moments(RateLimitRules(requests=60), [0.0] * 600, [1] * 600)
    assert given_out[-1] - given_out[0] == pytest.approx(599 * 61 / 60)


def test_the_least_of_what_is_known_counts() -> None:
    state = RateLimit(reported_requests=30, found=90)
    assert state.limits(RateLimitRules(requests=60)) == (30, None)
    assert state.limits(RateLimitRules(requests=10, tokens=7)) == (10, 7)
    assert not RateLimit().is_known(RateLimitRules())


def test_nothing_leaves_before_the_time_that_a_refusal_names() -> None:
    state = RateLimit().refused(RateLimitRules(), 7.0, 0, now=100.0)
    assert state.take(RateLimitRules(), 1, now=101.0)[1] == 107.0
    assert state.found is None
    assert state.refused(RateLimitRules(), 1.0, 0, now=100.5).paused_until == 107.0


def test_refusals_without_a_time_halve_the_pace_and_pause_longer_each_time() -> None:
    rules, state, now = RateLimitRules(), RateLimit(), 100.0
    pauses, found = [], []
    for _ in range(8):
        state = state.refused(rules, None, 600, now)
        pauses.append(state.paused_until - now)
        found.append(state.found)
        now = state.paused_until + 0.1
    assert pauses == pytest.approx([1, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE])
    assert found == [300, 150, 75, 37, 18, 9, 4, 2]


def test_refusals_of_one_moment_count_once() -> None:
    once = RateLimit().refused(RateLimitRules(), None, 600, now=100.0)
    assert once.refused(RateLimitRules(), None, 600, now=100.5) == once


def test_after_a_quiet_window_a_little_more_is_tried() -> None:
    rules = RateLimitRules()
    state = RateLimit().refused(rules, None, 80, now=100.0)
    state, _ = state.take(rules, 1, now=120.0)
    assert state.found == 40
    state, _ = state.take(rules, 1, now=170.0)
    assert (state.found, state.strikes) == (51, 0)


def test_what_the_server_tells_is_kept_until_it_tells_otherwise() -> None:
    state = RateLimit().reported(ReportedLimits(requests=500, tokens=9_000), now=1.0)
    state = state.reported(ReportedLimits(requests=400, wait=3.0), now=10.0)
    assert (state.reported_requests, state.reported_tokens) == (400, 9_000)
    assert state.paused_until == 13.0
