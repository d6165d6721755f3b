"""Orders of simple selectors beside their definitions."""

from itertools import islice

import numpy as np
import pytest

from dynosaur_etl.selection.assessment import metrics
from dynosaur_etl.selection.baselines import orders
from dynosaur_etl.selection.vectors.fixed_point import COARSE, as_vectors
from tests.selection.conftest import clustered_pool
from tests.selection.naive import cosines

POOL = clustered_pool(1)
QUALITY = np.round(np.random.default_rng(1).random(600), 2)
VECTORS = as_vectors(POOL, COARSE, "pool")


def test_every_order_holds_all_points_once() -> None:
    found = [
        orders.from_the_highest(QUALITY),
        orders.by_chance(600, 1),
        orders.by_source(["a", "b", "c"] * 200, 1),
        list(orders.farthest_first(VECTORS)),
        orders.nearest_to_centroids(VECTORS, 40, 1),
        orders.quality_in_clusters(VECTORS, QUALITY, 20, 1),
        list(orders.most_novel(VECTORS, QUALITY, 1)),
    ]
    for order in found:
        assert sorted(np.asarray(order).tolist()) == list(range(600))


def test_the_highest_come_first_and_the_lowest_position_of_equals() -> None:
    assert orders.from_the_highest(np.array([1, 3, 3, 0])).tolist() == [1, 2, 0, 3]


def test_chance_follows_its_seed() -> None:
    assert orders.by_chance(40, 1).tolist() == orders.by_chance(40, 1).tolist()
    assert orders.by_chance(40, 1).tolist() != orders.by_chance(40, 2).tolist()


def test_sources_come_in_turn_as_long_as_they_last() -> None:
    sources = ["big"] * 6 + ["small"] * 2 + ["mid"] * 3
    found = [sources[at] for at in orders.by_source(sources, 3)]
    assert found == ["big", "mid", "small"] * 2 + ["big", "mid"] + ["big"] * 3
    assert orders.by_source(sources, 3).tolist() != orders.by_source(sources, 4).tolist()


def test_the_farthest_comes_each_time() -> None:
    order = list(islice(orders.farthest_first(VECTORS), 10))
    x = POOL / np.linalg.norm(POOL, axis=1, keepdims=True)
    cosine = x @ x.T
    for rank in range(1, 10):
        nearest = cosine[:, order[:rank]].max(axis=1)
        assert nearest[order[rank]] == pytest.approx(nearest.min(), abs=3e-3)


def test_centroids_cover_better_than_chance() -> None:
    near = metrics.coverage(POOL, orders.nearest_to_centroids(VECTORS, 40, 0)[:40])
    assert near > metrics.coverage(POOL, orders.by_chance(600, 0)[:40])


def test_draws_in_clusters_come_from_all_and_prefer_quality() -> None:
    found = orders.quality_in_clusters(VECTORS, QUALITY, 10, 1)[:100]
    assert QUALITY[found].mean() > QUALITY.mean() + 0.1
    again = orders.quality_in_clusters(VECTORS, QUALITY, 10, 1)[:100]
    assert again.tolist() == found.tolist()


def test_the_most_novel_are_spread_and_weigh_quality() -> None:
    plain = list(islice(orders.most_novel(VECTORS, None, 3), 40))
    drawn = orders.by_chance(600, 3)[:40]
    assert metrics.novelsum(POOL, plain) > 1.1 * metrics.novelsum(POOL, drawn)
    rated = list(islice(orders.most_novel(VECTORS, QUALITY, 3), 40))
    assert QUALITY[rated].mean() > QUALITY[plain].mean() + 0.1


def test_what_is_like_an_earlier_one_is_passed_over() -> None:
    best = orders.from_the_highest(QUALITY)
    found = list(orders.unlike_those_before(VECTORS, best, 0.7, 300))
    similarity = cosines(POOL)[np.ix_(found, found)]
    np.fill_diagonal(similarity, 0)
    assert similarity.max() <= 0.7 + 3e-3
    assert 0 < len(found) < 300
    assert found[0] == best[0]


def test_lists_are_read_in_turn_and_nothing_twice() -> None:
    lists = np.array([[5, 1, 2], [5, 3, -1], [0, 5, 4]])
    assert list(orders.in_turn(lists)) == [5, 0, 1, 3, 2, 4]
