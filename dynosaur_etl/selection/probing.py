"""Neighbour lists by clusters, in large products: each point looks where it is nearest to.

Cluster by cluster, all points that look there are multiplied with all that lie there. A walk over
the neighbours of each point's nearest neighbours then finds most of what the clusters have parted.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.device import nearest_rows
from dynosaur_etl.selection.kernels import (
    Kernel,
    compiled,
    cpu_count,
    in_chunks,
    in_order,
    one_blas_thread,
    reassociated,
)
from dynosaur_etl.selection.vectors import READ_BLOCK, FloatArray, IntArray, Vectors

WALKED = 16
"""Neighbours of each point, and of each of those, that the walk looks at."""

Lists = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Positions and products [n, k], nearest first, ties to the lowest; -1 where there is none."""


def probed_lists(
    vectors: Vectors,
    centroids: NDArray[np.float32],
    label: IntArray,
    probes: int,
    neighbours: int,
) -> Lists:
    """Find each point's nearest others.

    Args:
        vectors: coarse, so that products are exact.
        centroids: of the clusters, as coarse factors [c, d].
        label: cluster of each point [n].
        probes: clusters that each point looks at.
        neighbours: to list for each point.
    """
    shape = (len(vectors), neighbours)
    found, dots = np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
    all_pairs = zip(
        _grouped(label, len(centroids)), _asking(vectors, centroids, probes), strict=True
    )
    pairs = (pair for pair in all_pairs if len(pair[0]) and len(pair[1]))

    def probe(base: IntArray, asking: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        count = min(neighbours + 1, len(base))  # one of them may be the point itself
        near, at = nearest_rows(vectors.working(base), vectors.working(asking), count)
        return asking, base[at], near

    with one_blas_thread(), ThreadPoolExecutor(cpu_count(), initializer=_alone) as pool:
        for asking, near, near_dots in in_order(pool, probe, pairs):
            _in_parallel(compiled(enter), (found, dots, asking, near, near_dots), len(asking))
    return walked(vectors, found, dots)


def _alone() -> None:
    """Let FAISS search on the calling thread alone: there are as many of them as cores."""
    import faiss

    faiss.omp_set_num_threads(1)


def walked(vectors: Vectors, known: NDArray[np.int32], products: NDArray[np.float32]) -> Lists:
    """Give better lists, by the neighbours of each point's nearest neighbours."""
    found, dots = known.copy(), products.copy()
    width = min(WALKED, known.shape[1])
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
    """Give for each cluster the points that it is one of the nearest to, ascending."""
    nearest = np.empty((len(vectors), min(probes, len(centroids))), np.int32)
    for start in range(0, len(vectors), READ_BLOCK):
        products = vectors.working(slice(start, start + READ_BLOCK)) @ centroids.T
        part = np.argpartition(-products, nearest.shape[1] - 1, axis=1)[:, : nearest.shape[1]]
        nearest[start : start + READ_BLOCK] = part
    for asking in _grouped(nearest.ravel(), len(centroids)):
        yield asking // nearest.shape[1]


def _grouped(label: NDArray[np.integer], groups: int) -> list[IntArray]:
    """Give the places of each label, ascending."""
    small = label.astype(np.uint16) if groups <= 2**16 else label  # sorted by digits: much quicker
    order = np.argsort(small, kind="stable")
    return np.split(order, np.cumsum(np.bincount(label, minlength=groups))[:-1])


def enter(
    found: NDArray[np.int32],
    dots: NDArray[np.float32],
    points: IntArray,
    near: IntArray,
    near_dots: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Enter what is near to points start..stop [m, c] in their lists; -1 stands for nothing."""
    last = found.shape[1] - 1
    for place in range(start, stop):
        point = points[place]
        for column in range(near.shape[1]):
            other, product = near[place, column], near_dots[place, column]
            if other < 0 or other == point or product < dots[point, last]:
                continue
            if product == dots[point, last] and 0 <= found[point, last] < other:
                continue
            at = last
            while at > 0 and (
                dots[point, at - 1] < product
                or (dots[point, at - 1] == product and found[point, at - 1] > other)
            ):
                dots[point, at], found[point, at] = dots[point, at - 1], found[point, at - 1]
                at -= 1
            dots[point, at], found[point, at] = product, other


def look_around(
    factors: NDArray[np.float32],
    known: NDArray[np.int32],
    points: IntArray,
    width: int,
    near: IntArray,
    near_dots: NDArray[np.float32],
    start: int,
    stop: int,
) -> None:
    """Multiply points start..stop with the first neighbours of their first neighbours."""
    seen = np.full(known.shape[0], -1, np.int32)
    for place in range(start, stop):
        point, count = points[place], 0
        seen[point] = place
        for other in known[point]:
            if other >= 0:
                seen[other] = place
        for middle in known[point, :width]:
            if middle < 0:
                break
            for other in known[middle, :width]:
                if other < 0 or seen[other] == place:
                    continue
                seen[other] = place
                product = np.float32(0)
                for axis in range(factors.shape[1]):
                    product += factors[point, axis] * factors[other, axis]
                near[place, count], near_dots[place, count] = other, product
                count += 1
