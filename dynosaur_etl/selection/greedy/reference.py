"""The scale of gains, from greedy selection by diversity alone on a sample of the pool."""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.greedy.kernels import lazy_greedy
from dynosaur_etl.selection.problem.objective import Reference
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.compiling import Array, compiled
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Vectors

SMALLEST_GAIN = 1e-6
_SAMPLE = 2048
_LAST_PART = 0.1


def reference_sample(count: int, seed: int) -> IntArray:
    """Return positions of the points that stand for the pool in `reference_run`, ascending."""
    chosen = np.random.default_rng(seed).choice(count, min(count, _SAMPLE), replace=False)
    return np.sort(chosen).astype(np.int64)


def chance_picks(count: int, k: int, seed: int) -> IntArray:
    """Return positions of K points drawn from a pool by chance, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:k]).astype(np.int64)


def reference_run(
    sample: Vectors,
    drawn: Vectors,
    cover: NDArray[np.int32],
    weight: IntArray | None,
    count: int,
    unit: float = 1.0,
) -> Reference:
    """Run greedy by diversity alone on a sample of a pool of `count`, with K in proportion.

    Args:
        sample: of the pool, with its `cover` before the first pick.
        drawn: K points of the pool, for the coverage that chance reaches.
        cover: of the sample.
        weight: of the sample, or None for 1.
        count: points of the pool.
        unit: what a weight of 1 is in `weight`.
    """
    k, size = len(drawn), len(sample)
    picks = max(1, round(k * size / count))
    everything = np.arange(size)
    pairs = sample.similarities(everything, everything)
    covered = np.maximum(sample.cover_by(drawn), cover)
    if weight is None:
        gains = _dense_greedy(pairs, cover.copy(), picks)
    else:
        gains = _dense_greedy(pairs * weight, cover * weight, picks)
    last = gains[int(picks * (1 - _LAST_PART)) :].mean() / (sample.one * unit)
    in_pool = (count / k) / (size / picks)
    by_chance = np.average(covered, weights=weight) / sample.one
    return Reference(max(float(last) * in_pool, SMALLEST_GAIN), float(by_chance))


def _dense_greedy(similarity: Array, cover: Array, k: int) -> NDArray[np.int64]:
    """Gains of the first k picks by diversity alone over a square matrix; raises `cover`."""
    size = len(similarity)
    state = GreedyState.unbound(cover, k)
    gains = np.empty(k, np.int64)
    compiled(lazy_greedy)(
        (
            np.arange(size + 1, dtype=np.int64) * size,
            np.tile(np.arange(size, dtype=np.int32), size),
            similarity.ravel(),
        ),
        (np.ones(size), np.zeros(size)),
        (state.group, state.capacity, state.cost),
        state.remaining,
        state.cover,
        state.taken,
        np.empty(k, np.int64),
        gains,
    )
    return gains
