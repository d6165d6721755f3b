"""Yesterday's neighbour graph brought up to today's pool.

New points are compared with the points around them, about as many as in a build, and enter both
their own lists and those of the points that they are nearer to than the last one listed. Points
that are gone leave all lists; a list that lost more than a quarter is found anew. So the cost
grows with what has changed, not with the pool.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.checks import check_ids
from dynosaur_etl.selection.clusters import assign
from dynosaur_etl.selection.graph import (
    Clusters,
    NeighbourGraph,
    candidates_around,
    fingerprint,
    nearest,
)
from dynosaur_etl.selection.vectors import IntArray, Similarity, Vectors

LOST_PART = 0.25
NOBODY = -1


@dataclass(frozen=True)
class Change:
    """Today's points in terms of yesterday's.

    Attributes:
        before: yesterday's position of each of today's points, -1 for new ones.
        after: today's position of each of yesterday's points, -1 for those that are gone.
    """

    before: IntArray
    after: IntArray

    @property
    def new(self) -> IntArray:
        return np.flatnonzero(self.before == NOBODY)

    @property
    def kept(self) -> IntArray:
        return np.flatnonzero(self.before != NOBODY)


def compare(old_ids: list[str], new_ids: list[str]) -> Change:
    """Which points stayed, by their ids.

    Raises:
        InvalidInput: an id is there twice.
    """
    check_ids(old_ids, len(old_ids))
    check_ids(new_ids, len(new_ids))
    place = {name: at for at, name in enumerate(old_ids)}
    before = np.array([place.get(name, NOBODY) for name in new_ids], np.int64)
    after = np.full(len(old_ids), NOBODY, np.int64)
    after[before[before != NOBODY]] = np.flatnonzero(before != NOBODY)
    return Change(before, after)


def update_graph(
    graph: NeighbourGraph, old_ids: list[str], vectors: Vectors, ids: list[str]
) -> NeighbourGraph:
    """The graph of today's points from yesterday's.

    Args:
        graph: of yesterday's points.
        old_ids: their names, in the graph's order.
        vectors: all of today's points, coarse; those that stayed have yesterday's vectors.
        ids: their names.

    Returns:
        A graph of the method `updated`, whose lists may end in -1 where points are gone.

    Raises:
        InvalidInput: names and points differ in number, or a name is there twice.
    """
    if len(old_ids) != len(graph.neighbours) or len(ids) != len(vectors):
        given = (len(old_ids), len(ids))
        raise InvalidInput(not_allowed("ids", given, f"{len(graph.neighbours)}, {len(vectors)}"))
    change = compare(old_ids, ids)
    grown = carried(graph, vectors, change)
    for members, around in searches(grown, change.new):
        insert_into(grown, vectors, members, around)
    width = grown.neighbours.shape[1]
    lost = (grown.neighbours == NOBODY).sum(axis=1) > LOST_PART * width
    wanting = np.flatnonzero(lost | (change.before == NOBODY))
    for members, around in searches(grown, wanting):
        if len(around) > width:
            found, values = nearest(vectors, members, around, width)
            grown.neighbours[members], grown.similarities[members] = found, values
    return grown


def carried(graph: NeighbourGraph, vectors: Vectors, change: Change) -> NeighbourGraph:
    """Yesterday's lists at today's positions, what is gone moved out to the end as -1."""
    shape = (len(vectors), graph.neighbours.shape[1])
    neighbours, similarities = np.full(shape, NOBODY, np.int32), np.zeros(shape, np.int32)
    old = graph.neighbours[change.before[change.kept]]
    moved = np.where(old == NOBODY, NOBODY, change.after[old]).astype(np.int32)
    values = np.where(moved == NOBODY, 0, graph.similarities[change.before[change.kept]])
    order = np.argsort(moved == NOBODY, axis=1, kind="stable")
    neighbours[change.kept] = np.take_along_axis(moved, order, 1)
    similarities[change.kept] = np.take_along_axis(values, order, 1)
    return replace(
        graph,
        neighbours=neighbours,
        similarities=similarities,
        fingerprint=fingerprint(vectors),
        method="updated",
        clusters=grown_clusters(graph, vectors, change),
    )


def grown_clusters(graph: NeighbourGraph, vectors: Vectors, change: Change) -> Clusters | None:
    if graph.clusters is None:
        return None
    label = np.empty(len(vectors), np.int64)
    label[change.kept] = graph.clusters.label[change.before[change.kept]]
    if len(change.new):
        label[change.new] = assign(vectors.part(change.new), graph.clusters.centroids)
    return Clusters(graph.clusters.centroids, label)


def searches(graph: NeighbourGraph, points: IntArray) -> list[tuple[IntArray, IntArray]]:
    """Some points, by cluster, with the points around each cluster."""
    if graph.clusters is None or not len(points):
        everything = np.arange(len(graph.neighbours))
        return [(points, everything)] if len(points) else []
    of_cluster = graph.clusters.label[points]
    found = []
    for cluster, around in candidates_around(
        graph.clusters, graph.neighbours.shape[1], np.unique(of_cluster)
    ):
        found.append((points[of_cluster == cluster], around))
    return found


def insert_into(
    graph: NeighbourGraph, vectors: Vectors, members: IntArray, around: IntArray
) -> None:
    """Put new members into the lists of the points around that they are near enough to."""
    step = 512
    for start in range(0, len(members), step):
        part = members[start : start + step]
        similarity = vectors.fixed(vectors.working(part) @ vectors.working(around).T)
        similarity[part[:, None] == around] = 0
        at, place = np.nonzero(similarity > graph.similarities[around, -1])
        merge(graph, around[place], part[at].astype(np.int32), similarity[at, place])


def merge(
    graph: NeighbourGraph, points: IntArray, others: NDArray[np.int32], values: Similarity
) -> None:
    """Enter (point, other, similarity) into the points' lists, which keep their length."""
    order = np.argsort(points, kind="stable")
    points, others, values = points[order], others[order], values[order]
    touched, first, counts = np.unique(points, return_index=True, return_counts=True)
    most = int(counts.max(initial=0))
    row = np.repeat(np.arange(len(touched)), counts)
    rank = np.arange(len(points)) - np.repeat(first, counts)
    extra = np.full((len(touched), most), NOBODY, np.int32)
    extra_values = np.full((len(touched), most), -1, np.int32)
    extra[row, rank], extra_values[row, rank] = others, values
    listed = np.concatenate((graph.neighbours[touched], extra), axis=1)
    near = np.concatenate((graph.similarities[touched], extra_values), axis=1)
    near = np.where(listed == NOBODY, -1, near)
    best = np.lexsort((listed, -near), axis=1)[:, : graph.neighbours.shape[1]]
    graph.neighbours[touched] = np.take_along_axis(listed, best, 1)
    graph.similarities[touched] = np.maximum(np.take_along_axis(near, best, 1), 0)
