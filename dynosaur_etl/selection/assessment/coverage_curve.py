"""The coverage curve of picks that were made before, in their order."""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.problem.weights import check_weights
from dynosaur_etl.selection.vectors.fixed_point import (
    BLOCK,
    COARSE,
    READ_BLOCK,
    Vectors,
    as_vectors,
)


def coverage_curve(
    embeddings: NDArray[np.number],
    picks: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the marginal gains and the coverage of picks, as greedy selection reports them.

    It takes one product of all points with all picks, as a cover by anchors does, in the integers
    of `fixed_point.COARSE`: the result is the same on every machine.

    Args:
        embeddings: float16, float32 or float64 [n, d].
        picks: positions [m], in their order.
        weights: what covering each point is worth [n]; None for 1.

    Returns:
        The gain of each pick (a sum over the pool, as `Selection.gain`) and the coverage of the
        pool after it, both float64 [m].
    """
    if not len(picks):
        return np.zeros(0), np.zeros(0)
    vectors = as_vectors(embeddings, COARSE, "embeddings")
    checked = check_weights(weights, len(vectors))
    covered = GreedyState.unbound(np.zeros(len(vectors), np.int32), len(picks))
    covered.weight = checked.whole
    total = summed_cover(vectors, np.arange(len(vectors)), picks, covered)
    one = float(vectors.one)
    gain = np.diff(total, prepend=np.int64(0)) / (one * checked.unit)
    return gain, total / (one * checked.total)


def summed_cover(
    vectors: Vectors, points: NDArray[np.int64], picks: NDArray[np.int64], state: GreedyState
) -> NDArray[np.int64]:
    """Return the cover of some points after each pick, summed as the state weighs them.

    Args:
        vectors: of the pool.
        points: positions in it.
        picks: positions in it, in their order.
        state: of the points, with the cover before the first pick, which is raised.
    """
    total = np.zeros(len(picks), np.int64)
    for first in range(0, len(picks), BLOCK):
        block = picks[first : first + BLOCK]
        for start in range(0, len(points), READ_BLOCK):
            span = slice(start, start + READ_BLOCK)
            near = vectors.similarities(points[span], block)
            np.maximum(near[:, 0], state.cover[span], out=near[:, 0])
            np.maximum.accumulate(near, axis=1, out=near)
            state.cover[span] = near[:, -1]
            total[first : first + len(block)] += _summed(near, span, state)
    return total


def _summed(near: NDArray[np.int32], span: slice, state: GreedyState) -> NDArray[np.int64]:
    if state.weight is None:
        return np.asarray(near.sum(axis=0, dtype=np.int64), np.int64)
    return np.asarray(state.weight[span] @ near.astype(np.int64), np.int64)


def knee(coverage: NDArray[np.float64]) -> int:
    """Return the number of picks after which coverage rises more slowly than on average.

    It is the point of the curve that lies farthest above the line from its start to its end.
    """
    line = np.linspace(coverage[0], coverage[-1], len(coverage))
    return int(np.argmax(coverage - line)) + 1
