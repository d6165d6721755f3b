"""The neighbour graph and greedy selection on it.

Every point knows its k nearest others. A point outside that list of neighbours cannot raise its
cover much, because something among the k will be picked: so the k-th similarity counts as covered
from the start. With k near N / K the result matches exact greedy's objective at a cost that
grows little faster than N.

The order along the graph is not greedy's: the first picks would look for hubs of small
neighbourhoods. They are therefore made on samples of the points first, and the graph takes over.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.clusters import assign, spherical_k_means
from dynosaur_etl.selection.device import nearest_rows
from dynosaur_etl.selection.exact import finish
from dynosaur_etl.selection.forecast import CLOSE, QUICK, Effort, pick_by_samples
from dynosaur_etl.selection.kernels import compiled, compress, replay
from dynosaur_etl.selection.objective import Objective
from dynosaur_etl.selection.pairs import Pairs
from dynosaur_etl.selection.probing import probed_lists
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import READ_BLOCK, IntArray, Similarity, Vectors

FIRST_PICKS = 64
FEWEST_NEIGHBOURS = 32
MOST_NEIGHBOURS = 256
FLAT_UP_TO = 20_000
POINTS_PER_CLUSTER = 1_000
PROBED_POINTS = 10_000
WALKED_FROM_POINTS = 5_000
HNSW_LINKS = 32
METHODS = ("auto", "flat", "clustered", "ivf", "hnsw")

Search = Callable[[NDArray[np.float32], int], tuple[NDArray[np.float32], IntArray]]
"""Finds so many points near to each query [m, d]: their products and positions, -1 for none."""


@dataclass(frozen=True)
class Clusters:
    """Spherical k-means of the points, by which near ones are looked for.

    Attributes:
        centroids: coarse factors [c, d].
        label: cluster of each point [n].
    """

    centroids: NDArray[np.float32]
    label: IntArray

    @cached_property
    def sizes(self) -> IntArray:
        """Points in each cluster."""
        return np.bincount(self.label, minlength=len(self.centroids))


@dataclass(frozen=True)
class NeighbourGraph:
    """The k nearest others of every point.

    Attributes:
        neighbours: positions [n, k], nearest first, ties to the lowest; -1 where there is none.
        similarities: fixed point [n, k]; 1 is `one`.
        fingerprint: tells the set of points that it was built from.
        method: `flat` (all pairs), `clustered` (pairs within near clusters), `ivf` or `hnsw`
            (by that FAISS index), or `updated` (grown from an earlier one).
        clusters: of the methods `clustered` and `ivf`, which growth goes by.
    """

    neighbours: NDArray[np.int32]
    similarities: Similarity
    one: int
    fingerprint: str
    method: str
    clusters: Clusters | None = None


def default_neighbours(count: int, k: int) -> int:
    """Neighbours per point for a selection of k: 1.6 N / K; prefixes hold from a third of k on."""
    wanted = int(np.clip(round(1.6 * count / k), FEWEST_NEIGHBOURS, MOST_NEIGHBOURS))
    return min(wanted, count - 1)


def prefix_from(count: int, neighbours: int) -> int:
    """Picks from which on a prefix covers within 1% of what greedy's own covers.

    Before them a pick covers more points than a list shows. Measured on 22,000 real and 52,000
    grown points, with 16 to 64 neighbours.
    """
    return -(-count // (2 * neighbours))


def first_effort(neighbours: int) -> Effort:
    """Look closely at the first picks of few: long lists are those of N / K above 20."""
    return QUICK if neighbours <= FEWEST_NEIGHBOURS else CLOSE


def fingerprint(vectors: Vectors) -> str:
    """SHA-256 over the shape and up to 4,096 evenly spaced rows."""
    at = np.unique(np.linspace(0, len(vectors) - 1, 4096).astype(np.int64))
    digest = hashlib.sha256(f"{vectors.values.shape}".encode())
    digest.update(np.ascontiguousarray(vectors.values[at]).tobytes())
    return digest.hexdigest()


def build_graph(
    vectors: Vectors, neighbours: int, method: str = "auto", seed: int = 0
) -> NeighbourGraph:
    """Find each point's nearest others at the coarse resolution.

    `flat` compares all pairs, with FAISS or on a GPU. `clustered` compares each point with those of
    the clusters nearest to it, then with its neighbours' neighbours, and can miss a neighbour.
    `ivf` asks FAISS's inverted lists over the same clusters; `hnsw` walks FAISS's HNSW graph, which
    is built on one thread, since its links depend on the order of insertion. `auto` takes `flat`
    up to 20,000 points, `clustered` above.

    Raises:
        InvalidInput: an unknown method, or not 1 <= neighbours < n.
    """
    if method not in METHODS:
        raise InvalidInput(not_allowed("graph method", method, METHODS))
    if not 1 <= neighbours < len(vectors):
        raise InvalidInput(not_allowed("neighbours", neighbours, f"1 to {len(vectors) - 1}"))
    if method == "auto":
        method = "flat" if len(vectors) <= FLAT_UP_TO else "clustered"
    clusters = None if method in ("flat", "hnsw") else cluster(vectors, seed)
    if method == "clustered" and clusters is not None:
        found, values = by_clusters(vectors, neighbours, clusters)
    elif method == "flat":
        found, values = by_search(vectors, neighbours, among(vectors, np.arange(len(vectors))))
    else:
        found, values = by_search(vectors, neighbours, by_index(vectors, neighbours, clusters))
    return NeighbourGraph(found, values, vectors.one, fingerprint(vectors), method, clusters)


def cluster(vectors: Vectors, seed: int) -> Clusters:
    """Clusters of about 1,000 points."""
    centroids = spherical_k_means(vectors, max(len(vectors) // POINTS_PER_CLUSTER, 1), seed)
    return Clusters(centroids, assign(vectors, centroids))


def by_clusters(
    vectors: Vectors, neighbours: int, clusters: Clusters
) -> tuple[NDArray[np.int32], Similarity]:
    """Lists of each point's nearest others, of those in the clusters nearest to it."""
    looked_at = probes(WALKED_FROM_POINTS, neighbours)
    found, dots = probed_lists(vectors, clusters.centroids, clusters.label, looked_at, neighbours)
    return found, vectors.fixed(np.where(found < 0, 0, dots))


def by_search(
    vectors: Vectors, neighbours: int, search: Search
) -> tuple[NDArray[np.int32], Similarity]:
    """Lists of each point's nearest others that a search finds."""
    found = np.empty((len(vectors), neighbours), np.int32)
    values = np.empty((len(vectors), neighbours), np.int32)
    for start in range(0, len(vectors), READ_BLOCK):
        part = slice(start, start + READ_BLOCK)
        members = np.arange(len(vectors))[part]
        found[part], values[part] = nearest(vectors, members, search, neighbours)
    return found, values


def probes(points: int, neighbours: int) -> int:
    """Clusters that hold about so many points, or more for long lists."""
    return -(-max(points, 4 * neighbours) // POINTS_PER_CLUSTER)


def among(vectors: Vectors, candidates: IntArray) -> Search:
    """Compare with all of the candidates."""
    base = vectors.working(candidates)

    def search(queries: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], IntArray]:
        dots, at = nearest_rows(base, queries, count)
        return dots, candidates[at]

    return search


def by_index(vectors: Vectors, neighbours: int, clusters: Clusters | None) -> Search:
    """Ask a FAISS index of all points: inverted lists over the clusters, or HNSW without."""
    import faiss

    width = vectors.dimensions
    index: faiss.Index
    if clusters is None:
        index = faiss.IndexHNSWFlat(width, HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = max(4 * neighbours, 128)
    else:
        coarse = faiss.IndexFlatIP(width)
        coarse.add(clusters.centroids)
        lists = len(clusters.centroids)
        index = faiss.IndexIVFFlat(coarse, width, lists, faiss.METRIC_INNER_PRODUCT)
        index.is_trained = True
        index.nprobe = probes(PROBED_POINTS, neighbours)
    with one_thread():
        for start in range(0, len(vectors), READ_BLOCK):
            index.add(vectors.working(slice(start, start + READ_BLOCK)))
    return index.search


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep FAISS on one thread for the length of a block."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def clusters_around(clusters: Clusters, neighbours: int, cluster: int) -> IntArray:
    """The cluster and those nearest to it, until they hold about 10,000 points."""
    centroids = clusters.centroids
    near = np.argsort(-(centroids @ centroids[cluster]), kind="stable")
    order = np.concatenate(([cluster], near[near != cluster]))
    sizes = np.cumsum(clusters.sizes[order])
    enough = max(PROBED_POINTS, 4 * neighbours)
    return order[: int(np.searchsorted(sizes, enough)) + 1]


def nearest(
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


def check_graph(graph: NeighbourGraph, vectors: Vectors) -> None:
    """Refuse a graph of another set.

    Raises:
        InvalidInput: the fingerprint or the shape differs.
    """
    expected = fingerprint(vectors)
    if graph.fingerprint != expected or len(graph.neighbours) != len(vectors):
        raise InvalidInput(
            f"graph: received one of another set (fingerprint {graph.fingerprint[:12]}, "
            f"{len(graph.neighbours)} points); allowed: one of these {len(vectors)} embeddings "
            f"(fingerprint {expected[:12]})"
        )


def last_similarity(graph: NeighbourGraph) -> Similarity:
    """Similarity of each point's last listed neighbour."""
    last = np.maximum((graph.neighbours >= 0).sum(axis=1) - 1, 0)
    return np.take_along_axis(graph.similarities, last[:, None], 1)[:, 0]


def graph_pairs(graph: NeighbourGraph, cover: Similarity) -> Pairs:
    """Pairs above a cover among neighbours, and each point with itself, sorted by candidate."""
    count = len(graph.neighbours)
    keep = (graph.similarities > cover[:, None]) & (graph.neighbours >= 0)
    itself = np.arange(count, dtype=np.int32)
    points = np.concatenate((np.nonzero(keep)[0].astype(np.int32), itself))
    candidates = np.concatenate((graph.neighbours[keep], itself))
    values = np.concatenate((graph.similarities[keep], np.full(count, graph.one, np.int32)))
    pairs = Pairs(np.zeros(count + 1, np.int64), np.empty_like(points), np.empty_like(values))
    compiled(compress)(candidates, points, values, pairs.starts, pairs.points, pairs.values)
    return pairs


def run_graph(
    vectors: Vectors,
    graph: NeighbourGraph,
    state: State,
    objective: Objective,
    seed: int,
    likely_coverage: float,
    effort: Effort = QUICK,
) -> IntArray:
    """Make picks on `state` while any can be made.

    `likely_coverage` caps the baseline, so that a crowd of near copies larger than its list of
    neighbours does not count as covered before anything near it is picked. `effort` goes into the
    first picks.

    Returns:
        Rise of the summed cover at each pick as the graph sees it, a lower bound, fixed point.
    """
    pick_by_samples(vectors, state, objective, FIRST_PICKS, effort, seed)
    first = len(state.order)
    seen = state.cover.copy()
    rises = np.array(state.gains, np.int64)
    pairs = graph_pairs(graph, state.cover)
    baseline = np.minimum(last_similarity(graph), int(likely_coverage * graph.one))
    np.maximum(state.cover, baseline, out=state.cover)
    finish(pairs, state, objective)
    rest = np.array(state.order[first:], np.int64)
    later = np.empty(len(rest), np.int64)
    compiled(replay)(pairs.starts, pairs.points, pairs.values, seen, rest, later)
    return np.concatenate((rises, later))
