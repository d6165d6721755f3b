import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import baselines, qdit
from dynosaur_etl.selection.assessment import metrics
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


def test_novelselect_is_novel_and_weighs_quality() -> None:
    plain = baselines.novelselect(POOL, 40, seed=3)
    drawn = baselines.random(POOL, 40, seed=3)
    assert len(set(plain.order.tolist())) == 40
    assert metrics.novelsum(POOL, plain.order) > 1.1 * metrics.novelsum(POOL, drawn.order)
    rated = baselines.novelselect(POOL, 40, QUALITY, seed=3)
    assert QUALITY[rated.order].mean() > QUALITY[plain.order].mean() + 0.1


def test_quality_weighted_clusters_draw_from_all_and_prefer_quality() -> None:
    found = baselines.k_means_quality(POOL, 100, QUALITY, clusters=10, seed=1)
    assert len(set(found.order.tolist())) == 100
    assert QUALITY[found.order].mean() > QUALITY.mean() + 0.1
    again = baselines.k_means_quality(POOL, 100, QUALITY, clusters=10, seed=1)
    assert again.order.tolist() == found.order.tolist()
    with pytest.raises(InvalidInput, match="clusters"):
        baselines.k_means_quality(POOL, 100, QUALITY, clusters=0)
