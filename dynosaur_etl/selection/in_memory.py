"""The modes whose points are all in memory: `exact`, `near-exact` and `graph`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection import memory
from dynosaur_etl.selection.exact.greedy import run_exact, run_near_exact
from dynosaur_etl.selection.graph.building import build_graph
from dynosaur_etl.selection.graph.greedy import run_graph
from dynosaur_etl.selection.graph.neighbour_graph import (
    NeighbourGraph,
    check_graph,
    default_neighbours,
    is_narrow,
    prefix_from,
)
from dynosaur_etl.selection.greedy.reference import chance_picks, reference_run, reference_sample
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.greedy.samples import CLOSE, QUICK
from dynosaur_etl.selection.modes import ModeChoice
from dynosaur_etl.selection.problem.objective import Reference
from dynosaur_etl.selection.problem.problem import SelectionProblem
from dynosaur_etl.selection.problem.result import Outcome
from dynosaur_etl.selection.vectors.fixed_point import COARSE, FINE

_LEAST_PAIR_BYTES = 2**26
_ALGORITHMS = {"algorithm": "lazy greedy", "warm_start": "sampled greedy"}


@dataclass(frozen=True)
class Prepared:
    """A problem before its first pick that is not included anyway.

    Attributes:
        run: of its points.
        start: summed cover by the anchors, fixed point.
        reference: by which gains are scaled.
        picks: about how many will be made.
    """

    run: GreedyRun
    start: int
    reference: Reference
    picks: int

    def outcome(
        self,
        method: str,
        rises: NDArray[np.int64],
        params: dict[str, Any],
        diagnostics: dict[str, Any],
    ) -> Outcome:
        """Return what a mode has made of it."""
        state, resolution = self.run.state, self.run.vectors.resolution
        found = _ALGORITHMS | diagnostics
        return Outcome(method, state, rises, self.start, self.reference, resolution, params, found)


def prepare(problem: SelectionProblem, mode: str) -> Prepared:
    """Read the points, let anchors cover them, and find the scale of gains on a sample.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    vectors = problem.vectors(FINE if mode == "exact" else COARSE)
    state = problem.state(vectors)
    start = state.total(state.cover) - sum(state.gains)
    sample = reference_sample(len(vectors), problem.seed)
    drawn = chance_picks(len(vectors), problem.expected_picks, problem.seed)
    points = (vectors.part(sample), vectors.part(drawn))
    weight = None if state.weight is None else state.weight[sample]
    reference = reference_run(
        *points, state.cover[sample], weight, len(vectors), problem.weights.unit
    )
    run = GreedyRun(vectors, state, problem.objective(reference, vectors.one), problem.seed)
    return Prepared(run, start, reference, problem.expected_picks)


def select_by_pairs(at: Prepared, choice: ModeChoice) -> Outcome:
    """Select by one pass over all pairs of points.

    Raises:
        InvalidInput: the pairs that matter do not fit into the memory.
    """
    mode = "exact" if choice.mode == "exact" else "near-exact"
    fixed = memory.fixed_bytes(mode, len(at.run), at.run.vectors.dimensions, 0)
    free = max(choice.machine.memory_limit - fixed, _LEAST_PAIR_BYTES)
    counts = (run_exact if mode == "exact" else run_near_exact)(at.run, free)
    return at.outcome(mode, np.array(at.run.state.gains, np.int64), {}, {**counts})


def select_by_graph(at: Prepared, choice: ModeChoice, given: NeighbourGraph | None) -> Outcome:
    """Select along a neighbour graph, which is built unless it is given.

    Raises:
        InvalidInput: the graph is one of another set.
    """
    run, count = at.run, len(at.run)
    if count == 1:
        return select_by_pairs(at, choice)
    neighbours = default_neighbours(count, at.picks)
    graph = build_graph(run.vectors, neighbours, seed=run.seed) if given is None else given
    check_graph(graph, run.vectors)
    width, cap = int(graph.neighbours.shape[1]), at.reference.coverage
    rises = run_graph(run, graph, cap, QUICK if is_narrow(width) else CLOSE)
    params = {
        "neighbours": width,
        "graph_method": graph.method,
        "graph_fingerprint": graph.fingerprint,
        "baseline_cap": cap,
    }
    counts = {"edges": int(graph.neighbours.size), "prefix_from": prefix_from(count, width)}
    return at.outcome("graph", rises, params, counts)
