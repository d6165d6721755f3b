import numpy as np
import pytest
from scipy.stats import spearmanr

from dynosaur_etl.quality.correlation import figures_of, rank_correlations


def test_ranks_are_correlated_as_scipy_does_it_over_common_rows() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 9, 200).astype(float)
    other = one + rng.normal(size=200) * 4
    other[:20] = np.nan
    found = rank_correlations({"a": one, "b": other, "c": np.ones(200), "d": np.full(200, np.nan)})
    assert found["a"]["b"] == pytest.approx(spearmanr(one[20:], other[20:]).statistic)
    assert found["a"]["a"] == pytest.approx(1)
    assert found["b"]["a"] == found["a"]["b"]
    assert found["a"]["c"] is None
    assert found["a"]["d"] is None


def test_figures_count_what_is_missing() -> None:
    found = figures_of(np.array([0.0, 1.0, np.nan]))
    assert (found.scored, found.missing, found.mean, found.deviation) == (2, 1, 0.5, 0.5)
    assert figures_of(np.array([np.nan])).mean is None
