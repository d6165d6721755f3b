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
    """score(a) = rate[a] * gain + quality_term[a], the gain in fixed point."""

    rate: NDArray[np.float64]
    quality_term: NDArray[np.float64]

    def scores(self, gains: NDArray[np.number], at: IntArray) -> NDArray[np.float64]:
        return self.rate[at] * gains.astype(np.float64) + self.quality_term[at]

    def part(self, at: IntArray) -> "Objective":
        """The objective of some of the points."""
        return Objective(self.rate[at], self.quality_term[at])


@dataclass(frozen=True)
class Reference:
    """What is known of a selection before it is made, from a sample of the pool.

    Attributes:
        gain: d of the last picks with diversity alone, in points of the whole pool.
        coverage: mean coverage that as many picks reach by chance.
    """

    gain: float
    coverage: float


def reference_sample(count: int, seed: int) -> IntArray:
    """Positions of the points that stand for the pool in `reference_run`, ascending."""
    chosen = np.random.default_rng(seed).choice(count, min(count, SAMPLE), replace=False)
    return np.sort(chosen).astype(np.int64)


def chance_picks(count: int, k: int, seed: int) -> IntArray:
    """Positions of K points drawn from a pool by chance, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:k]).astype(np.int64)


def reference_run(
    sample: Vectors, drawn: Vectors, cover: NDArray[np.int32], count: int
) -> Reference:
    """Run greedy by diversity alone on a sample of a pool of `count`, with K in proportion.

    Args:
        sample: of the pool, with its `cover` before the first pick.
        drawn: K points of the pool, for the coverage that chance reaches.
        cover: of the sample.
        count: points of the pool.
    """
    k = len(drawn)
    size = len(sample)
    picks = max(1, round(k * size / count))
    everything = np.arange(size)
    pairs = sample.similarities(everything, everything)
    covered = cover.copy()
    gains = dense_greedy(pairs, covered, picks)
    last = gains[int(picks * (1 - LAST_PART)) :].mean() / sample.one
    in_pool = (count / k) / (size / picks)
    by_chance = np.maximum(sample.cover_by(drawn), cover).mean() / sample.one
    return Reference(max(float(last) * in_pool, SMALLEST_GAIN), float(by_chance))


def dense_greedy(
    similarity: NDArray[np.int32], cover: NDArray[np.int32], k: int
) -> NDArray[np.int64]:
    """Gains of the first k picks by diversity alone over a square matrix; raises `cover`."""
    size = len(similarity)
    state = State.unbound(cover, k)
    gains = np.empty(k, np.int64)
    compiled(lazy_greedy)(
        np.arange(size + 1, dtype=np.int64) * size,
        np.tile(np.arange(size, dtype=np.int32), size),
        similarity.ravel(),
        state.cover,
        np.ones(size),
        np.zeros(size),
        state.group,
        state.room,
        state.cost,
        state.left,
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
    one: int,
    cost: IntArray,
) -> Objective:
    """The weights of gain and quality, both for each unit of cost.

    Without quality, diversity alone decides. `one` is the fixed-point value of similarity 1.
    """
    if quality is None or alpha == 0:
        return Objective(1.0 / cost, np.zeros(len(cost)))
    scaled = quality if normalise == "raw" else scale(quality)
    unit = one * (1.0 if normalise == "raw" else reference_gain)
    return Objective((1 - alpha) / unit / cost, alpha * scaled / cost)
