"""Spherical k-means that gives the same clusters on every machine.

Centroids are rounded like the points, so that assignments compare exact products, and means are
sums of integers.
"""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.vectors.fixed_point import BLOCK, READ_BLOCK, IntArray, Vectors, unit

_ROUNDS = 6
_TRAINING_POINTS = 64


def spherical_k_means(vectors: Vectors, count: int, seed: int) -> NDArray[np.float32]:
    """Return centroids [count, d] as coarse factors, trained on 64 points a cluster."""
    rng = np.random.default_rng(seed)
    size = min(len(vectors), max(count * _TRAINING_POINTS, 4096))
    sample = np.sort(rng.choice(len(vectors), size, replace=False))
    training = Vectors(vectors.values[sample], vectors.resolution)
    centroids = training.working(np.sort(rng.choice(size, count, replace=False)))
    for _ in range(_ROUNDS):
        label = assign(training, centroids)
        order = np.argsort(label, kind="stable")
        used, starts = np.unique(label[order], return_index=True)
        sums = np.add.reduceat(training.values[order].astype(np.float64), starts, axis=0)
        live = np.abs(sums).max(axis=1) > 0
        centroids[used[live]] = np.rint(unit(sums[live], 0, "centroids") * vectors.scale)
    return centroids


def assign(vectors: Vectors, centroids: NDArray[np.float32]) -> IntArray:
    """Return the nearest centroid of each point, ties to the lowest."""
    label = np.empty(len(vectors), np.int64)
    step = BLOCK if len(centroids) > BLOCK else READ_BLOCK
    for start in range(0, len(vectors), step):
        products = vectors.working(slice(start, start + step)) @ centroids.T
        label[start : start + step] = products.argmax(axis=1)
    return label
