"""Measures of selections with known values."""

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import GroundSet, Specification, select_by
from dynosaur_etl.selection.assessment import metrics
from tests.selection.conftest import clustered_pool
from tests.selection.naive import cosines

POOL = clustered_pool(1, 400)


def test_vendi_counts_distinct_directions() -> None:
    pool = np.eye(8).repeat(3, axis=0)
    assert metrics.vendi(pool, np.arange(24)) == pytest.approx(8)
    assert metrics.vendi(pool, [0, 1, 2]) == pytest.approx(1)
    assert metrics.vendi(pool, [0, 3, 6]) == pytest.approx(3)


def test_novelsum_prefers_spread_picks() -> None:
    farthest = select_by("k-center", GroundSet(POOL), Specification(40))
    spread = metrics.novelsum(POOL, farthest.order)
    crowded = metrics.novelsum(POOL, np.argsort(-cosines(POOL)[0], kind="stable")[:40])
    assert spread > 1.5 * crowded
    with pytest.raises(InvalidInput, match="NovelSum"):
        metrics.novelsum(POOL, [3])


def test_metrics_of_a_known_selection() -> None:
    pool = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [3.0, 4.0]])
    assert metrics.point_coverage(pool, [0]) == pytest.approx([1.0, 0.0, 0.0, 0.6])
    found = metrics.summarise(pool, [0, 1], [0.9, 0.1, 0.5, 0.5], ["a", "b", "b", "b"])
    assert found == {
        "coverage_mean": pytest.approx((1 + 1 + 0 + 0.8) / 4),
        "coverage_lowest_decile": 0.0,
        "quality_mean": 0.5,
        "quality_lowest_decile": 0.1,
        "shares": {"a": 0.5, "b": 0.5},
    }
