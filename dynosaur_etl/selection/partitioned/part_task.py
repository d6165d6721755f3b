"""The work on one part, as pure functions of arrays.

1. `solve_part`: each part picks about twice its share, on its own neighbour graph.
2. `cover_part`: each part lists, for every one of its points, the nearest candidates of its own
   and of the parts around it.

A part's result depends on its rows and its arguments alone, wherever and in whatever order the
parts are computed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.graph.building import build_graph
from dynosaur_etl.selection.graph.greedy import run_graph
from dynosaur_etl.selection.graph.neighbour_graph import default_neighbours
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.problem.objective import Objective, Reference
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.fixed_point import (
    BLOCK,
    COARSE,
    IntArray,
    Similarity,
    as_vectors,
)

_QUERIES = BLOCK * 8


@dataclass(frozen=True)
class PartTask:
    """What `solve_part` needs.

    Attributes:
        rows: embeddings of the part's points [m, d].
        state: of the part's points, with this part's share of what may be spent.
        objective: of the part's points.
        reference: of the whole set.
        picks: about how many picks the share makes.
        seed: of the samples that are drawn.
    """

    rows: NDArray[np.number]
    state: GreedyState
    objective: Objective
    reference: Reference
    picks: int
    seed: int


def solve_part(task: PartTask) -> IntArray:
    """Return the part's candidates, ascending positions within the part."""
    state = task.state.copy()
    if len(task.rows) <= task.picks + 1:
        return state.open_candidates()
    vectors = as_vectors(task.rows, COARSE, "embeddings")
    graph = build_graph(vectors, default_neighbours(len(vectors), task.picks), seed=task.seed)
    run_graph(GreedyRun(vectors, state, task.objective, task.seed), graph, task.reference.coverage)
    return np.sort(np.array(state.order, np.int64))


@dataclass(frozen=True)
class CandidateLists:
    """The candidates nearest to each point of a part.

    Attributes:
        candidates: numbers of candidates [m, r].
        similarities: fixed point [m, r], highest first.
    """

    candidates: NDArray[np.int32]
    similarities: Similarity


def cover_part(
    rows: NDArray[np.number], candidates: NDArray[np.number], numbers: IntArray, listed: int
) -> CandidateLists:
    """List for each row the nearest of some candidates [c, d], by similarity, then number."""
    import faiss

    points = as_vectors(rows, COARSE, "embeddings")
    factors = as_vectors(candidates, COARSE, "candidates").working(slice(None))
    found = np.empty((len(points), listed), np.int32)
    values = np.empty((len(points), listed), np.int32)
    for start in range(0, len(points), _QUERIES):
        block = slice(start, start + _QUERIES)
        near = points.working(block)
        dots, at = faiss.knn(near, factors, listed, metric=faiss.METRIC_INNER_PRODUCT)
        fixed, number = points.fixed(dots), numbers[at].astype(np.int32)
        order = np.lexsort((number, -fixed), axis=1)
        found[block] = np.take_along_axis(number, order, 1)
        values[block] = np.take_along_axis(fixed, order, 1)
    return CandidateLists(found, values)
