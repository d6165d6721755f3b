"""The graph of each point's nearest others, and what it is built from."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Similarity, Vectors

_FEWEST_NEIGHBOURS = 32
_MOST_NEIGHBOURS = 256
_FINGERPRINT_ROWS = 4096


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
        """Count the points in each cluster."""
        return np.bincount(self.label, minlength=len(self.centroids))


@dataclass(frozen=True)
class NeighbourGraph:
    """The k nearest others of every point.

    Attributes:
        neighbours: positions [n, k], nearest first, ties to the lowest; -1 where there is none.
        similarities: fixed point [n, k]; 1 is `one`.
        fingerprint: of the set of points that it was built from.
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
    """Return neighbours per point for k picks: 1.6 N / K; prefixes hold from a third of k on."""
    wanted = int(np.clip(round(1.6 * count / k), _FEWEST_NEIGHBOURS, _MOST_NEIGHBOURS))
    return min(wanted, count - 1)


def is_narrow(neighbours: int) -> bool:
    """Return whether lists are as short as they get: those of N / K up to 20."""
    return neighbours <= _FEWEST_NEIGHBOURS


def prefix_from(count: int, neighbours: int) -> int:
    """Return the picks from which on a prefix covers within 1% of what greedy's own covers.

    Before them a pick covers more points than a list shows. Measured on 22,000 real and 52,000
    grown points, with 16 to 64 neighbours.
    """
    return -(-count // (2 * neighbours))


def fingerprint(vectors: Vectors) -> str:
    """Return SHA-256 over the shape and up to 4,096 evenly spaced rows."""
    at = np.unique(np.linspace(0, len(vectors) - 1, _FINGERPRINT_ROWS).astype(np.int64))
    digest = hashlib.sha256(f"{vectors.values.shape}".encode())
    digest.update(np.ascontiguousarray(vectors.values[at]).tobytes())
    return digest.hexdigest()


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
