"""The mode `partitioned`: parts, wherever they are solved, and what joins them."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from dynosaur_etl.selection import GroundSet, Specification, qdit
from dynosaur_etl.selection.assessment.metrics import coverage
from dynosaur_etl.selection.partitioned.part_task import PartTask
from dynosaur_etl.selection.partitioned.parts import cut
from dynosaur_etl.selection.partitioned.rounds import run_partitioned
from dynosaur_etl.selection.problem.problem import pose
from tests.selection.conftest import clustered_pool


def test_parts_hold_every_point_once_and_no_part_is_too_large() -> None:
    pool = clustered_pool(5, 3000)
    parts = cut(pool, 500, 0)
    assert sorted(np.concatenate(parts.members).tolist()) == list(range(3000))
    assert all(0 < len(members) <= 500 for members in parts.members)
    copies = cut(np.tile(pool[:1], (1200, 1)), 500, 0)
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
    problem = pose(GroundSet(pool), Specification(90, part_points=200))

    def backwards(solve: Callable[[PartTask], Any], tasks: Iterable[PartTask]) -> list[Any]:
        return [solve(task) for task in reversed(list(tasks))][::-1]

    plain = qdit(pool, 90, mode="partitioned", part_points=200)
    other = run_partitioned(problem, backwards)
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
