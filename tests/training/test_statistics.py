"""Intervals and tests against scipy's own, and against cases in which items fool."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.training.statistics import (
    NOT_SHOWN,
    compare,
    highest,
    holm,
    lowest,
    over_items,
    over_seeds,
    seeds_needed,
)


def test_the_interval_over_seeds_is_students() -> None:
    values = [3.52, 3.65, 3.72, 3.61]
    found = over_seeds(values)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high))


def test_one_seed_shows_nothing() -> None:
    found = over_seeds([0.5])
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert found.holds_zero
    [one] = compare({"random": [3.0], "qdit": [2.0]}, "random")
    assert one.verdict == NOT_SHOWN


def test_a_difference_that_one_seed_shows_and_another_denies_is_not_shown() -> None:
    """The items of one seed said +0.103 [0.083, 0.124] where another seed said -0.007."""
    random = np.random.default_rng(0)
    items = random.normal(0.103, 0.15, 300)
    assert not over_items(items).holds_zero
    [one] = compare({"random": [0.0, 0.0, 0.0], "qdit": [0.103, -0.007, 0.02]}, "random")
    assert one.verdict == NOT_SHOWN


def test_a_difference_that_every_seed_has_is_shown_with_its_direction() -> None:
    base = [3.5, 3.9, 3.2, 3.7, 3.6]
    noise = [0.01, -0.01, 0.0, 0.02, -0.02]
    lower = [a - 0.2 + b for a, b in zip(base, noise, strict=True)]
    found = compare({"random": base, "other": lower}, "random")
    assert [one.verdict for one in found] == ["lower"]
    assert found[0].difference.mean == pytest.approx(-0.2)
    assert found[0].p == pytest.approx(stats.ttest_rel(lower, base).pvalue)


def test_many_comparisons_are_counted() -> None:
    """Of 40 methods that are all the same as chance, two or so are shown if each stands alone."""
    random = np.random.default_rng(3)
    figures = {f"m{n}": random.normal(0, 1, 10).tolist() for n in range(40)}
    figures["random"] = [0.0] * 10
    found = compare(figures, "random")
    assert any(not one.difference.holds_zero for one in found)
    assert [one.method for one in found if one.is_shown] == []


def test_holm_is_the_step_down_of_his_paper() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06}
    )
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_items_of_one_source_are_resampled_together() -> None:
    """Ten copies of each of five values are five values, not fifty."""
    values = np.repeat([0.0, 0.1, 0.2, 0.3, 1.0], 10)
    groups = np.repeat(["a", "b", "c", "d", "e"], 10).tolist()
    alone, together = over_items(values), over_items(values, groups)
    assert together.half > 2.5 * alone.half
    assert together.mean == alone.mean


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.integers(0, 3))
def test_the_same_seed_resamples_the_same(values: list[float], seed: int) -> None:
    first = over_items(values, seed=seed, resamples=50)
    assert first == over_items(values, seed=seed, resamples=50)
    assert first.low <= first.high


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_the_tails_are_a_tenth_at_each_end(values: list[float]) -> None:
    ordered = sorted(values)
    number = max(1, round(len(values) / 10))
    assert lowest(values) == pytest.approx(np.mean(ordered[:number]))
    assert highest(values) == pytest.approx(np.mean(ordered[-number:]))


def test_the_seeds_that_a_small_difference_needs() -> None:
    assert seeds_needed(0.055, 0.03) == 27
    assert seeds_needed(0.10, 0.03) == 88
    assert seeds_needed(0.001, 1) == 2


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, 1.0]])
def test_what_is_no_number_is_refused(values: list[float]) -> None:
    with pytest.raises(InvalidInput, match="finite"):
        over_seeds(values)


def test_methods_of_other_numbers_of_seeds_are_refused() -> None:
    with pytest.raises(InvalidInput, match="seeds of each method"):
        compare({"random": [1.0, 2.0], "qdit": [1.0]}, "random")
    with pytest.raises(InvalidInput, match="reference"):
        compare({"qdit": [1.0]}, "random")
