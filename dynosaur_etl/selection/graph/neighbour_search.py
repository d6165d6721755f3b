"""Neighbour lists by clusters, in large products: each point looks where it is nearest to.

Cluster by cluster, all points that look there are multiplied with all that lie there. A walk over
the neighbours of each point's nearest neighbours then finds most of what the clusters have parted.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.graph.kernels import enter, look_around
from dynosaur_etl.selection.graph.neighbour_graph import Clusters
from dynosaur_etl.selection.vectors.compiling import Kernel, compiled, reassociated
from dynosaur_etl.selection.vectors.fixed_point import READ_BLOCK, FloatArray, IntArray, Vectors
from dynosaur_etl.selection.vectors.products import nearest_rows
from dynosaur_etl.selection.vectors.threads import cpu_count, in_chunks, in_order, one_blas_thread

_WALKED = 16
"""Neighbours of each point, and of each of those, that the walk looks at."""

Lists = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Positions and products [n, k], nearest first, ties to the lowest; -1 where there is none."""


def search_clusters(vectors: Vectors, clusters: Clusters, probes: int, neighbours: int) -> Lists:
    """Find each point's nearest others among those of the clusters nearest to it.

    Args:
        vectors: coarse, so that products are exact.
        clusters: of the points.
        probes: clusters that each point looks at.
        neighbours: to list for each point.
    """
    shape = (len(vectors), neighbours)
    found, dots = np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
    members = _grouped(clusters.label, len(clusters.centroids))
    asking_of = _asking(vectors, clusters.centroids, probes)
    pairs = ((base, asking) for base, asking in zip(members, asking_of, strict=True)
             if len(base) and len(asking))  # fmt: skip

    def probe(base: IntArray, asking: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        count = min(neighbours + 1, len(base))  # one of them may be the point itself
        near, at = nearest_rows(vectors.working(base), vectors.working(asking), count)
        return asking, base[at], near

    with one_blas_thread(), ThreadPoolExecutor(cpu_count(), initializer=_alone) as pool:
        for asking, near, near_dots in in_order(pool, probe, pairs):
            _in_parallel(compiled(enter), (found, dots, asking, near, near_dots), len(asking))
    return _walked(vectors, found, dots)


def _alone() -> None:
    """Let FAISS search on the calling thread alone: there are as many of them as cores."""
    import faiss

    faiss.omp_set_num_threads(1)


def _walked(vectors: Vectors, known: NDArray[np.int32], products: NDArray[np.float32]) -> Lists:
    """Better lists, by the neighbours of each point's nearest neighbours."""
    found, dots = known.copy(), products.copy()
    width = min(_WALKED, known.shape[1])
    for start in range(0, len(known), READ_BLOCK):
        points = np.arange(start, min(start + READ_BLOCK, len(known)))
        near = np.full((len(points), width * width), -1, np.int64)
        near_dots = np.full(near.shape, -np.inf, np.float32)
        span = (vectors.floats, known, points, width, near, near_dots)
        _in_parallel(reassociated(look_around), span, len(points))
        _in_parallel(compiled(enter), (found, dots, points, near, near_dots), len(points))
    return found, dots


def _in_parallel(kernel: Kernel, span: tuple[Any, ...], length: int) -> None:
    with ThreadPoolExecutor() as pool:
        in_chunks(pool, lambda start, stop: kernel(*span, start, stop), length)


def _asking(vectors: Vectors, centroids: NDArray[np.float32], probes: int) -> Iterator[IntArray]:
    """Yield for each cluster the points that it is one of the nearest to, ascending."""
    nearest = np.empty((len(vectors), min(probes, len(centroids))), np.int32)
    for start in range(0, len(vectors), READ_BLOCK):
        products = vectors.working(slice(start, start + READ_BLOCK)) @ centroids.T
        part = np.argpartition(-products, nearest.shape[1] - 1, axis=1)[:, : nearest.shape[1]]
        nearest[start : start + READ_BLOCK] = part
    for asking in _grouped(nearest.ravel(), len(centroids)):
        yield asking // nearest.shape[1]


def _grouped(label: NDArray[np.integer], groups: int) -> list[IntArray]:
    """Return the places of each label, ascending."""
    small = label.astype(np.uint16) if groups <= 2**16 else label  # sorted by digits: much quicker
    order = np.argsort(small, kind="stable")
    return np.split(order, np.cumsum(np.bincount(label, minlength=groups))[:-1])
