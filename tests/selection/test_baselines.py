import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import baselines, metrics
from dynosaur_etl.selection.qdit import qdit
from tests.selection.conftest import clustered_pool
from tests.selection.naive import cosines

POOL = clustered_pool(1)
QUALITY = np.round(np.random.default_rng(1).random(600), 2)


def test_all_are_selections_below_greedy() -> None:
    best = qdit(POOL, 40, mode="exact")
    for found in (
        baselines.random(POOL, 40, QUALITY),
        baselines.top_quality(POOL, 40, QUALITY),
        baselines.k_center(POOL, 40, QUALITY),
        baselines.k_means_nearest(POOL, 40, QUALITY),
        baselines.deita(POOL, 40, QUALITY),
    ):
        assert len(set(found.order.tolist())) == 40
        assert found.coverage[-1] < best.coverage[-1]
        assert found.coverage[-1] == pytest.approx(metrics.coverage(POOL, found.order), abs=1e-3)
        assert found.quality is not None
        assert found.quality.tolist() == QUALITY[found.order].tolist()


def test_random_follows_its_seed() -> None:
    first = baselines.random(POOL, 40, seed=1).order
    assert first.tolist() == baselines.random(POOL, 40, seed=1).order.tolist()
    assert first.tolist() != baselines.random(POOL, 40, seed=2).order.tolist()


def test_k_center_takes_the_farthest_point_each_time() -> None:
    order = baselines.k_center(POOL, 10).order
    x = POOL / np.linalg.norm(POOL, axis=1, keepdims=True)
    cosine = x @ x.T
    for rank in range(1, 10):
        nearest = cosine[:, order[:rank]].max(axis=1)
        assert nearest[order[rank]] == pytest.approx(nearest.min(), abs=3e-3)


def test_k_means_beats_random() -> None:
    found = baselines.k_means_nearest(POOL, 40).coverage[-1]
    assert found > baselines.random(POOL, 40).coverage[-1]


def test_deita_keeps_its_distance_and_says_what_is_missing() -> None:
    found = baselines.deita(POOL, 300, QUALITY, threshold=0.7)
    similarity = cosines(POOL)[np.ix_(found.order, found.order)]
    np.fill_diagonal(similarity, 0)
    assert similarity.max() <= 0.7 + 3e-3
    assert found.diagnostics == {"missing": 300 - len(found)}
    assert 0 < len(found) < 300
    assert found.order[0] == np.argmax(QUALITY)
    with pytest.raises(InvalidInput, match="threshold"):
        baselines.deita(POOL, 3, QUALITY, threshold=2)


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
