"""What covering each point is worth, and nearness to a target as such a worth.

Weights become whole numbers of at most 12 bits, so that weighted gains stay sums of integers; what
is below a part of 8,192 of the largest weight counts for nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.problem.checks import check_embeddings
from dynosaur_etl.selection.vectors.fixed_point import BLOCK, READ_BLOCK, IntArray, unit

_LARGEST = 2**12
_SHARPNESS = 4


@dataclass(frozen=True)
class Weights:
    """Weights of points after their checks.

    Attributes:
        whole: of each point [n], or None where all are the same.
        unit: what a weight of 1 is in `whole`.
        count: of the points.
    """

    whole: IntArray | None
    unit: float
    count: int

    @property
    def total(self) -> int:
        """Sum the whole numbers; of equal weights each is 1."""
        return self.count if self.whole is None else int(self.whole.sum())


def check_weights(weights: ArrayLike | None, count: int) -> Weights:
    """Return weights of points as whole numbers.

    Raises:
        InvalidInput: another shape, a weight that is negative or not finite, or none above 0.
    """
    if weights is None:
        return Weights(None, 1.0, count)
    values = np.asarray(weights, np.float64)
    if values.shape != (count,):
        raise InvalidInput(not_allowed("weights of shape", values.shape, f"({count},)"))
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        at = int(bad[0])
        words = "finite numbers from 0"
        raise InvalidInput(not_allowed(f"weight of row {at}", float(values[at]), words))
    largest = float(values.max())
    if largest == 0:
        raise InvalidInput(not_allowed("weights", "0 everywhere", "one above 0"))
    if (values == largest).all():
        return Weights(None, 1.0 / largest, count)
    whole = np.rint(values * (_LARGEST / largest)).astype(np.int64)
    return Weights(whole, _LARGEST / largest, count)


def target_coverage(
    embeddings: NDArray[np.number], picks: IntArray, goals: NDArray[np.float32]
) -> float:
    """Return the mean over a target of each point's highest clipped cosine to a pick, 0 to 1.

    Args:
        embeddings: float [n, d].
        picks: positions.
        goals: the target's vectors at length 1 [t, d].
    """
    best = np.zeros(len(goals), np.float32)
    for start in range(0, len(picks), READ_BLOCK):
        chosen = np.asarray(embeddings[picks[start : start + READ_BLOCK]], np.float64)
        near = goals @ unit(chosen, 0, "picks").astype(np.float32).T
        np.maximum(best, near.max(axis=1), out=best)
    return float(np.clip(best, 0, 1).mean())


def nearness(embeddings: NDArray[np.number], target: NDArray[np.number]) -> NDArray[np.float64]:
    """Return each point's highest clipped cosine to a target, to the power of 4 [n].

    The power parts what is near from the many points that are a little like everything.

    Args:
        embeddings: float [n, d], memory-mapped or not.
        target: float [t, d].

    Raises:
        InvalidInput: vectors of another length, zero or not finite.
    """
    best = np.zeros(len(embeddings))
    goals = target_directions(embeddings, target)
    for start in range(0, len(embeddings), READ_BLOCK):
        block = np.asarray(embeddings[start : start + READ_BLOCK], np.float64)
        points = unit(block, start, "embeddings").astype(np.float32)
        for first in range(0, len(goals), BLOCK):
            near = (points @ goals[first : first + BLOCK].T).max(axis=1)
            np.maximum(best[start : start + len(points)], near, out=best[start:][: len(points)])
    return np.asarray(np.clip(best, 0, 1) ** _SHARPNESS, np.float64)


def target_directions(
    embeddings: NDArray[np.number], target: NDArray[np.number]
) -> NDArray[np.float32]:
    """Return the target's vectors at length 1.

    Raises:
        InvalidInput: they are of another length than the points', zero or not finite.
    """
    goals = check_embeddings(target, "target")
    if goals.shape[1] != embeddings.shape[1]:
        raise InvalidInput(
            not_allowed("target of shape", goals.shape, f"[t, {embeddings.shape[1]}]")
        )
    return unit(np.asarray(goals, np.float64), 0, "target").astype(np.float32)
