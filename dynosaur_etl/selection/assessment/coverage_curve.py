"""The coverage curve of picks that were made before, in their order."""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.vectors.fixed_point import (
    BLOCK,
    COARSE,
    READ_BLOCK,
    Vectors,
    as_vectors,
)


def coverage_curve(
    embeddings: NDArray[np.number], picks: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the marginal gains and the coverage of picks, as greedy selection reports them.

    It takes one product of all points with all picks, as a cover by anchors does, in the integers
    of `fixed_point.COARSE`: the result is the same on every machine.

    Args:
        embeddings: float16, float32 or float64 [n, d].
        picks: positions [m], in their order.

    Returns:
        The gain of each pick (a sum over the pool, as `Selection.gain`) and the coverage of the
        pool after it, both float64 [m].
    """
    if not len(picks):
        return np.zeros(0), np.zeros(0)
    vectors = as_vectors(embeddings, COARSE, "embeddings")
    total = _summed_cover(vectors, picks)
    gain = np.diff(total, prepend=np.int64(0)) / vectors.one
    return gain, total / (float(vectors.one) * len(vectors))


def _summed_cover(vectors: Vectors, picks: NDArray[np.int64]) -> NDArray[np.int64]:
    """The cover of all points after each pick, summed, fixed point."""
    covered = np.zeros(len(vectors), np.int32)
    total = np.zeros(len(picks), np.int64)
    for first in range(0, len(picks), BLOCK):
        block = picks[first : first + BLOCK]
        for start in range(0, len(vectors), READ_BLOCK):
            rows = np.arange(start, min(start + READ_BLOCK, len(vectors)))
            near = vectors.similarities(rows, block)
            np.maximum(near[:, 0], covered[rows], out=near[:, 0])
            np.maximum.accumulate(near, axis=1, out=near)
            covered[rows] = near[:, -1]
            total[first : first + len(block)] += near.sum(axis=0, dtype=np.int64)
    return total


def knee(coverage: NDArray[np.float64]) -> int:
    """Return the number of picks after which coverage rises more slowly than on average.

    It is the point of the curve that lies farthest above the line from its start to its end.
    """
    line = np.linspace(coverage[0], coverage[-1], len(coverage))
    return int(np.argmax(coverage - line)) + 1
