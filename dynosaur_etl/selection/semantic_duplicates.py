"""Points that mean nearly the same as an earlier one, found on the neighbour graph."""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.graph.building import build_graph
from dynosaur_etl.selection.vectors.fixed_point import COARSE, as_vectors

SEMANTIC_VERSION = "alike-1"
_NEIGHBOURS = 32


def semantic_duplicates(
    embeddings: NDArray[np.number], groups: NDArray[np.uint64], threshold: float, seed: int
) -> NDArray[np.bool_]:
    """Mark points that have a near neighbour of their group that comes earlier and stays.

    Points are gone through in their order. One that is marked marks none, so that a chain of small
    steps does not lead from one meaning to another. Only a point's 32 nearest others are looked at.

    Args:
        embeddings: [n, d], of any length but 0.
        groups: [n]; points of different groups are never alike.
        threshold: least cosine, over 0 and up to 1; similarities are exact to 0.001.
        seed: of the clusters by which a large graph is built.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    count = len(embeddings)
    marked = np.zeros(count, np.bool_)
    if count < 2:
        return marked
    vectors = as_vectors(embeddings, COARSE, "embeddings")
    graph = build_graph(vectors, min(_NEIGHBOURS, count - 1), seed=seed)
    points, places = np.nonzero(graph.similarities >= threshold * graph.one)
    others = graph.neighbours[points, places]
    same = groups[points] == groups[others]
    pairs = np.stack((points[same], others[same]), axis=1)
    pairs.sort(axis=1)
    for earlier, later in np.unique(pairs[:, ::-1], axis=0)[:, ::-1].tolist():
        marked[later] |= not marked[earlier]
    return marked
