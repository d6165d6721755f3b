"""The pool's neighbour graph, kept in the store, and grown from one day to the next."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.runtime.embeddings import embedding_kind
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.selection.graph.building import POINTS_PER_CLUSTER, build_graph
from dynosaur_etl.selection.graph.graph_table import read_graph
from dynosaur_etl.selection.graph.neighbour_graph import NeighbourGraph, default_neighbours
from dynosaur_etl.selection.graph.updating import update_graph
from dynosaur_etl.selection.vectors.fixed_point import COARSE, as_vectors
from dynosaur_etl.store.facts.stored_files import EarlierFile, forget_before, newest_before
from dynosaur_etl.store.kinds import FileKind

MOST_NEW = 0.5
MOST_PER_CLUSTER = 2 * POINTS_PER_CLUSTER
WIDTHS = (0.8, 2.0)
"""A list may be so much shorter or longer than the size of the selection asks for."""


def earlier_graph(services: Services, day: GrowthDay) -> EarlierFile | None:
    """Find the newest graph that a day before this one has left for the vectors in force."""
    kind = embedding_kind(services)
    return newest_before(services.engine, FileKind.GRAPHS, kind, str(day))


def grown_graph(
    services: Services,
    embeddings: NDArray[np.float16],
    ids: Sequence[str],
    picks: int,
    earlier: EarlierFile | None,
) -> NeighbourGraph:
    """Give the graph of today's pool: the earlier one brought up to date, or a new one.

    A new one is built where there is none, where more than half of the points are new, where the
    pool has outgrown the clusters, and where the lists no longer fit the size of the selection.

    Args:
        services: the process's services.
        embeddings: of the pool [n, d].
        ids: names of its points.
        picks: about how many will be selected.
        earlier: the graph to grow from.
    """
    vectors = as_vectors(embeddings, COARSE, "embeddings")
    neighbours = default_neighbours(len(vectors), picks)
    if earlier is not None:
        graph, old_ids = read_graph(services.storage.read_table(earlier.path))
        if _can_grow(graph, old_ids, ids, neighbours):
            return update_graph(graph, old_ids, vectors, list(ids))
    return build_graph(vectors, neighbours, seed=services.settings.seed)


def forget_graphs(services: Services, before: EarlierFile | None) -> None:
    """Forget the graphs of days before that one; what grows from it or after it needs none."""
    if before is not None:
        kind = embedding_kind(services)
        forget_before(services.engine, FileKind.GRAPHS, kind, before.day)


def _can_grow(
    graph: NeighbourGraph, old_ids: Sequence[str], ids: Sequence[str], neighbours: int
) -> bool:
    width = graph.neighbours.shape[1]
    shortest, longest = (neighbours * factor for factor in WIDTHS)
    clusters = None if graph.clusters is None else len(graph.clusters.centroids)
    return (
        shortest <= width <= longest
        and width < len(ids)
        and len(set(ids) - set(old_ids)) <= MOST_NEW * len(ids)
        and (clusters is None or len(ids) <= clusters * MOST_PER_CLUSTER)
    )
