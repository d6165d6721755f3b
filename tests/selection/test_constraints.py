"""Must-includes, budgets, ids, and the partitioned mode."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import partition, partitioned
from dynosaur_etl.selection.checks import Budget
from dynosaur_etl.selection.metrics import coverage
from dynosaur_etl.selection.problem import check
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.vectors import FINE, as_vectors
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


def test_ids_of_the_picks_are_told_in_order() -> None:
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


def test_parts_hold_every_point_once_and_no_part_is_too_large() -> None:
    pool = clustered_pool(5, 3000)
    parts = partition.cut(pool, 500, 0)
    assert sorted(np.concatenate(parts.members).tolist()) == list(range(3000))
    assert all(0 < len(members) <= 500 for members in parts.members)
    copies = partition.cut(np.tile(pool[:1], (1200, 1)), 500, 0)
    assert all(0 < len(members) <= 500 for members in copies.members)


@pytest.mark.parametrize("seed", [6, 7])
def test_partitioned_is_close_to_exact_at_many_prefixes(seed: int) -> None:
    pool = clustered_pool(seed, 3000)
    quality = np.random.default_rng(seed).random(3000)
    for ratings in (None, quality):
        exact = qdit(pool, 300, ratings, mode="exact")
        found = qdit(pool, 300, ratings, mode="partitioned", part_points=500)
        assert found.diagnostics["parts"] > 5
        for size in (1, 20, 64, 100, 300):
            reached = coverage(pool, found.order[:size])
            assert reached >= 0.98 * exact.coverage[size - 1]
            assert found.coverage[size - 1] <= reached + 1e-4
        assert coverage(pool, found.order) >= 0.995 * exact.coverage[-1]


def test_parts_give_the_same_result_wherever_and_in_whatever_order_they_run() -> None:
    pool = clustered_pool(8, 900)
    problem = check(pool, 90, None, 0.7, None, None, 0, "reference", "rank", None, None)

    def backwards(
        solve: Callable[[partition.PartTask], Any], tasks: Iterable[partition.PartTask]
    ) -> list[Any]:
        return [solve(task) for task in reversed(list(tasks))][::-1]

    plain = qdit(pool, 90, mode="partitioned", part_points=200)
    other = partitioned.run(problem, backwards, 200)
    assert other.state.order == plain.order.tolist()
    assert other.diagnostics["parts"] == plain.diagnostics["parts"] > 4


def test_partitioned_makes_every_pick_there_is() -> None:
    pool = clustered_pool(9, 400)
    labels = np.repeat(np.arange(40), 10)
    everything = qdit(pool, 390, mode="partitioned", anchors=np.arange(10), part_points=100)
    assert sorted(everything.order.tolist()) == list(range(10, 400))
    capped = qdit(pool, 200, mode="partitioned", groups=(labels, 5), part_points=100)
    assert np.bincount(labels[capped.order]).tolist() == [5] * 40


def test_parts_give_more_candidates_where_caps_leave_too_few() -> None:
    near = np.random.default_rng(10).normal(size=(150, 24)) * 0.3 - 3.0
    pool = np.concatenate((clustered_pool(10, 350), near.astype(np.float32)))
    labels = np.where(np.arange(500) < 350, 0, np.arange(500))
    found = qdit(pool, 155, mode="partitioned", groups=(labels, 5), part_points=100)
    assert int((found.order < 350).sum()) == 5
    assert len(set(found.order.tolist())) == 155
