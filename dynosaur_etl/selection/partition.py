"""The parts of a set that is too large for one neighbour graph, as pure functions.

Two rounds, after GreeDi (Mirzasoleiman et al. 2013), but with parts made of near points rather
than random ones, so that a part's picks cover its points as well as the whole set's would:

1. `solve_part`: each part picks about twice its share, on its own neighbour graph.
2. `cover_part`: each part lists, for every one of its points, the nearest candidates of its own
   and of the parts around it. `partitioned.run` joins these lists and picks K along them.

A part's result depends on its rows and its arguments alone, wherever and in whatever order the
parts are computed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.clusters import assign, spherical_k_means
from dynosaur_etl.selection.graph import build_graph, default_neighbours, run_graph
from dynosaur_etl.selection.objective import Objective, Reference
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import (
    BLOCK,
    COARSE,
    READ_BLOCK,
    IntArray,
    Similarity,
    Vectors,
    as_vectors,
)

PART_POINTS = 100_000
CLUSTERS_PER_PART = 8
TRAINING_POINTS = 2**16
OVERSAMPLE = 2.0
LISTED = 8
PARTS_AROUND = 4


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
        """The part itself and those nearest to it."""
        return np.argsort(-(self.centres @ self.centres[part]), kind="stable")[: 1 + PARTS_AROUND]


def cut(embeddings: NDArray[np.number], part_points: int, seed: int) -> Parts:
    """Cut a set, memory-mapped or not, into parts of at most `part_points` near points.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    count = len(embeddings)
    clusters = min(CLUSTERS_PER_PART * -(-count // part_points), count)
    centroids = spherical_k_means(sampled(embeddings, clusters, seed), clusters, seed)
    label = np.empty(count, np.int64)
    for start in range(0, count, READ_BLOCK):
        block = embeddings[start : start + READ_BLOCK]
        vectors = as_vectors(block, COARSE, "embeddings", start)
        label[start : start + len(block)] = assign(vectors, centroids)
    members = packed(label, chain(centroids), part_points)
    weights = [np.bincount(label[at], minlength=clusters) for at in members]
    centres = np.array(weights, np.float32) @ centroids
    lengths = np.sqrt((centres * centres).sum(axis=1, keepdims=True))
    return Parts(members, centres / np.maximum(lengths, 1e-9))


def sampled(embeddings: NDArray[np.number], clusters: int, seed: int) -> Vectors:
    size = min(len(embeddings), max(TRAINING_POINTS, clusters))
    at = np.random.default_rng(seed).choice(len(embeddings), size, replace=False)
    return as_vectors(embeddings[np.sort(at)], COARSE, "embeddings")


def chain(centroids: NDArray[np.float32]) -> list[int]:
    """All clusters in an order in which each is followed by the nearest that is left."""
    near = centroids @ centroids.T
    order = [0]
    near[:, 0] = -np.inf
    while len(order) < len(centroids):
        order.append(int(np.argmax(near[order[-1]])))
        near[:, order[-1]] = -np.inf
    return order


def packed(label: IntArray, order: list[int], part_points: int) -> list[IntArray]:
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


@dataclass(frozen=True)
class PartTask:
    """What `solve_part` needs.

    Attributes:
        rows: embeddings of the part's points [m, d].
        state: of the part's points, with this part's share of what may be spent.
        objective: of the part's points.
        reference: of the whole set.
        picks: about how many picks the share makes.
    """

    rows: NDArray[np.number]
    state: State
    objective: Objective
    reference: Reference
    picks: int
    seed: int


def solve_part(task: PartTask) -> IntArray:
    """The part's candidates, ascending positions within the part."""
    state = task.state.copy()
    if len(task.rows) <= task.picks + 1:
        return state.open_candidates()
    vectors = as_vectors(task.rows, COARSE, "embeddings")
    graph = build_graph(vectors, default_neighbours(len(vectors), task.picks), seed=task.seed)
    run_graph(vectors, graph, state, task.objective, task.seed, task.reference.coverage)
    return np.sort(np.array(state.order, np.int64))


@dataclass(frozen=True)
class Lists:
    """The candidates nearest to each point of a part.

    Attributes:
        candidates: numbers of candidates [m, r].
        similarities: fixed point [m, r], highest first.
    """

    candidates: NDArray[np.int32]
    similarities: Similarity


def cover_part(
    rows: NDArray[np.number], candidates: NDArray[np.number], numbers: IntArray, listed: int
) -> Lists:
    """For each row the `listed` nearest of some candidates [c, d], by similarity, then number."""
    import faiss

    points = as_vectors(rows, COARSE, "embeddings")
    base = as_vectors(candidates, COARSE, "candidates")
    factors = base.working(slice(None))
    found = np.empty((len(points), listed), np.int32)
    values = np.empty((len(points), listed), np.int32)
    for start in range(0, len(points), BLOCK * 8):
        block = slice(start, start + BLOCK * 8)
        dots, at = faiss.knn(
            points.working(block), factors, listed, metric=faiss.METRIC_INNER_PRODUCT
        )
        fixed, number = points.fixed(dots), numbers[at].astype(np.int32)
        order = np.lexsort((number, -fixed), axis=1)
        found[block] = np.take_along_axis(number, order, 1)
        values[block] = np.take_along_axis(fixed, order, 1)
    return Lists(found, values)
