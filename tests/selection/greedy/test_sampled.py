"""First picks on samples of the points, beside greedy on all of them."""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.greedy.sampled import pick_by_samples
from dynosaur_etl.selection.greedy.samples import SampleSizes, most_promising
from dynosaur_etl.selection.problem.objective import Objective
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.fixed_point import COARSE, Vectors, as_vectors
from tests.selection.conftest import clustered_pool
from tests.selection.naive import Greedy

COUNT = 900
EVERYTHING = SampleSizes(2**25, COUNT, COUNT, COUNT, COUNT, 1)
LITTLE = SampleSizes(2**25, 64, 64, 16, 300, 1)


def by_gain_alone() -> Objective:
    return Objective(np.ones(COUNT), np.zeros(COUNT))


def vectors_of(seed: int) -> tuple[Vectors, NDArray[np.int64]]:
    vectors = as_vectors(clustered_pool(seed, COUNT), COARSE, "pool")
    return vectors, vectors.rows(np.arange(COUNT)).astype(np.int64)


def capped(most: int, k: int) -> GreedyState:
    """Groups of a third of the points each, with so many picks at most."""
    state = GreedyState.unbound(np.zeros(COUNT, np.int32), k)
    state.group, state.capacity = np.arange(COUNT) % 3, np.full(3, most)
    return state


def test_samples_of_all_points_give_the_order_of_greedy() -> None:
    vectors, similarity = vectors_of(1)
    group = np.arange(COUNT) % 3
    naive = Greedy(similarity, 1.0, np.zeros(COUNT), {0: 8, 1: 8, 2: 8}, group)
    order, gains = naive.run(20)
    state = capped(8, 20)
    pick_by_samples(GreedyRun(vectors, state, by_gain_alone(), 3), 20, EVERYTHING)
    assert state.order == order
    assert state.gains == gains
    assert (state.cover == similarity[order].max(axis=0)).all()


def test_gains_and_cover_are_those_of_all_points_however_small_the_samples() -> None:
    vectors, similarity = vectors_of(2)
    state = GreedyState.unbound(similarity[[5, 700]].max(axis=0).astype(np.int32), 40)
    before = state.cover.astype(np.int64)
    pick_by_samples(GreedyRun(vectors, state, by_gain_alone(), 0), 40, LITTLE)
    assert len(set(state.order)) == 40
    for pick, gain in zip(state.order, state.gains, strict=True):
        assert gain == np.maximum(similarity[pick] - before, 0).sum()
        before = np.maximum(before, similarity[pick])
    assert (state.cover == before).all()


def test_small_samples_come_near_to_greedy_and_far_from_chance() -> None:
    vectors, similarity = vectors_of(4)
    greedy = Greedy(similarity, 1.0, np.zeros(COUNT), {0: 30}, np.zeros(COUNT, np.int64))
    best = similarity[greedy.run(30)[0]].max(axis=0).mean()
    chance = similarity[np.random.default_rng(0).choice(COUNT, 30)].max(axis=0).mean()
    state = GreedyState.unbound(np.zeros(COUNT, np.int32), 30)
    pick_by_samples(GreedyRun(vectors, state, by_gain_alone(), 0), 30, LITTLE)
    assert (state.cover.mean() - chance) / (best - chance) > 0.6


def test_it_ends_where_no_more_can_be_picked() -> None:
    vectors, _ = vectors_of(3)
    state = capped(2, 100)
    pick_by_samples(GreedyRun(vectors, state, by_gain_alone(), 0), 64, EVERYTHING)
    assert np.bincount(state.group[state.order]).tolist() == [2, 2, 2]


def test_the_most_promising_are_open_and_the_lowest_of_equals() -> None:
    state = GreedyState.unbound(np.zeros(COUNT, np.int32), 10)
    state.taken[[2, 4]] = True
    vectors, _ = vectors_of(5)
    run = GreedyRun(vectors, state, by_gain_alone(), 0)
    at, gains = np.arange(10), np.array([1.0, 7, 9, 7, 7, 7, 0, 7, 8, 7])
    found = most_promising(run, at, gains, 4)
    assert found.tolist() == [1, 3, 5, 8]
    assert most_promising(run, at[:0], gains[:0], 4).tolist() == []
