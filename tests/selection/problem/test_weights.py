"""Points that weigh differently, and nearness to a target as a weight."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import Budget, qdit
from dynosaur_etl.selection.assessment.metrics import point_coverage
from dynosaur_etl.selection.problem.weights import check_weights, nearness
from dynosaur_etl.selection.vectors.fixed_point import FINE, as_vectors
from tests.selection.conftest import clustered_pool
from tests.selection.naive import fixed_point

MODES = ("exact", "near-exact", "graph", "partitioned")


def naive(similarity: np.ndarray, weight: np.ndarray, k: int) -> tuple[list[int], list[int]]:
    """Greedy by the weighted sum of all gains at every pick, ties to the lowest position."""
    order: list[int] = []
    gains: list[int] = []
    cover = np.zeros(len(similarity), np.int64)
    for _ in range(k):
        found = (np.maximum(similarity - cover, 0) * weight).sum(axis=1)
        found[order] = -1
        order.append(int(np.argmax(found)))
        gains.append(int(found[order[-1]]))
        cover = np.maximum(cover, similarity[order[-1]])
    return order, gains


@given(st.integers(2, 70), st.integers(0, 2**32), st.sampled_from([0.0, 1.0, 4.0]))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_exact_is_naive_greedy_over_weighted_points(count: int, seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    pool = (rng.normal(size=(count, 6)) + 0.5).astype(np.float32)
    weights = rng.random(count) ** spread * 3 * (rng.random(count) > 0.3)
    weights[rng.integers(count)] = 3.0
    vectors = as_vectors(pool, FINE, "pool")
    similarity = fixed_point(vectors.values, vectors.scale, vectors.one)
    checked = check_weights(weights, count)
    whole = np.ones(count, np.int64) if checked.whole is None else checked.whole
    k = int(rng.integers(1, count + 1))
    found = qdit(pool, k, mode="exact", weights=weights)
    order, gains = naive(similarity, whole, k)
    assert found.order.tolist() == order
    expected = np.array(gains) / (vectors.one * checked.unit)
    np.testing.assert_allclose(found.gain, expected, rtol=1e-12)
    assert found.coverage[-1] == pytest.approx(sum(gains) / (vectors.one * whole.sum()))


@pytest.mark.parametrize("mode", MODES)
def test_equal_weights_give_the_bytes_of_none(mode: str) -> None:
    pool, quality = clustered_pool(1), np.random.default_rng(1).random(600)
    plain = qdit(pool, 60, quality, 0.5, mode)
    ones = qdit(pool, 60, quality, 0.5, mode, weights=np.ones(600))
    assert ones.order.tobytes() == plain.order.tobytes()
    assert ones.gain.tobytes() == plain.gain.tobytes()
    assert ones.coverage.tobytes() == plain.coverage.tobytes()
    assert ones.params == plain.params
    half = qdit(pool, 60, quality, 0.5, mode, weights=np.full(600, 0.5))
    assert half.order.tolist() == plain.order.tolist()
    np.testing.assert_allclose(half.gain, plain.gain / 2)


@pytest.mark.parametrize("mode", MODES)
def test_heavy_points_are_covered_better_in_every_mode(mode: str) -> None:
    pool = clustered_pool(2, 2500)
    weights = np.where(np.arange(2500) % 10 == 0, 1.0, 0.02)
    plain = qdit(pool, 120, mode=mode, part_points=600)
    found = qdit(pool, 120, mode=mode, weights=weights, part_points=600)
    reached = [
        np.average(point_coverage(pool, one.order), weights=weights) for one in (plain, found)
    ]
    assert reached[1] > reached[0]
    assert found.coverage[-1] <= reached[1] + 1e-3
    assert found.coverage[-1] == pytest.approx(reached[1], abs=0.03)
    exact = qdit(pool, 120, mode="exact", weights=weights)
    best = np.average(point_coverage(pool, exact.order), weights=weights)
    assert reached[1] >= (0.97 if mode == "partitioned" else 0.99) * best
    assert found.params["weighted"]


@pytest.mark.parametrize("mode", MODES)
def test_points_of_no_weight_may_be_picked_and_need_no_cover(mode: str) -> None:
    pool = clustered_pool(3)
    weights = (np.arange(600) < 20).astype(float)
    found = qdit(pool, 600, mode=mode, weights=weights, part_points=200)
    assert sorted(found.order.tolist()) == list(range(600))
    few = qdit(pool, 20, mode=mode, weights=weights)
    assert point_coverage(pool, few.order)[:20].mean() > 0.9


@pytest.mark.parametrize("mode", MODES)
def test_weights_go_with_anchors_budgets_caps_and_quality(mode: str) -> None:
    pool, rng = clustered_pool(4), np.random.default_rng(4)
    found = qdit(
        pool,
        Budget(rng.integers(1, 9, 600), 200),
        rng.random(600),
        mode=mode,
        anchors=np.array([3, 9]),
        must_include=[17],
        groups=(np.arange(600) % 5, 12),
        weights=rng.random(600),
        part_points=150,
    )
    assert found.order[0] == 17
    assert not {3, 9} & set(found.order.tolist())
    assert np.bincount(found.order % 5).max() <= 12
    assert (np.diff(found.coverage) >= -1e-12).all()
    assert 0 < found.coverage[0] <= found.coverage[-1] <= 1


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(5), "weights of shape"),
        (np.where(np.arange(50) == 7, -1.0, 1), "weight of row 7: received -1.0"),
        (np.where(np.arange(50) == 7, np.nan, 1), "weight of row 7: received nan"),
        (np.where(np.arange(50) == 7, np.inf, 1), "weight of row 7: received inf"),
        (np.zeros(50), "weights: received '0 everywhere'"),
    ],
)
def test_weights_that_are_none_are_refused(weights: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        qdit(clustered_pool(5, 50), 5, weights=weights)


def test_nearness_is_the_highest_cosine_to_the_fourth() -> None:
    pool = np.array([[1.0, 0], [0, 2], [1, 1], [-1, 0]])
    near = nearness(pool, np.array([[3.0, 0], [0.0, -1.0]]))
    np.testing.assert_allclose(near, [1, 0, 0.25, 0], atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_a_target_draws_the_picks_to_it(mode: str) -> None:
    pool = clustered_pool(6, 1500)
    target = pool[:40] + 0.1 * np.random.default_rng(6).normal(size=(40, 24)).astype(np.float32)
    plain = qdit(pool[40:], 40, mode=mode)
    found = qdit(pool[40:], 40, mode=mode, target=target)
    by_weight = qdit(pool[40:], 40, mode=mode, weights=nearness(pool[40:], target))
    assert found.order.tolist() == by_weight.order.tolist()

    def covered(order: Any) -> float:
        both = np.concatenate((target, pool[40:][order]))
        return float(point_coverage(both, np.arange(40, len(both)))[:40].mean())

    assert covered(found.order) > covered(plain.order)
    with pytest.raises(InvalidInput, match="target of shape"):
        qdit(pool, 5, target=target[:, :3])
    with pytest.raises(InvalidInput, match="target: row 0 has a zero vector"):
        qdit(pool, 5, target=np.zeros((1, 24)))
