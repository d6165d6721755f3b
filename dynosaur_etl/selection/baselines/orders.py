"""Orders in which simple selectors would take all points, best first.

Each is an iterable of positions, made as far as it is asked for.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.assessment.metrics import DENSITY_POWER, density
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Vectors
from dynosaur_etl.selection.vectors.k_means import assign, spherical_k_means

_RANKED = 64
_LEAST_RATE = 1e-12


def from_the_highest(values: NDArray[np.number]) -> IntArray:
    """Return positions from the highest value down, ties to the lowest position."""
    return np.argsort(-values, kind="stable")


def by_chance(count: int, seed: int) -> IntArray:
    """Return all positions in a random order."""
    return np.random.default_rng(seed).permutation(count)


def by_source(sources: Sequence[object], seed: int) -> IntArray:
    """Return positions by source in turn, the sources by name and each at random within."""
    shuffled = by_chance(len(sources), seed)
    _, source = np.unique(np.asarray([str(name) for name in sources]), return_inverse=True)
    within = shuffled[np.argsort(source[shuffled], kind="stable")]
    starts = np.searchsorted(source[within], source[within])
    turn = np.arange(len(within)) - starts
    return within[np.lexsort((source[within], turn))]


def farthest_first(vectors: Vectors) -> Iterator[int]:
    """Yield the farthest point each time, from the one nearest to the mean direction."""
    factors = vectors.working(slice(None))
    total = vectors.values.sum(axis=0, dtype=np.int64)
    pick = int(np.argmax(factors.astype(np.float64) @ total))
    closest = np.full(len(vectors), -np.inf, np.float32)
    for _ in range(len(vectors)):
        yield pick
        np.maximum(closest, factors @ factors[pick], out=closest)
        closest[pick] = np.inf
        pick = int(np.argmin(closest))


def nearest_to_centroids(vectors: Vectors, clusters: int, seed: int) -> IntArray:
    """Return the point nearest to each centroid, largest cluster first, then the second nearest."""
    centroids = spherical_k_means(vectors, clusters, seed)
    label = assign(vectors, centroids)
    nearness = np.einsum("nd,nd->n", vectors.working(slice(None)), centroids[label])
    sizes = np.bincount(label, minlength=clusters)
    within = np.lexsort((np.arange(len(vectors)), -nearness, label))
    turn = np.arange(len(vectors)) - np.searchsorted(label[within], label[within])
    return within[np.lexsort((within, -sizes[label[within]], turn))]


def quality_in_clusters(
    vectors: Vectors, quality: NDArray[np.float64], clusters: int, seed: int
) -> IntArray:
    """Return draws weighted by quality from clusters, from each in proportion to its size."""
    label = assign(vectors, spherical_k_means(vectors, clusters, seed))
    # Each point gets an exponential clock of rate quality: the first to ring is a weighted draw.
    clock = np.random.default_rng(seed).exponential(size=len(vectors))
    by_clock = np.lexsort((clock / np.maximum(quality, _LEAST_RATE), label))
    turn = np.arange(len(vectors)) - np.searchsorted(label[by_clock], label[by_clock])
    sizes = np.bincount(label, minlength=clusters)[label[by_clock]]
    return by_clock[np.lexsort((by_clock, (turn + 0.5) / sizes))]


def most_novel(vectors: Vectors, quality: NDArray[np.float64] | None, seed: int) -> Iterator[int]:
    """Yield the point that is most novel beside those before it, in the measure of NovelSum.

    Only the 64 nearest of these are ranked; the weights of further ones are below a sixty-fourth.
    """
    factors = vectors.floats / np.float32(vectors.one**0.5)
    crowd = density(factors.astype(np.float64), factors) ** DENSITY_POWER
    worth = (crowd if quality is None else crowd * quality).astype(np.float32)
    nearest = np.full((len(vectors), _RANKED), np.inf, np.float32)
    taken = np.zeros(len(vectors), np.bool_)
    pick = int(np.random.default_rng(seed).integers(len(vectors)))
    for made in range(1, len(vectors) + 1):
        yield pick
        taken[pick] = True
        _come_nearer(nearest, np.maximum(1 - factors @ factors[pick], 0))
        score = worth * _mean_distance(nearest, made)
        score[taken] = -np.inf
        pick = int(np.argmax(score))


def _come_nearer(nearest: NDArray[np.float32], distance: NDArray[np.float32]) -> None:
    """Put the distances to one more pick in the place of the farthest that are kept."""
    rows, farthest = np.arange(len(nearest)), nearest.argmax(axis=1)
    nearest[rows, farthest] = np.minimum(nearest[rows, farthest], distance)


def _mean_distance(nearest: NDArray[np.float32], made: int) -> NDArray[np.float32]:
    """Mean of the distances that are kept, weighted by 1 / rank of nearness."""
    ranked = np.sort(nearest, axis=1)[:, : min(made, _RANKED)]
    weights = (1.0 / np.arange(1, ranked.shape[1] + 1)).astype(np.float32)
    found: NDArray[np.float32] = ranked @ (weights / weights.sum())
    return found


def unlike_those_before(
    vectors: Vectors, order: Iterable[int], threshold: float, most: int
) -> Iterator[int]:
    """Yield positions of an order, but for those that are more like an earlier one than allowed."""
    factors = vectors.working(slice(None))
    chosen, kept = np.empty((most, vectors.dimensions), np.float32), 0
    for at in order:
        if kept and (chosen[:kept] @ factors[at]).max() > threshold * vectors.one:
            continue
        if kept < most:
            chosen[kept], kept = factors[at], kept + 1
        yield int(at)


def in_turn(lists: IntArray) -> Iterator[int]:
    """Yield the first of each list [t, n], then the second of each; none twice."""
    seen: set[int] = set()
    for at in lists.T.ravel().tolist():
        if at >= 0 and at not in seen:
            seen.add(at)
            yield at
