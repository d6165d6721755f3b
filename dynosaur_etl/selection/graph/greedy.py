"""Greedy selection on the neighbour graph.

Every point knows its k nearest others. A point outside that list of neighbours cannot raise its
cover much, because something among the k will be picked: so the k-th similarity counts as covered
from the start. With k near N / K the result matches exact greedy's objective at a cost that
grows little faster than N.

The order along the graph is not greedy's: the first picks would look for hubs of small
neighbourhoods. They are therefore made on samples of the points first, and the graph takes over.
"""

import numpy as np

from dynosaur_etl.selection.graph.neighbour_graph import NeighbourGraph
from dynosaur_etl.selection.greedy.pairs import Pairs, pick_lazily, rises_of, sorted_pairs
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.greedy.sampled import pick_by_samples
from dynosaur_etl.selection.greedy.samples import QUICK, SampleSizes
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Similarity

FIRST_PICKS = 64


def run_graph(
    run: GreedyRun, graph: NeighbourGraph, likely_coverage: float, sizes: SampleSizes = QUICK
) -> IntArray:
    """Make picks while any can be made.

    `likely_coverage` caps the baseline, so that a crowd of near copies larger than its list of
    neighbours does not count as covered before anything near it is picked. `sizes` are those of
    the samples for the first picks.

    Returns:
        Rise of the summed cover at each pick as the graph sees it, a lower bound, fixed point.
    """
    state = run.state
    pick_by_samples(run, FIRST_PICKS, sizes)
    first, seen = len(state.order), state.cover.copy()
    rises = np.array(state.gains, np.int64)
    pairs = graph_pairs(graph, state.cover)
    baseline = np.minimum(_last_similarity(graph), int(likely_coverage * graph.one))
    np.maximum(state.cover, baseline, out=state.cover)
    pick_lazily(pairs, state, run.objective)
    later = rises_of(pairs, seen, np.array(state.order[first:], np.int64), state.weight)
    return np.concatenate((rises, later))


def graph_pairs(graph: NeighbourGraph, cover: Similarity) -> Pairs:
    """Return pairs above a cover among neighbours, and each point with itself, by candidate."""
    count = len(graph.neighbours)
    keep = (graph.similarities > cover[:, None]) & (graph.neighbours >= 0)
    itself = np.arange(count, dtype=np.int32)
    points = np.concatenate((np.nonzero(keep)[0].astype(np.int32), itself))
    candidates = np.concatenate((graph.neighbours[keep], itself))
    values = np.concatenate((graph.similarities[keep], np.full(count, graph.one, np.int32)))
    return sorted_pairs(candidates, points, values, count)


def _last_similarity(graph: NeighbourGraph) -> Similarity:
    """Similarity of each point's last listed neighbour."""
    last = np.maximum((graph.neighbours >= 0).sum(axis=1) - 1, 0)
    return np.take_along_axis(graph.similarities, last[:, None], 1)[:, 0]
