"""Greedy selection on a neighbour graph."""

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import build_graph, qdit
from dynosaur_etl.selection.assessment.metrics import point_coverage
from tests.selection.conftest import clustered_pool
from tests.selection.naive import cosines


def test_crowds_larger_than_their_neighbour_lists_are_all_covered() -> None:
    rng = np.random.default_rng(18)
    crowds = np.repeat(rng.normal(size=(80, 24)), 90, axis=0)
    crowds += 1e-3 * rng.normal(size=crowds.shape)
    pool = np.concatenate((crowds, rng.normal(size=(1200, 24))))
    found = qdit(pool, 170, mode="graph")
    assert found.params["neighbours"] < 90
    assert point_coverage(pool, found.order)[: len(crowds)].min() > 0.9


def test_a_graph_is_reused_and_one_of_another_set_refused() -> None:
    pool = clustered_pool(13)
    graph = build_graph(pool, 32)
    assert qdit(pool, 40, graph=graph).order.tolist() == qdit(pool, 40, mode="graph").order.tolist()
    with pytest.raises(InvalidInput, match="another set"):
        qdit(clustered_pool(14), 40, graph=graph)
    with pytest.raises(InvalidInput, match="mode with a graph"):
        qdit(pool, 40, mode="exact", graph=graph)


def test_the_baseline_is_capped_by_what_chance_covers_in_the_whole_pool() -> None:
    pool = clustered_pool(9, 6000)
    drawn = np.random.default_rng(1).choice(6000, 300, replace=False)
    by_chance = cosines(pool).clip(0)[:, drawn].max(axis=1).mean()
    cap = qdit(pool, 300, mode="graph").params["baseline_cap"]
    assert cap == pytest.approx(by_chance, abs=0.01)
