"""Must-includes, budgets and ids, in every mode."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import Budget, qdit
from dynosaur_etl.selection.assessment.metrics import coverage
from dynosaur_etl.selection.vectors.fixed_point import FINE, as_vectors
from tests.selection.conftest import clustered_pool
from tests.selection.naive import fixed_point

CONCRETE_MODES = ("exact", "near-exact", "graph", "partitioned")


def naive_by_cost(
    similarity: np.ndarray[Any, Any], costs: list[int], total: int, first: list[int]
) -> list[int]:
    """Cost-scaled greedy, all gains at every pick, ties to the lowest position."""
    order, cover, left = list(first), np.zeros(len(similarity), np.int64), total
    for pick in first:
        cover, left = np.maximum(cover, similarity[pick]), left - costs[pick]
    while True:
        fitting = [a for a in range(len(costs)) if a not in order and costs[a] <= left]
        if not fitting:
            return order
        gains = np.maximum(similarity - cover, 0).sum(axis=1)
        pick = max(fitting, key=lambda a: (float(gains[a]) * (1.0 / costs[a]), -a))
        order.append(pick)
        cover, left = np.maximum(cover, similarity[pick]), left - costs[pick]


@given(st.integers(2, 60), st.integers(0, 2**32), st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_budget_is_spent_as_naive_cost_scaled_greedy_spends_it(
    count: int, seed: int, forced: bool
) -> None:
    rng = np.random.default_rng(seed)
    pool = (rng.normal(size=(count, 6)) + 0.5).astype(np.float32)
    costs = rng.integers(1, 9, count)
    total = int(rng.integers(costs.max(), costs.sum() + 3))
    first = [int(rng.integers(0, count))] if forced else []
    vectors = as_vectors(pool, FINE, "pool")
    similarity = fixed_point(vectors.values, vectors.scale, vectors.one)
    found = qdit(pool, Budget(costs, total), mode="exact", must_include=first)
    assert found.order.tolist() == naive_by_cost(similarity, costs.tolist(), total, first)
    assert (found.params["k"], found.params["budget"]) == (None, total)


@pytest.mark.parametrize("mode", CONCRETE_MODES)
def test_every_mode_keeps_to_the_budget_and_leaves_nothing_that_fits(mode: str) -> None:
    pool, costs = clustered_pool(1), np.random.default_rng(1).integers(20, 400, 600)
    found = qdit(pool, Budget(costs, 9_000), mode=mode)
    spent = int(costs[found.order].sum())
    assert 8_500 < spent <= 9_000
    if mode != "partitioned":
        assert np.delete(costs, found.order).min() > 9_000 - spent


@pytest.mark.parametrize("mode", CONCRETE_MODES)
def test_must_includes_come_first_and_cover(mode: str) -> None:
    pool = clustered_pool(2)
    wanted = [17, 400, 3]
    found = qdit(pool, 40, mode=mode, must_include=wanted)
    assert found.order[:3].tolist() == wanted
    assert len(set(found.order.tolist())) == 40
    assert found.coverage[2] == pytest.approx(coverage(pool, wanted), abs=1e-3)
    assert found.params["must_include"] == 3
    assert qdit(pool, 3, mode=mode, must_include=wanted).order.tolist() == wanted


def test_ids_of_the_picks_are_in_their_order() -> None:
    pool = clustered_pool(3, 50)
    names = [f"row-{at}" for at in range(50)]
    found = qdit(pool, 5, ids=names)
    assert found.ids == [names[at] for at in found.order]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": ["a"] * 50}, "id of row 1: received 'a'; allowed: ids that are there once"),
        ({"ids": ["a"]}, "ids: received 1; allowed: 50, one a point"),
        ({"must_include": [50]}, "anchor position: received 50"),
        ({"must_include": [4, 4]}, "must-include positions"),
        ({"must_include": [4], "anchors": np.array([4])}, "must-include position: received 4"),
        ({"must_include": list(range(6))}, "cost of must-include: received 6; allowed: up to 5"),
        ({"must_include": [0, 1], "groups": (range(50), 1)}, ""),
        ({"must_include": [0, 1], "groups": ([0] * 25 + list(range(25)), 1)}, "at most 1 of"),
        ({"k": Budget([1] * 49, 5)}, "costs: received"),
        ({"k": Budget([0.5] * 50, 5)}, "costs: received"),
        ({"k": Budget([0] + [1] * 49, 5)}, "cost of row 0: received 0"),
        ({"k": Budget([7] * 50, 5)}, "budget: received 5; allowed: a whole number from 7"),
        ({"k": 4, "memory_limit": 1}, "allowed: fewer points"),
    ],
)
def test_bad_constraints_are_refused(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"embeddings": clustered_pool(4, 50), "k": 5} | change
    if not message:
        assert len(qdit(**arguments)) == 5
        return
    with pytest.raises(InvalidInput) as caught:
        qdit(**arguments)
    assert message in str(caught.value)
