"""Other selectors behind the same result, to compare with.

Each gives an ordered selection with the gain and the coverage that its picks have under the
facility-location objective, at the coarse resolution.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.assessment.metrics import DENSITY_POWER, density
from dynosaur_etl.selection.problem import checks
from dynosaur_etl.selection.problem.result import Selection
from dynosaur_etl.selection.vectors.fixed_point import COARSE, IntArray, Vectors, as_vectors
from dynosaur_etl.selection.vectors.k_means import assign, spherical_k_means

RANKED = 64


def random(
    embeddings: NDArray[np.number], k: int, quality: ArrayLike | None = None, seed: int = 0
) -> Selection:
    """K points drawn without replacement."""
    vectors, k, ratings = prepared(embeddings, k, quality)
    order = np.random.default_rng(seed).permutation(len(vectors))[:k]
    return measured(vectors, order, ratings, "random", {"seed": seed})


def top_quality(embeddings: NDArray[np.number], k: int, quality: ArrayLike) -> Selection:
    """The K points of highest quality, ties to the lowest position (QDIT with alpha 1)."""
    vectors, k, ratings = prepared(embeddings, k, quality)
    return measured(vectors, by_quality(ratings, len(vectors))[:k], ratings, "top_quality", {})


def k_center(embeddings: NDArray[np.number], k: int, quality: ArrayLike | None = None) -> Selection:
    """Farthest point first, from the point nearest to the mean direction (Gonzalez 1985)."""
    vectors, k, ratings = prepared(embeddings, k, quality)
    factors = vectors.working(slice(None))
    order = [
        int(np.argmax(factors.astype(np.float64) @ vectors.values.sum(axis=0, dtype=np.int64)))
    ]
    closest = np.full(len(vectors), -np.inf, np.float32)
    while len(order) < k:
        np.maximum(closest, factors @ factors[order[-1]], out=closest)
        closest[order[-1]] = np.inf
        order.append(int(np.argmin(closest)))
    return measured(vectors, np.array(order), ratings, "k_center", {})


def k_means_nearest(
    embeddings: NDArray[np.number], k: int, quality: ArrayLike | None = None, seed: int = 0
) -> Selection:
    """The point nearest to each of K centroids, largest cluster first.

    Clusters that come out empty are made up for by further points of the largest ones.
    """
    vectors, k, ratings = prepared(embeddings, k, quality)
    centroids = spherical_k_means(vectors, k, seed)
    label = assign(vectors, centroids)
    nearness = np.einsum("nd,nd->n", vectors.working(slice(None)), centroids[label])
    sizes = np.bincount(label, minlength=k)
    within = np.lexsort((np.arange(len(vectors)), -nearness, label))
    starts = np.searchsorted(label[within], label[within])
    turn = np.arange(len(vectors)) - starts
    order = within[np.lexsort((within, -sizes[label[within]], turn))][:k]
    return measured(vectors, order, ratings, "k_means_nearest", {"seed": seed})


def k_means_quality(
    embeddings: NDArray[np.number],
    k: int,
    quality: ArrayLike,
    clusters: int | None = None,
    seed: int = 0,
) -> Selection:
    """Quality-weighted draws from clusters, each in proportion to its size (kMQ, arXiv 2409.11378).

    Args:
        embeddings: float [n, d].
        k: number of picks.
        quality: weights of the draws within a cluster [n].
        clusters: number of clusters; default: the root of n, at most k.
        seed: of the clusters and the draws.
    """
    vectors, k, ratings = prepared(embeddings, k, quality)
    if ratings is None:
        raise InvalidInput(not_allowed("quality", None, f"[{len(vectors)}] values from 0 to 1"))
    clusters = min(k, round(len(vectors) ** 0.5)) if clusters is None else clusters
    if not 1 <= clusters <= len(vectors):
        raise InvalidInput(not_allowed("clusters", clusters, f"1 to {len(vectors)}"))
    label = assign(vectors, spherical_k_means(vectors, clusters, seed))
    # Each point gets an exponential clock of rate quality: the first to ring is a weighted draw.
    clock = np.random.default_rng(seed).exponential(size=len(vectors))
    clock = clock / np.maximum(ratings, 1e-12)
    by_clock = np.lexsort((clock, label))
    turn = np.arange(len(vectors)) - np.searchsorted(label[by_clock], label[by_clock])
    sizes = np.bincount(label, minlength=clusters)[label[by_clock]]
    order = by_clock[np.lexsort((by_clock, (turn + 0.5) / sizes))][:k]
    params = {"seed": seed, "clusters": clusters}
    return measured(vectors, order, ratings, "k_means_quality", params)


def novelselect(
    embeddings: NDArray[np.number], k: int, quality: ArrayLike | None = None, seed: int = 0
) -> Selection:
    """The most novel point each time, in the measure of NovelSum (arXiv 2502.17184).

    From a random start, the point is taken whose distances to what is selected, weighted by
    1 / rank of nearness and by the density around it, are largest; quality multiplies. Only the 64
    nearest selected points are ranked; the weights of further ones are below a sixty-fourth.
    """
    vectors, k, ratings = prepared(embeddings, k, quality)
    factors = vectors.floats / np.float32(vectors.one**0.5)
    crowd = density(factors.astype(np.float64), factors) ** DENSITY_POWER
    worth = (crowd if ratings is None else crowd * ratings).astype(np.float32)
    order = [int(np.random.default_rng(seed).integers(len(vectors)))]
    nearest = np.full((len(vectors), RANKED), np.inf, np.float32)
    taken = np.zeros(len(vectors), np.bool_)
    while True:
        taken[order[-1]] = True
        if len(order) == k:
            break
        distance = np.maximum(1 - factors @ factors[order[-1]], 0)
        farthest = nearest.argmax(axis=1)
        rows = np.arange(len(vectors))
        nearest[rows, farthest] = np.minimum(nearest[rows, farthest], distance)
        ranked = np.sort(nearest, axis=1)[:, : min(len(order), RANKED)]
        weights = (1.0 / np.arange(1, ranked.shape[1] + 1)).astype(np.float32)
        score = worth * (ranked @ (weights / weights.sum()))
        score[taken] = -np.inf
        order.append(int(np.argmax(score)))
    return measured(vectors, np.array(order), ratings, "novelselect", {"seed": seed})


def deita(
    embeddings: NDArray[np.number], k: int, quality: ArrayLike, threshold: float = 0.9
) -> Selection:
    """Best first, unless something selected is more similar than the threshold (arXiv 2312.15685).

    It may end with fewer than K points; `diagnostics` says how many are missing.
    """
    if not 0 <= threshold <= 1:
        raise InvalidInput(not_allowed("threshold", threshold, "a number from 0 to 1"))
    vectors, k, ratings = prepared(embeddings, k, quality)
    factors = vectors.working(slice(None))
    limit = threshold * vectors.one
    kept: list[int] = []
    chosen = np.empty((k, vectors.dimensions), np.float32)
    for at in by_quality(ratings, len(vectors)).tolist():
        if len(kept) == k:
            break
        if not kept or (chosen[: len(kept)] @ factors[at]).max() <= limit:
            chosen[len(kept)] = factors[at]
            kept.append(at)
    params = {"threshold": threshold}
    return measured(vectors, np.array(kept), ratings, "deita", params, {"missing": k - len(kept)})


def prepared(
    embeddings: NDArray[np.number], k: int, quality: ArrayLike | None
) -> tuple[Vectors, int, NDArray[np.float64] | None]:
    pool = checks.check_embeddings(embeddings)
    k = checks.check_count(k, len(pool))
    ratings = checks.check_quality(quality, len(pool))
    return as_vectors(pool, COARSE, "embeddings"), k, ratings


def by_quality(ratings: NDArray[np.float64] | None, count: int) -> IntArray:
    """Positions from the highest quality down, ties to the lowest."""
    if ratings is None:
        raise InvalidInput(not_allowed("quality", None, f"[{count}] values from 0 to 1"))
    return np.argsort(-ratings, kind="stable")


def rises(vectors: Vectors, order: IntArray) -> Iterator[int]:
    """Gain of each pick in its order, fixed point."""
    cover = np.zeros(len(vectors), np.int32)
    before = 0
    for start in range(0, len(order), 32):
        for row in vectors.rows(order[start : start + 32]):
            np.maximum(cover, row, out=cover)
            after = int(cover.sum(dtype=np.int64))
            yield after - before
            before = after


def measured(
    vectors: Vectors,
    order: IntArray,
    ratings: NDArray[np.float64] | None,
    method: str,
    params: dict[str, Any],
    diagnostics: dict[str, Any] | None = None,
) -> Selection:
    gain = np.fromiter(rises(vectors, order), np.float64, len(order)) / vectors.one
    common = {"k": len(order), "pool": len(vectors), "similarity_bits": vectors.resolution.bits}
    return Selection(
        order=order.astype(np.int64),
        gain=gain,
        coverage=np.cumsum(gain) / len(vectors),
        quality=None if ratings is None else ratings[order],
        method=method,
        params=common | params,
        diagnostics=diagnostics or {},
    )
