"""A selection out of an order of all points: what fits is taken, best first."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.assessment.coverage_curve import summed_cover
from dynosaur_etl.selection.problem.problem import SelectionProblem
from dynosaur_etl.selection.problem.result import Selection
from dynosaur_etl.selection.recording import bounds
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Vectors

_MOST_CELLS = 600_000_000
_FEWEST_POINTS = 16_384


@dataclass
class Allowance:
    """What a problem's bounds still allow, in plain lists, which are quick to ask one by one."""

    taken: list[bool]
    group: list[int]
    capacity: list[int]
    cost: list[int]
    remaining: int
    picks: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, problem: SelectionProblem) -> "Allowance":
        """Return what is allowed before the first pick."""
        state = problem.bare_state(np.zeros(0, np.int32))
        lists = (state.taken, state.group, state.capacity, state.cost)
        taken, group, capacity, cost = (array.tolist() for array in lists)
        return cls(taken, group, capacity, cost, state.remaining)

    def take(self, at: int) -> None:
        """Pick a point if it fits."""
        if self.taken[at] or self.cost[at] > self.remaining or not self.capacity[self.group[at]]:
            return
        self.taken[at] = True
        self.capacity[self.group[at]] -= 1
        self.remaining -= self.cost[at]
        self.picks.append(at)


def filled(problem: SelectionProblem, order: Iterable[int]) -> IntArray:
    """Take must-includes and then what fits of an order, as long as anything can fit."""
    allowance = Allowance.of(problem)
    least = min(allowance.cost)
    for at in chain(problem.constraints.must_include.tolist(), order):
        allowance.take(int(at))
        if allowance.remaining < least:
            break
    return np.array(allowance.picks, np.int64)


def measured(
    problem: SelectionProblem,
    vectors: Vectors,
    picks: IntArray,
    method: str,
    params: dict[str, Any] | None = None,
    diagnostics: dict[str, Any] | None = None,
) -> Selection:
    """Return picks as a selection, with their gains and coverage under facility location.

    Args:
        problem: that they were made for.
        vectors: its points, coarse.
        picks: in their order.
        method: that made them.
        params: of the method.
        diagnostics: of its work.
    """
    curve = _curve(problem, vectors, picks)
    common = bounds(problem) | {"similarity_bits": vectors.resolution.bits}
    counts = {"coverage_points": curve.points} | problem.reached_target(picks)
    return Selection(
        order=picks,
        gain=curve.gain,
        coverage=curve.coverage,
        quality=None if problem.quality is None else problem.quality[picks],
        method=method,
        params=common | (params or {}),
        diagnostics=(diagnostics or {}) | counts,
        ids=None if problem.ids is None else [problem.ids[at] for at in picks.tolist()],
    )


@dataclass(frozen=True)
class Curve:
    """Gain and coverage of picks [k], and the number of points that they were measured on."""

    gain: NDArray[np.float64]
    coverage: NDArray[np.float64]
    points: int


def _curve(problem: SelectionProblem, vectors: Vectors, picks: IntArray) -> Curve:
    """Measure on all points, or on a sample where all pairs of points and picks are too many."""
    count = len(problem)
    size = int(min(max(_MOST_CELLS // max(len(picks), 1), _FEWEST_POINTS), count))
    at = np.sort(np.random.default_rng(problem.seed).choice(count, size, replace=False))
    cover = problem.anchored_cover(vectors.part(at), problem.anchor_vectors(vectors.resolution))
    state = problem.bare_state(np.zeros(count, np.int32)).part(at, 0)
    state.cover = np.where(np.isin(at, problem.constraints.excluded), vectors.one, cover)
    start, worth = state.total(state.cover), state.weight_total
    total = summed_cover(vectors, at, picks, state)
    in_pool = problem.weights.total / max(worth, 1)
    one = float(vectors.one)
    gain = np.diff(total, prepend=np.int64(start)) * in_pool / (one * problem.weights.unit)
    return Curve(gain, total / (one * max(worth, 1)), size)
