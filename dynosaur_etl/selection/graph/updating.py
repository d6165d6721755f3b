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
from dynosaur_etl.selection.graph.neighbour_graph import Clusters, NeighbourGraph, fingerprint
from dynosaur_etl.selection.problem.checks import check_ids
from dynosaur_etl.selection.vectors.fixed_point import BLOCK, IntArray, Similarity, Vectors
from dynosaur_etl.selection.vectors.k_means import assign

_LOST_PART = 0.25
_CHUNK = 2048
_PROBED_POINTS = 10_000
_NOBODY = -1


@dataclass(frozen=True)
class PointChange:
    """Today's points in terms of yesterday's.

    Attributes:
        before: yesterday's position of each of today's points, -1 for new ones.
        after: today's position of each of yesterday's points, -1 for those that are gone.
    """

    before: IntArray
    after: IntArray

    @property
    def new(self) -> IntArray:
        return np.flatnonzero(self.before == _NOBODY)

    @property
    def kept(self) -> IntArray:
        return np.flatnonzero(self.before != _NOBODY)


def _compare(old_ids: list[str], new_ids: list[str]) -> PointChange:
    """Compare two days' points by their ids.

    Raises:
        InvalidInput: an id is there twice.
    """
    check_ids(old_ids, len(old_ids))
    check_ids(new_ids, len(new_ids))
    place = {name: at for at, name in enumerate(old_ids)}
    before = np.array([place.get(name, _NOBODY) for name in new_ids], np.int64)
    after = np.full(len(old_ids), _NOBODY, np.int64)
    after[before[before != _NOBODY]] = np.flatnonzero(before != _NOBODY)
    return PointChange(before, after)


def update_graph(
    graph: NeighbourGraph, old_ids: list[str], vectors: Vectors, ids: list[str]
) -> NeighbourGraph:
    """Return the graph of today's points, made from yesterday's.

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
    change = _compare(old_ids, ids)
    grown = _carried(graph, vectors, change)
    width = grown.neighbours.shape[1]
    lost = (grown.neighbours == _NOBODY).sum(axis=1) > _LOST_PART * width
    wanting = lost | (change.before == _NOBODY)
    search = RegionSearch(grown, vectors, wanting, change.before == _NOBODY, _regions(grown))
    points = np.flatnonzero(wanting)
    for start in range(0, len(points), _CHUNK):
        search.run(points[start : start + _CHUNK])
    return grown


def _carried(graph: NeighbourGraph, vectors: Vectors, change: PointChange) -> NeighbourGraph:
    """Yesterday's lists at today's positions, what is gone moved out to the end as -1."""
    shape = (len(vectors), graph.neighbours.shape[1])
    neighbours, similarities = np.full(shape, _NOBODY, np.int32), np.zeros(shape, np.int32)
    old = graph.neighbours[change.before[change.kept]]
    moved = np.where(old == _NOBODY, _NOBODY, change.after[old]).astype(np.int32)
    values = np.where(moved == _NOBODY, 0, graph.similarities[change.before[change.kept]])
    order = np.argsort(moved == _NOBODY, axis=1, kind="stable")
    neighbours[change.kept] = np.take_along_axis(moved, order, 1)
    similarities[change.kept] = np.take_along_axis(values, order, 1)
    return replace(
        graph,
        neighbours=neighbours,
        similarities=similarities,
        fingerprint=fingerprint(vectors),
        method="updated",
        clusters=_grown_clusters(graph, vectors, change),
    )


def _grown_clusters(
    graph: NeighbourGraph, vectors: Vectors, change: PointChange
) -> Clusters | None:
    if graph.clusters is None:
        return None
    label = np.empty(len(vectors), np.int64)
    label[change.kept] = graph.clusters.label[change.before[change.kept]]
    if len(change.new):
        label[change.new] = assign(vectors.part(change.new), graph.clusters.centroids)
    return Clusters(graph.clusters.centroids, label)


@dataclass(frozen=True)
class Regions:
    """The pool cut into regions, and where a point is looked for.

    Attributes:
        members: positions of each region's points, ascending.
        label: which entry of `around` each point goes by [n].
        around: for each label, which regions are searched [labels, regions].
    """

    members: list[IntArray]
    label: IntArray
    around: NDArray[np.bool_]


def _regions(graph: NeighbourGraph) -> Regions:
    """The graph's clusters, or for a graph of all pairs blocks that are all searched."""
    count, width = graph.neighbours.shape
    if graph.clusters is None:
        members = np.array_split(np.arange(count), -(-count // BLOCK))
        return Regions(members, np.zeros(count, np.int64), np.ones((1, len(members)), np.bool_))
    clusters = graph.clusters
    total = len(clusters.centroids)
    order = np.argsort(clusters.label, kind="stable")
    cuts = np.searchsorted(clusters.label[order], np.arange(1, total))
    around = np.zeros((total, total), np.bool_)
    for cluster in range(total):
        around[cluster, _clusters_around(clusters, width, cluster)] = True
    return Regions(np.split(order, cuts), clusters.label, around)


def _clusters_around(clusters: Clusters, neighbours: int, cluster: int) -> IntArray:
    """The cluster and those nearest to it, until they hold about 10,000 points."""
    centroids = clusters.centroids
    near = np.argsort(-(centroids @ centroids[cluster]), kind="stable")
    order = np.concatenate(([cluster], near[near != cluster]))
    sizes = np.cumsum(clusters.sizes[order])
    enough = max(_PROBED_POINTS, 4 * neighbours)
    return order[: int(np.searchsorted(sizes, enough)) + 1]


@dataclass(frozen=True)
class RegionSearch:
    """Finds the lists of wanting points anew, and puts new ones into the lists of others."""

    graph: NeighbourGraph
    vectors: Vectors
    wanting: NDArray[np.bool_]
    new: NDArray[np.bool_]
    regions: Regions

    def run(self, points: IntArray) -> None:
        """Make one pass over the regions for some wanting points."""
        width = self.graph.neighbours.shape[1]
        found = np.full((len(points), width), _NOBODY, np.int32)
        values = np.full((len(points), width), -1, np.int32)
        queries, label = self.vectors.working(points), self.regions.label[points]
        for region, members in enumerate(self.regions.members):
            rows = np.flatnonzero(self.regions.around[label, region])
            if not len(rows) or not len(members):
                continue
            similarity = self.vectors.fixed(queries[rows] @ self.vectors.working(members).T)
            similarity[points[rows][:, None] == members] = -1
            found[rows], values[rows] = _nearest_of(found[rows], values[rows], members, similarity)
            self._enter(points[rows], members, similarity)
        self.graph.neighbours[points] = found
        self.graph.similarities[points] = np.maximum(values, 0)

    def _enter(self, points: IntArray, members: IntArray, similarity: Similarity) -> None:
        """Put new points into the lists of members that are not found anew themselves."""
        limit = np.where(
            self.wanting[members], np.iinfo(np.int32).max, self.graph.similarities[members, -1]
        )
        fresh = self.new[points]
        at, place = np.nonzero(similarity[fresh] > limit)
        if len(at):
            others = points[fresh][at].astype(np.int32)
            _merge(self.graph, members[place], others, similarity[fresh][at, place])


def _nearest_of(
    listed: NDArray[np.int32], near: Similarity, members: IntArray, similarity: Similarity
) -> tuple[NDArray[np.int32], Similarity]:
    """The best of lists [m, k] and of members [r], by similarity, then position."""
    width = listed.shape[1]
    names = np.concatenate((listed, np.broadcast_to(members, similarity.shape)), axis=1)
    values = np.concatenate((near, similarity), axis=1)
    rank: IntArray = values.astype(np.int64) * 2**32 - names.astype(np.int64)
    best = np.argpartition(-rank, width - 1, axis=1)[:, :width]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(rank, best, 1), axis=1), 1)
    values = np.take_along_axis(values, best, 1)
    found = np.where(values < 0, _NOBODY, np.take_along_axis(names, best, 1))
    return found.astype(np.int32), values


def _merge(
    graph: NeighbourGraph, points: IntArray, others: NDArray[np.int32], values: Similarity
) -> None:
    """Enter (point, other, similarity) into the points' lists, which keep their length."""
    order = np.argsort(points, kind="stable")
    points, others, values = points[order], others[order], values[order]
    touched, first, counts = np.unique(points, return_index=True, return_counts=True)
    most = int(counts.max(initial=0))
    row = np.repeat(np.arange(len(touched)), counts)
    rank = np.arange(len(points)) - np.repeat(first, counts)
    extra = np.full((len(touched), most), _NOBODY, np.int32)
    extra_values = np.full((len(touched), most), -1, np.int32)
    extra[row, rank], extra_values[row, rank] = others, values
    listed = np.concatenate((graph.neighbours[touched], extra), axis=1)
    near = np.concatenate((graph.similarities[touched], extra_values), axis=1)
    near = np.where(listed == _NOBODY, -1, near)
    best = np.lexsort((listed, -near), axis=1)[:, : graph.neighbours.shape[1]]
    graph.neighbours[touched] = np.take_along_axis(listed, best, 1)
    graph.similarities[touched] = np.maximum(np.take_along_axis(near, best, 1), 0)
