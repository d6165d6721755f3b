"""The points of a selection, and the selection posed as a checked problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.problem.checks import (
    check_embeddings,
    check_ids,
    check_positions,
    check_quality,
)
from dynosaur_etl.selection.problem.constraints import Constraints, Labels, check_constraints
from dynosaur_etl.selection.problem.objective import Objective, Reference, build_objective
from dynosaur_etl.selection.problem.specification import Specification
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.problem.weights import (
    Weights,
    check_weights,
    nearness,
    target_coverage,
    target_directions,
)
from dynosaur_etl.selection.vectors.fixed_point import (
    IntArray,
    Resolution,
    Similarity,
    Vectors,
    as_vectors,
)

_ROWS = 32


@dataclass(frozen=True)
class GroundSet:
    """The points that a selection is made from.

    Attributes:
        embeddings: float16, float32 or float64 [n, d]; may be memory-mapped. Rows are normalised,
            so similarity is the cosine, below 0 counted as 0.
        quality: one value from 0 to 1 for each point. Without it diversity alone decides.
        weights: what covering each point is worth, from 0; None for 1 everywhere.
        target: what the selection is for: vectors [t, d]. Points weigh by their nearness to it.
        anchors: what covers the space already: positions [m], which are not picked again, or
            vectors [m, d].
        must_include: positions that are picked first, in this order; they count.
        groups: a label of each point, for `group_cap`.
        costs: a whole number from 1 for each point, for `budget`.
        ids: a distinct name for each point.
        sources: where each point is from, for the control `random-by-source`.
        lengths: of the points' texts, for the control `longest`.
        tags: of each point, for `mig`.
        texts: of the points, whose key phrases `mig` takes where there are no tags.
    """

    embeddings: NDArray[np.number]
    quality: ArrayLike | None = None
    weights: ArrayLike | None = None
    target: NDArray[np.number] | None = None
    anchors: NDArray[Any] | None = None
    must_include: ArrayLike | None = None
    groups: Labels | None = None
    costs: ArrayLike | None = None
    ids: Sequence[object] | NDArray[Any] | None = None
    sources: Labels | None = None
    lengths: ArrayLike | None = None
    tags: Sequence[Any] | None = None
    texts: Sequence[str] | None = None


@dataclass(frozen=True)
class SelectionProblem:
    """A selection whose arguments are checked, but for the values of the embeddings."""

    specification: Specification
    embeddings: NDArray[np.number]
    quality: NDArray[np.float64] | None
    weights: Weights
    target: NDArray[np.float32] | None
    anchors: NDArray[Any] | None
    constraints: Constraints
    ids: list[str] | None

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def seed(self) -> int:
        return self.specification.seed

    @property
    def expected_picks(self) -> int:
        return self.constraints.budget.expected_picks

    @property
    def used_alpha(self) -> float:
        """Return 0 where there is no quality: diversity alone decides."""
        return 0.0 if self.quality is None else float(self.specification.alpha)

    def vectors(self, resolution: Resolution) -> Vectors:
        """Return the points as integers."""
        return as_vectors(self.embeddings, resolution, "embeddings")

    def anchor_vectors(self, resolution: Resolution) -> Vectors | None:
        """Return what covers the space already, or None."""
        if self.anchors is None or not len(self.anchors):
            return None
        excluded = self.constraints.excluded
        given = self.embeddings[excluded] if len(excluded) else self.anchors
        return as_vectors(given, resolution, "anchors")

    def anchored_cover(self, vectors: Vectors, given: Vectors | None) -> Similarity:
        """Return the cover of some points by the anchors."""
        return np.zeros(len(vectors), np.int32) if given is None else vectors.cover_by(given)

    def bare_state(self, cover: Similarity) -> GreedyState:
        """Return a state in which nothing is picked, and anchors of the pool are excluded."""
        taken = np.zeros(len(self), np.bool_)
        taken[self.constraints.excluded] = True
        grouping, budget = self.constraints.grouping, self.constraints.budget
        capacity = grouping.capacity.astype(np.int64)
        weight = self.weights.whole
        return GreedyState(
            cover, taken, grouping.group, capacity, budget.cost, budget.total, weight
        )

    def state(self, vectors: Vectors) -> GreedyState:
        """Return a state in which anchors cover the space, and must-includes are picked."""
        cover = self.anchored_cover(vectors, self.anchor_vectors(vectors.resolution))
        cover[self.constraints.excluded] = vectors.one
        state = self.bare_state(cover)
        first = self.constraints.must_include
        for start in range(0, len(first), _ROWS):
            part = first[start : start + _ROWS]
            for pick, row in zip(part.tolist(), vectors.rows(part), strict=True):
                state.accept(pick, state.total(np.maximum(row - state.cover, 0)), row)
        return state

    def reached_target(self, picks: IntArray) -> dict[str, float]:
        """Return how much of the target is covered by some picks; nothing without a target."""
        if self.target is None:
            return {}
        return {"target_coverage": target_coverage(self.embeddings, picks, self.target)}

    def objective(self, reference: Reference, one: int) -> Objective:
        """Return what a pick is worth, in units of the reference gain."""
        cost, whole = self.constraints.budget.cost, one * self.weights.unit
        return build_objective(self.quality, self.specification, reference.gain, whole, cost)


def pose(ground_set: GroundSet, specification: Specification) -> SelectionProblem:
    """Check all arguments of a selection, before any work.

    Raises:
        InvalidInput: an argument is not allowed.
    """
    pool = check_embeddings(ground_set.embeddings)
    specification.check()
    excluded = _excluded(ground_set.anchors, pool)
    return SelectionProblem(
        specification=specification,
        embeddings=pool,
        quality=check_quality(ground_set.quality, len(pool)),
        weights=_weights(ground_set, pool),
        target=None if ground_set.target is None else target_directions(pool, ground_set.target),
        anchors=None if ground_set.anchors is None else np.asarray(ground_set.anchors),
        constraints=check_constraints(
            len(pool),
            specification,
            costs=ground_set.costs,
            groups=ground_set.groups,
            excluded=excluded,
            must_include=ground_set.must_include,
        ),
        ids=check_ids(ground_set.ids, len(pool)),
    )


def _weights(ground_set: GroundSet, pool: NDArray[np.number]) -> Weights:
    given = check_weights(ground_set.weights, len(pool))
    if ground_set.target is None:
        return given
    near = nearness(pool, ground_set.target)
    return check_weights(near if given.whole is None else near * given.whole, len(pool))


def _excluded(anchors: NDArray[Any] | None, pool: NDArray[np.number]) -> IntArray:
    """Positions of anchors that are points of the pool, ascending."""
    if anchors is None:
        return np.zeros(0, np.int64)
    given = np.asarray(anchors)
    if given.dtype.kind in "iu":
        return check_positions(given, len(pool))
    if check_embeddings(given, "anchors").shape[1] != pool.shape[1]:
        raise InvalidInput(not_allowed("anchors of shape", given.shape, f"[m, {pool.shape[1]}]"))
    return np.zeros(0, np.int64)
