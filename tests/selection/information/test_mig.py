"""Selection by information gain beside a plain implementation of the paper's sum."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import Budget, GroundSet, Specification, mig
from dynosaur_etl.selection.information.labels import (
    joined,
    labels_of_clusters,
    labels_of_phrases,
    labels_of_tags,
)
from dynosaur_etl.selection.information.mig import select_by_information
from dynosaur_etl.selection.information.propagation import propagated
from dynosaur_etl.selection.vectors.fixed_point import COARSE, as_vectors
from tests.selection.conftest import clustered_pool

POOL = clustered_pool(1)


def plain_mass(
    pool: np.ndarray,
    tags: list[list[str]],
    quality: np.ndarray,
    threshold: float,
    on_the_edge: Callable[[bool], object] | None = None,
) -> np.ndarray:
    """What each point gives to each label [n, labels], all dense and by the book."""
    names = sorted({tag for own in tags for tag in own})
    has = np.array([[float(name in own) for name in names] for own in tags])
    unit = pool / np.linalg.norm(pool, axis=1, keepdims=True)
    means = has.T @ unit
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    graph = means @ means.T
    if on_the_edge is not None:
        on_the_edge((np.abs(graph - threshold) < 0.005).any())
    graph = np.where(graph >= threshold, graph, 0.0)
    np.fill_diagonal(graph, 1.0)
    return np.asarray((has * quality[:, None]) @ (graph / graph.sum(axis=0)))


def plain_order(mass: np.ndarray, costs: np.ndarray, total: int) -> list[int]:
    """All gains at every pick, ties to the lowest position."""
    order: list[int] = []
    held, left = np.zeros(mass.shape[1]), total
    while True:
        gains = ((held + mass) ** 0.8 - held**0.8).sum(axis=1) / costs
        gains[order] = -1
        gains[costs > left] = -1
        if gains.max() < 0:
            return order
        order.append(int(np.argmax(np.round(gains, 12))))
        held, left = held + mass[order[-1]], left - int(costs[order[-1]])


@given(st.integers(2, 60), st.integers(0, 2**32), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_picks_are_those_of_a_plain_implementation(
    count: int, seed: int, rated: bool, priced: bool
) -> None:
    rng = np.random.default_rng(seed)
    pool = (rng.normal(size=(count, 8)) + 0.5).astype(np.float32)
    words = [f"tag {at}" for at in range(int(rng.integers(1, 12)))]
    tags = [[word for word in words if rng.random() < 0.3] for _ in range(count)]
    tags[0] = words[:1]
    quality = rng.random(count) if rated else np.ones(count)
    costs = rng.integers(1, 9, count) if priced else np.ones(count, np.int64)
    total = int(rng.integers(1, count + 1)) if not priced else int(costs.sum() // 2 + costs.max())
    mass = plain_mass(pool, tags, quality, 0.8, lambda near: assume(not near))
    expected = plain_order(mass, costs, total)
    k = Budget(costs, total) if priced else total
    found = mig(pool, k, quality if rated else None, tags, threshold=0.8)
    held = [mass[order].sum(axis=0) for order in (found.order, expected)]
    assert (held[0] ** 0.8).sum() == pytest.approx((held[1] ** 0.8).sum(), rel=1e-3)
    assert found.gain.sum() == pytest.approx((held[0] ** 0.8).sum(), rel=1e-3, abs=1e-9)
    assert (np.diff(found.gain) <= 1e-9).all() or priced
    assert len(set(found.order.tolist())) == len(found)


def test_exact_gains_reach_at_least_what_the_gradient_does() -> None:
    rng = np.random.default_rng(3)
    tags = [[f"t{at}" for at in rng.choice(60, 3)] for _ in range(600)]
    mass = plain_mass(POOL, tags, np.ones(600), 0.97)
    held, order = np.zeros(mass.shape[1]), []
    for _ in range(80):
        scores = mass @ (0.8 * (held + 1e-6) ** -0.2)
        scores[order] = -1
        order.append(int(np.argmax(scores)))
        held += mass[order[-1]]
    found = mig(POOL, 80, tags=tags, threshold=0.97)
    reached = (mass[found.order].sum(axis=0) ** 0.8).sum()
    assert reached >= 0.999 * (held**0.8).sum()


def test_labels_are_tags_or_clusters_and_phrases() -> None:
    things = [
        "river",
        "lake",
        "sea",
        "hill",
        "moor",
        "fen",
        "dale",
        "wood",
        "heath",
        "brook",
        "pond",
        "isle",
    ]
    texts = [f"Write about a {things[at % 12]}." for at in range(600)]
    by_tags = mig(POOL, 30, tags=[["A", " a", None] if at % 2 else [] for at in range(600)])
    assert by_tags.diagnostics["labels"] == 1
    assert by_tags.params["label_source"] == "tags"
    free = mig(POOL, 30)
    assert free.params["label_source"] == "clusters"
    assert free.diagnostics["labels"] == 49
    both = mig(POOL, 30, texts=texts)
    assert both.params["label_source"] == "clusters and key phrases"
    assert both.diagnostics["labels"] > 60


def test_it_spreads_over_labels_and_prefers_quality() -> None:
    tags = [[f"t{at // 100}"] for at in range(600)]
    quality = np.random.default_rng(5).random(600)
    found = mig(POOL, 60, quality, tags)
    assert np.bincount(found.order // 100).min() >= 5
    assert quality[found.order].mean() > 0.8
    capped = mig(POOL, 60, quality, tags, groups=(np.arange(600) % 2, 30))
    assert np.bincount(capped.order % 2).tolist() == [30, 30]


def test_anchors_hold_information_already_and_must_includes_come_first() -> None:
    tags = [["a"] if at < 300 else ["b"] for at in range(600)]
    points = GroundSet(POOL, tags=tags, anchors=np.arange(50), must_include=[7 + 60, 8 + 60])
    found = select_by_information(points, Specification(20))
    assert found.order[:2].tolist() == [67, 68]
    assert (found.order[2:] >= 300).sum() == 18
    with pytest.raises(InvalidInput, match="anchors of mig"):
        select_by_information(GroundSet(POOL, tags=tags, anchors=POOL[:3]), Specification(5))
    for bad in ([["a"]] * 5, [[]] * 600):
        with pytest.raises(InvalidInput, match="tags"):
            mig(POOL, 5, tags=bad)
    with pytest.raises(InvalidInput, match="texts"):
        mig(POOL, 5, texts=["x"])


def test_phrases_are_words_and_pairs_that_are_neither_rare_nor_everywhere() -> None:
    texts = [*["red fox"] * 3, *["blue sea"] * 3, "unique thing", *["rest"] * 60]
    found = labels_of_phrases(texts)
    assert set(found.names) == {"red", "fox", "red fox", "blue", "sea", "blue sea"}
    assert found.counts.tolist() == [3] * 6 + [0] * 61
    tags = labels_of_tags([["x"]] * 67, 67)
    both = joined(tags, found)
    assert both.counts.tolist() == [4] * 6 + [1] * 61
    first = [both.names[at] for at in both.labels[:4]]
    assert first == ["x", *sorted(("red", "fox", "red fox"))]
    vectors = as_vectors(POOL[:67], COARSE, "pool")
    clusters = labels_of_clusters(vectors, 0)
    mass = propagated(joined(clusters, found), vectors, None, 0.9, 1.0)
    assert (mass.values > 0).all()
    assert mass.starts[-1] == len(mass.values)
