"""What a pick is worth, and what the weight alpha means.

The method's objective is f(a|A) = (1 - alpha) d(a|A) + alpha q(a), d the facility-location gain
summed over the pool (QDIT, arXiv 2311.14736, section 3). The paper does not say how d and q are
scaled, and raw values make alpha depend on the size of the pool: a first gain is of the order of
N, a late one far below 1. Two normalisations are offered and recorded with every selection:

- `reference` (default): d is divided by the gain that the K-th pick has when diversity alone
  decides, estimated on a sample; q is scaled to 0 to 1 (see `quality_scale`). At the edge of the
  selection one reference gain then weighs as much as the whole range of quality at alpha 0.5,
  for every N, K and judge.
- `raw`: d and q as they are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.kernels import compiled, lazy_greedy
from dynosaur_etl.selection.quality_scale import Scale
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import IntArray, Vectors

NORMALISATIONS = ("raw", "reference")
SAMPLE = 2048
LAST_PART = 0.1
SMALLEST_GAIN = 1e-6


@dataclass(frozen=True)
class Objective:
    """score(a) = weight * gain + quality_term[a], the gain in fixed point."""

    weight: float
    quality_term: NDArray[np.float64]

    def scores(self, gains: NDArray[np.number], at: IntArray) -> NDArray[np.float64]:
        return self.weight * gains.astype(np.float64) + self.quality_term[at]


@dataclass(frozen=True)
class Reference:
    """A run on a sample with diversity alone.

    Attributes:
        gain: d of the last picks, in points of the whole pool.
        coverage: mean coverage that the sample's picks reach.
    """

    gain: float
    coverage: float


def reference_run(vectors: Vectors, cover: NDArray[np.int32], k: int, seed: int) -> Reference:
    """Greedy by diversity alone on a sample of the pool, with K in proportion."""
    count = len(vectors)
    size = min(count, SAMPLE)
    sample = np.sort(np.random.default_rng(seed).choice(count, size, replace=False))
    picks = max(1, round(k * size / count))
    pairs = vectors.similarities(sample, sample)
    covered = cover[sample].copy()
    gains = dense_greedy(pairs, covered, picks)
    last = gains[int(picks * (1 - LAST_PART)) :].mean() / vectors.one
    in_pool = (count / k) / (size / picks)
    return Reference(max(float(last) * in_pool, SMALLEST_GAIN), float(covered.mean() / vectors.one))


def dense_greedy(
    similarity: NDArray[np.int32], cover: NDArray[np.int32], k: int
) -> NDArray[np.int64]:
    """Gains of the first k picks by diversity alone over a square matrix; raises `cover`."""
    size = len(similarity)
    state = State.fresh(cover, np.zeros(size, np.int64), np.array([k]))
    gains = np.empty(k, np.int64)
    compiled(lazy_greedy)(
        np.arange(size + 1, dtype=np.int64) * size,
        np.tile(np.arange(size, dtype=np.int32), size),
        similarity.ravel(),
        state.cover,
        1.0,
        np.zeros(size),
        state.group,
        state.room,
        state.taken,
        np.empty(k, np.int64),
        gains,
    )
    return gains


def build_objective(
    quality: NDArray[np.float64] | None,
    alpha: float,
    normalise: str,
    scale: Scale,
    reference_gain: float,
    vectors: Vectors,
) -> Objective:
    """The weights of gain and quality; without quality, diversity alone decides."""
    if quality is None or alpha == 0:
        return Objective(1.0, np.zeros(len(vectors)))
    scaled = quality if normalise == "raw" else scale(quality)
    unit = vectors.one * (1.0 if normalise == "raw" else reference_gain)
    return Objective((1 - alpha) / unit, alpha * scaled)
