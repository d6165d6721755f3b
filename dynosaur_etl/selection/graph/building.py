"""Building a neighbour graph, by all pairs, by clusters or by an index of FAISS."""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.graph.index_search import among, by_index, listed_by
from dynosaur_etl.selection.graph.neighbour_graph import Clusters, NeighbourGraph, fingerprint
from dynosaur_etl.selection.graph.neighbour_search import search_clusters
from dynosaur_etl.selection.vectors.fixed_point import COARSE, Similarity, Vectors, as_vectors
from dynosaur_etl.selection.vectors.k_means import assign, spherical_k_means

METHODS = ("auto", "flat", "clustered", "ivf", "hnsw")
FLAT_UP_TO = 20_000
POINTS_PER_CLUSTER = 1_000
_PROBED_POINTS = 10_000
_WALKED_FROM_POINTS = 5_000


def build_graph(
    points: Vectors | NDArray[np.number], neighbours: int, method: str = "auto", seed: int = 0
) -> NeighbourGraph:
    """Find each point's nearest others at the coarse resolution.

    `flat` compares all pairs, with FAISS or on a GPU. `clustered` compares each point with those of
    the clusters nearest to it, then with its neighbours' neighbours, and can miss a neighbour.
    `ivf` asks FAISS's inverted lists over the same clusters; `hnsw` walks FAISS's HNSW graph, which
    is built on one thread, since its links depend on the order of insertion. `auto` takes `flat`
    up to 20,000 points, `clustered` above.

    Args:
        points: embeddings [n, d], or coarse vectors that were made of them.
        neighbours: to list for each point.
        method: see above.
        seed: of the clusters.

    Raises:
        InvalidInput: an unknown method, or not 1 <= neighbours < n.
    """
    if method not in METHODS:
        raise InvalidInput(not_allowed("graph method", method, METHODS))
    vectors = points if isinstance(points, Vectors) else as_vectors(points, COARSE, "embeddings")
    if not 1 <= neighbours < len(vectors):
        raise InvalidInput(not_allowed("neighbours", neighbours, f"1 to {len(vectors) - 1}"))
    if method == "auto":
        method = "flat" if len(vectors) <= FLAT_UP_TO else "clustered"
    clusters = None if method in ("flat", "hnsw") else _cluster(vectors, seed)
    found, values = _lists(vectors, neighbours, method, clusters)
    return NeighbourGraph(found, values, vectors.one, fingerprint(vectors), method, clusters)


def _cluster(vectors: Vectors, seed: int) -> Clusters:
    """Clusters of about 1,000 points."""
    centroids = spherical_k_means(vectors, max(len(vectors) // POINTS_PER_CLUSTER, 1), seed)
    return Clusters(centroids, assign(vectors, centroids))


def _lists(
    vectors: Vectors, neighbours: int, method: str, clusters: Clusters | None
) -> tuple[NDArray[np.int32], Similarity]:
    if method == "flat":
        return listed_by(among(vectors, np.arange(len(vectors))), vectors, neighbours)
    if method == "clustered" and clusters is not None:
        looked_at = probes(_WALKED_FROM_POINTS, neighbours)
        found, dots = search_clusters(vectors, clusters, looked_at, neighbours)
        return found, vectors.fixed(np.where(found < 0, 0, dots))
    looked_at = probes(_PROBED_POINTS, neighbours)
    return listed_by(by_index(vectors, neighbours, clusters, looked_at), vectors, neighbours)


def probes(points: int, neighbours: int) -> int:
    """Return the number of clusters that hold about so many points, or more for long lists."""
    return -(-max(points, 4 * neighbours) // POINTS_PER_CLUSTER)
