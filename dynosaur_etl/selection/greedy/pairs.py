"""Similarities that can still matter, listed by candidate, and lazy greedy selection on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.greedy.kernels import compress, lazy_greedy, replay
from dynosaur_etl.selection.problem.objective import Objective
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.compiling import compiled
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Similarity


@dataclass(frozen=True)
class Pairs:
    """Sparse similarities by candidate: row a lists the points that a can cover better."""

    starts: IntArray
    points: NDArray[np.int32]
    values: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.points)


def sorted_pairs(
    candidates: NDArray[np.integer], points: NDArray[np.int32], values: Similarity, count: int
) -> Pairs:
    """Return (candidate, point, value) triples sorted by candidate, of which there are `count`."""
    pairs = Pairs(np.zeros(count + 1, np.int64), np.empty_like(points), np.empty_like(values))
    compiled(compress)(candidates, points, values, pairs.starts, pairs.points, pairs.values)
    return pairs


def pick_lazily(pairs: Pairs, state: GreedyState, objective: Objective) -> None:
    """Make the picks that are left on the pairs that can still matter, by lazy greedy.

    The cover of the state counts for nothing afterwards.
    """
    most = state.most_picks()
    order, gains = np.empty(most, np.int64), np.empty(most, np.int64)
    values, cover = _worth(pairs, state.cover, state.weight)
    made = compiled(lazy_greedy)(
        (pairs.starts, pairs.points, values),
        (objective.rate, objective.quality_term),
        (state.group, state.capacity, state.cost),
        state.remaining,
        cover,
        state.taken,
        order,
        gains,
    )
    state.order.extend(order[:made].tolist())
    state.gains.extend(gains[:made].tolist())
    state.remaining -= int(state.cost[order[:made]].sum())


def rises_of(pairs: Pairs, cover: Similarity, order: IntArray, weight: IntArray | None) -> IntArray:
    """Return the rise of the summed cover at each pick of a given order."""
    found = np.empty(len(order), np.int64)
    values, covered = _worth(pairs, cover, weight)
    compiled(replay)(pairs.starts, pairs.points, values, covered, order, found)
    return found


def _worth(
    pairs: Pairs, cover: Similarity, weight: IntArray | None
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Similarities and cover, each as often as its point is worth: gains of these are weighted."""
    if weight is None:
        return pairs.values, cover
    return pairs.values * weight[pairs.points], cover * weight
