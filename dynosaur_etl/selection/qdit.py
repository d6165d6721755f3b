"""Quality-diversity selection: `qdit`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.selection import memory, partitioned
from dynosaur_etl.selection.checks import Budget, Groups
from dynosaur_etl.selection.choice import Choice, Machine, Size, choose
from dynosaur_etl.selection.exact import run_exact, run_near_exact
from dynosaur_etl.selection.graph import (
    NeighbourGraph,
    build_graph,
    check_graph,
    default_neighbours,
    first_effort,
    prefix_from,
    run_graph,
)
from dynosaur_etl.selection.objective import (
    Objective,
    Reference,
    chance_picks,
    reference_run,
    reference_sample,
)
from dynosaur_etl.selection.partition import PART_POINTS
from dynosaur_etl.selection.problem import Problem, check
from dynosaur_etl.selection.result import Selection
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import COARSE, FINE, IntArray, Vectors


@dataclass(frozen=True)
class Run:
    """What a mode gives beside the picks on its state."""

    method: str
    params: dict[str, Any]
    diagnostics: dict[str, Any]
    rises: IntArray


def qdit(
    embeddings: NDArray[np.number],
    k: int | Budget,
    quality: ArrayLike | None = None,
    alpha: float = 0.7,
    mode: str = "auto",
    anchors: NDArray[Any] | None = None,
    graph: NeighbourGraph | None = None,
    groups: Groups | None = None,
    seed: int = 0,
    normalise: str = "reference",
    quality_scale: str = "rank",
    must_include: ArrayLike | None = None,
    ids: Sequence[object] | NDArray[Any] | None = None,
    memory_limit: int | None = None,
    cores: int | None = None,
    solve: partitioned.Solver = map,
    part_points: int = PART_POINTS,
) -> Selection:
    """Select k points greedily by (1 - alpha) d(a|A) + alpha q(a) (QDIT, arXiv 2311.14736).

    Args:
        embeddings: float16, float32 or float64 [n, d]; may be memory-mapped. Rows are normalised,
            so similarity is the cosine, below 0 counted as 0.
        k: number of picks, or a `Budget` of costs. Under a budget a pick is worth its score
            divided by its cost, and picks are made until nothing that is left fits.
        quality: one value from 0 to 1 for each point. Without it diversity alone decides.
        alpha: weight of quality, 0 to 1; see `objective` for what it means.
        mode: `exact` is naive greedy's order with ties to the lowest position. `near-exact`
            takes the first 24 picks as forecast on samples and cosines to 1e-4. `graph` sees
            each point's nearest neighbours only; `diagnostics["prefix_from"]` tells from how many
            picks on a prefix holds. `partitioned` solves parts of near points and
            joins their candidates, for sets beyond memory. `auto` takes the most exact one that
            the memory limit allows and that one pass over all pairs makes bearable on these CPU
            cores; `diagnostics["mode_reason"]` tells why.
        anchors: what covers the space already: positions in the pool [m], which are not picked
            again, or vectors [m, d].
        graph: a graph that `build_graph` made of these embeddings; implies mode `graph`.
        groups: (label of each point, most picks of any one label).
        seed: of the samples that are drawn.
        normalise: `reference` or `raw`.
        quality_scale: `rank`, `min-max` or `z`, under `reference`; see `quality_scale`.
        must_include: positions that are picked first, in this order; they count.
        ids: a distinct name for each point; the selection then tells those of its picks.
        memory_limit: bytes that it may take; default: four fifths of the machine's memory or of
            the control group's.
        cores: CPU cores that `auto` reckons with; default: those of this process.
        solve: of `partitioned`: maps a function over the parts' work, in order, wherever it likes.
        part_points: of `partitioned`: most points of a part.

    Raises:
        InvalidInput: an argument is not allowed, or the memory is too small for the mode.
    """
    problem = check(
        embeddings,
        k,
        quality,
        alpha,
        anchors,
        groups,
        seed,
        normalise,
        quality_scale,
        must_include,
        ids,
    )
    size = Size(len(problem), problem.embeddings.shape[1], problem.purse.likely_picks)
    choice = choose(mode, size, Machine.here(memory_limit, cores), graph is not None)
    if choice.mode == "partitioned":
        return partitioned_selection(problem, mode, choice, solve, part_points)
    vectors = problem.vectors(FINE if choice.mode == "exact" else COARSE)
    state = problem.state(vectors)
    start = int(state.cover.sum(dtype=np.int64)) - sum(state.gains)
    sample = reference_sample(len(vectors), seed)
    drawn = chance_picks(len(vectors), problem.purse.likely_picks, seed)
    reference = reference_run(
        vectors.part(sample), vectors.part(drawn), state.cover[sample], len(vectors)
    )
    objective = problem.objective(reference, vectors.one)
    modes: dict[str, Callable[[], Run]] = {
        "exact": lambda: by_pairs(problem, vectors, state, objective, choice),
        "near-exact": lambda: by_pairs(problem, vectors, state, objective, choice),
        "graph": lambda: by_graph(problem, vectors, state, objective, graph, reference, choice),
    }
    run = modes[choice.mode]()
    return result(problem, state, run, (mode, choice), reference, start, vectors.resolution.bits)


def by_pairs(
    problem: Problem, vectors: Vectors, state: State, objective: Objective, choice: Choice
) -> Run:
    mode = "exact" if choice.mode == "exact" else "near-exact"
    fixed = memory.fixed_bytes(mode, len(vectors), vectors.dimensions, 0)
    room = max(choice.machine.memory_limit - fixed, 2**26)
    run = run_exact if mode == "exact" else run_near_exact
    diagnostics = run(vectors, state, objective, problem.seed, room)
    return Run(mode, {}, dict(diagnostics), np.array(state.gains, np.int64))


def by_graph(
    problem: Problem,
    vectors: Vectors,
    state: State,
    objective: Objective,
    graph: NeighbourGraph | None,
    reference: Reference,
    choice: Choice,
) -> Run:
    if len(vectors) == 1:
        return by_pairs(problem, vectors, state, objective, choice)
    if graph is None:
        neighbours = default_neighbours(len(vectors), problem.purse.likely_picks)
        graph = build_graph(vectors, neighbours, seed=problem.seed)
    check_graph(graph, vectors)
    width = int(graph.neighbours.shape[1])
    cap, effort = reference.coverage, first_effort(width)
    rises = run_graph(vectors, graph, state, objective, problem.seed, cap, effort)
    params = {
        "neighbours": width,
        "graph_method": graph.method,
        "graph_fingerprint": graph.fingerprint,
        "baseline_cap": cap,
    }
    facts = {"edges": int(graph.neighbours.size), "prefix_from": prefix_from(len(vectors), width)}
    return Run("graph", params, facts, rises)


def partitioned_selection(
    problem: Problem, mode: str, choice: Choice, solve: partitioned.Solver, part_points: int
) -> Selection:
    found = partitioned.run(problem, solve, part_points)
    run = Run("partitioned", found.params, found.diagnostics, found.rises)
    asked = (mode, choice)
    return result(problem, found.state, run, asked, found.reference, found.start, COARSE.bits)


def result(
    problem: Problem,
    state: State,
    run: Run,
    asked: tuple[str, Choice],
    reference: Reference,
    start: int,
    bits: int,
) -> Selection:
    """The selection that a state holds; `start` is the summed cover before the first pick."""
    order = np.array(state.order, np.int64)
    one = float((FINE if bits == FINE.bits else COARSE).one(problem.embeddings.shape[1]))
    return Selection(
        order=order,
        gain=np.array(state.gains, np.float64) / one,
        coverage=(start + np.cumsum(run.rises)) / (one * len(problem)),
        quality=None if problem.quality is None else problem.quality[order],
        method=run.method,
        params=parameters(problem, asked[0], reference, bits) | run.params,
        diagnostics=run.diagnostics | told(asked[1]),
        ids=None if problem.ids is None else [problem.ids[at] for at in order.tolist()],
    )


def told(choice: Choice) -> dict[str, Any]:
    """Why this mode ran; beside the parameters, which are the same on every machine."""
    limit, cores = choice.machine.memory_limit, choice.machine.cores
    return {"mode_reason": choice.reason, "memory_limit": limit, "cores": cores}


def parameters(problem: Problem, mode: str, reference: Reference, bits: int) -> dict[str, Any]:
    """What was asked for and what was used, as plain JSON values."""
    raw = problem.normalise == "raw"
    return {
        "k": problem.purse.fixed_picks or None,
        "budget": None if problem.purse.fixed_picks else problem.purse.total,
        "pool": len(problem),
        "dimensions": problem.embeddings.shape[1],
        "mode_asked": mode,
        "alpha": problem.alpha,
        "alpha_used": problem.used_alpha,
        "similarity": "cosine, below 0 counted as 0",
        "similarity_bits": bits,
        "normalise": problem.normalise,
        "gain_unit": 1.0 if raw else reference.gain,
        "quality_scale": None
        if problem.quality is None
        else "raw"
        if raw
        else problem.quality_scale,
        "anchors": 0 if problem.anchors is None else len(problem.anchors),
        "anchors_in_pool": len(problem.barred),
        "must_include": len(problem.must_include),
        "groups": len(problem.grouping.room),
        "most_of_a_group": int(problem.grouping.room.max()),
        "seed": problem.seed,
    }
