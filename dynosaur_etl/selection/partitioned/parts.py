"""A set that is too large for one neighbour graph, cut into parts of near points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.vectors.fixed_point import (
    COARSE,
    READ_BLOCK,
    IntArray,
    Vectors,
    as_vectors,
)
from dynosaur_etl.selection.vectors.k_means import assign, spherical_k_means

_CLUSTERS_PER_PART = 8
_TRAINING_POINTS = 2**16
_PARTS_AROUND = 4


@dataclass(frozen=True)
class Parts:
    """A set cut into parts of near points.

    Attributes:
        members: positions of each part's points, ascending.
        centres: mean direction of each part [parts, d], coarse factors.
    """

    members: list[IntArray]
    centres: NDArray[np.float32]

    def around(self, part: int) -> IntArray:
        """Return the part itself and those nearest to it."""
        near = np.argsort(-(self.centres @ self.centres[part]), kind="stable")
        return near[: 1 + _PARTS_AROUND]


def cut(embeddings: NDArray[np.number], part_points: int, seed: int) -> Parts:
    """Cut a set, memory-mapped or not, into parts of at most `part_points` near points.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    count = len(embeddings)
    clusters = min(_CLUSTERS_PER_PART * -(-count // part_points), count)
    centroids = spherical_k_means(_sampled(embeddings, clusters, seed), clusters, seed)
    label = _labels(embeddings, centroids)
    members = _packed(label, _chain(centroids), part_points)
    weights = [np.bincount(label[at], minlength=clusters) for at in members]
    centres = np.array(weights, np.float32) @ centroids
    lengths = np.sqrt((centres * centres).sum(axis=1, keepdims=True))
    return Parts(members, centres / np.maximum(lengths, 1e-9))


def _sampled(embeddings: NDArray[np.number], clusters: int, seed: int) -> Vectors:
    size = min(len(embeddings), max(_TRAINING_POINTS, clusters))
    at = np.random.default_rng(seed).choice(len(embeddings), size, replace=False)
    return as_vectors(embeddings[np.sort(at)], COARSE, "embeddings")


def _labels(embeddings: NDArray[np.number], centroids: NDArray[np.float32]) -> IntArray:
    """The nearest centroid of each point, block by block."""
    label = np.empty(len(embeddings), np.int64)
    for start in range(0, len(embeddings), READ_BLOCK):
        block = embeddings[start : start + READ_BLOCK]
        vectors = as_vectors(block, COARSE, "embeddings", start)
        label[start : start + len(block)] = assign(vectors, centroids)
    return label


def _chain(centroids: NDArray[np.float32]) -> list[int]:
    """All clusters in an order in which each is followed by the nearest that is left."""
    near = centroids @ centroids.T
    order = [0]
    near[:, 0] = -np.inf
    while len(order) < len(centroids):
        order.append(int(np.argmax(near[order[-1]])))
        near[:, order[-1]] = -np.inf
    return order


def _packed(label: IntArray, order: list[int], part_points: int) -> list[IntArray]:
    """Points in the clusters' order, cut where a part is full."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    by_place = np.argsort(place[label], kind="stable")
    ends = np.cumsum(np.bincount(place[label], minlength=len(order)))
    cuts, first = [0], 0
    for end in ends.tolist():
        while end - cuts[-1] > part_points:
            cuts.append(first if first > cuts[-1] else cuts[-1] + part_points)
        first = end
    return [np.sort(part) for part in np.split(by_place, cuts[1:])]
