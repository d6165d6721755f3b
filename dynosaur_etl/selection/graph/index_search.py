"""Neighbour search by comparison with all points, or by an index of FAISS."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.graph.neighbour_graph import Clusters
from dynosaur_etl.selection.vectors.fixed_point import READ_BLOCK, IntArray, Similarity, Vectors
from dynosaur_etl.selection.vectors.products import nearest_rows
from dynosaur_etl.selection.vectors.threads import one_faiss_thread

_HNSW_LINKS = 32

Search = Callable[[NDArray[np.float32], int], tuple[NDArray[np.float32], IntArray]]
"""Finds so many points near to each query [m, d]: their products and positions, -1 for none."""


def among(vectors: Vectors, candidates: IntArray) -> Search:
    """Return a search that compares with all of the candidates."""
    base = vectors.working(candidates)

    def search(queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], IntArray]:
        dots, at = nearest_rows(base, queries, count)
        return dots, candidates[at]

    return search


def by_index(vectors: Vectors, neighbours: int, clusters: Clusters | None, probes: int) -> Search:
    """Return a search of a FAISS index: inverted lists over the clusters, or HNSW without."""
    import faiss

    width = vectors.dimensions
    index: faiss.Index
    if clusters is None:
        index = faiss.IndexHNSWFlat(width, _HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = max(4 * neighbours, 128)
    else:
        coarse = faiss.IndexFlatIP(width)
        coarse.add(clusters.centroids)
        lists = len(clusters.centroids)
        index = faiss.IndexIVFFlat(coarse, width, lists, faiss.METRIC_INNER_PRODUCT)
        index.is_trained = True
        index.nprobe = probes
    with one_faiss_thread():
        for start in range(0, len(vectors), READ_BLOCK):
            index.add(vectors.working(slice(start, start + READ_BLOCK)))
    return index.search


def listed_by(
    search: Search, vectors: Vectors, neighbours: int
) -> tuple[NDArray[np.int32], Similarity]:
    """Return each point's nearest others that a search finds, and their similarities [n, k]."""
    found = np.empty((len(vectors), neighbours), np.int32)
    values = np.empty((len(vectors), neighbours), np.int32)
    for start in range(0, len(vectors), READ_BLOCK):
        part = slice(start, start + READ_BLOCK)
        members = np.arange(len(vectors))[part]
        found[part], values[part] = _nearest(vectors, members, search, neighbours)
    return found, values


def _nearest(
    vectors: Vectors, members: IntArray, search: Search, count: int
) -> tuple[NDArray[np.int32], Similarity]:
    """Each member's nearest others that a search finds, by similarity and then position."""
    dots, at = search(vectors.working(members), count + 1)
    found = at.astype(np.int32)
    values = np.where(found < 0, 0, vectors.fixed(np.where(found < 0, 0, dots)))
    itself = found == members[:, None]
    itself[~itself.any(axis=1), -1] = True  # crowded out by exact copies: drop the last of them
    found = found[~itself].reshape(len(members), count)
    values = values[~itself].reshape(len(members), count)
    order = np.lexsort((found, -values, found < 0), axis=1)
    return np.take_along_axis(found, order, 1), np.take_along_axis(values, order, 1)
