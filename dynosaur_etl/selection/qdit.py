"""Quality-diversity selection: `qdit`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection import checks, memory
from dynosaur_etl.selection.checks import Groups
from dynosaur_etl.selection.exact import run_exact, run_near_exact
from dynosaur_etl.selection.graph import (
    NeighbourGraph,
    build_graph,
    check_graph,
    default_neighbours,
    run_graph,
)
from dynosaur_etl.selection.kernels import cpu_count
from dynosaur_etl.selection.objective import (
    NORMALISATIONS,
    Objective,
    Reference,
    build_objective,
    reference_run,
)
from dynosaur_etl.selection.quality_scale import QUALITY_SCALES
from dynosaur_etl.selection.result import Selection
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import COARSE, FINE, IntArray, Resolution, Vectors, as_vectors

MODES = ("auto", "exact", "near-exact", "graph")
PASS_FLOPS_PER_CORE = 35e9
LONGEST_EXACT_PASS_S = 30.0
LONGEST_NEAR_EXACT_PASS_S = 60.0


@dataclass(frozen=True)
class Problem:
    """Checked arguments of one selection."""

    embeddings: NDArray[np.number]
    k: int
    quality: NDArray[np.float64] | None
    alpha: float
    normalise: str
    quality_scale: str
    anchors: NDArray[Any] | None
    barred: IntArray
    grouping: checks.Grouping
    seed: int

    @property
    def used_alpha(self) -> float:
        """Without quality, diversity alone decides."""
        return 0.0 if self.quality is None else self.alpha

    def vectors(self, resolution: Resolution) -> Vectors:
        return as_vectors(self.embeddings, resolution, "embeddings")

    def state(self, vectors: Vectors) -> State:
        """Nothing picked; anchors cover and, where they are points of the pool, are barred."""
        cover = np.zeros(len(vectors), np.int32)
        if self.anchors is not None and len(self.anchors):
            if len(self.barred):
                given = Vectors(vectors.values[self.barred], vectors.resolution)
            else:
                given = as_vectors(self.anchors, vectors.resolution, "anchors")
            cover = vectors.cover_by(given)
            cover[self.barred] = vectors.one
        state = State.fresh(cover, self.grouping.group, self.grouping.room)
        state.taken[self.barred] = True
        return state


@dataclass(frozen=True)
class Run:
    """What a mode gives beside the picks on its state."""

    method: str
    params: dict[str, Any]
    diagnostics: dict[str, Any]
    rises: IntArray


def qdit(
    embeddings: NDArray[np.number],
    k: int,
    quality: ArrayLike | None = None,
    alpha: float = 0.7,
    mode: str = "auto",
    anchors: NDArray[Any] | None = None,
    graph: NeighbourGraph | None = None,
    groups: Groups | None = None,
    seed: int = 0,
    normalise: str = "reference",
    quality_scale: str = "rank",
) -> Selection:
    """Select k points greedily by (1 - alpha) d(a|A) + alpha q(a) (QDIT, arXiv 2311.14736).

    Args:
        embeddings: float16, float32 or float64 [n, d]; may be memory-mapped. Rows are normalised,
            so similarity is the cosine, below 0 counted as 0.
        k: number of picks.
        quality: one value from 0 to 1 for each point. Without it diversity alone decides.
        alpha: weight of quality, 0 to 1; see `objective` for what it means.
        mode: `exact` is naive greedy's order with ties to the lowest position. `near-exact`
            takes the first 20 picks as forecast on a sample and cosines to 1e-4. `graph` sees
            each point's nearest neighbours only. `auto` takes the most exact one that the memory
            allows and that one pass over all pairs makes bearable on these CPU cores.
        anchors: what covers the space already: positions in the pool [m], which are not picked
            again, or vectors [m, d].
        graph: a graph that `build_graph` made of these embeddings; implies mode `graph`.
        groups: (label of each point, most picks of any one label).
        seed: of the samples that are drawn.
        normalise: `reference` or `raw`.
        quality_scale: `rank`, `min-max` or `z`, under `reference`; see `quality_scale`.

    Raises:
        InvalidInput: an argument is not allowed, or the memory is too small for the mode.
    """
    problem = check(embeddings, k, quality, alpha, anchors, groups, seed, normalise, quality_scale)
    chosen = choose_mode(mode, problem, graph)
    vectors = problem.vectors(FINE if chosen == "exact" else COARSE)
    state = problem.state(vectors)
    start = int(state.cover.sum(dtype=np.int64))
    reference = reference_run(vectors, state.cover, problem.k, seed)
    objective = build_objective(
        problem.quality,
        problem.used_alpha,
        normalise,
        QUALITY_SCALES[problem.quality_scale],
        reference.gain,
        vectors,
    )
    modes: dict[str, Callable[[], Run]] = {
        "exact": lambda: by_pairs(problem, vectors, state, objective, chosen),
        "near-exact": lambda: by_pairs(problem, vectors, state, objective, chosen),
        "graph": lambda: by_graph(problem, vectors, state, objective, graph, reference),
    }
    run = modes[chosen]()
    order = np.array(state.order, np.int64)
    return Selection(
        order=order,
        gain=np.array(state.gains, np.float64) / vectors.one,
        coverage=(start + np.cumsum(run.rises)) / (float(vectors.one) * len(vectors)),
        quality=None if problem.quality is None else problem.quality[order],
        method=run.method,
        params=parameters(problem, vectors, mode, alpha, reference) | run.params,
        diagnostics=run.diagnostics,
    )


def check(
    embeddings: NDArray[np.number],
    k: int,
    quality: ArrayLike | None,
    alpha: float,
    anchors: NDArray[Any] | None,
    groups: Groups | None,
    seed: int,
    normalise: str,
    quality_scale: str,
) -> Problem:
    """All arguments checked, before any work; values of embeddings are checked as they are read."""
    pool = checks.check_embeddings(embeddings)
    count = len(pool)
    if normalise not in NORMALISATIONS:
        raise InvalidInput(not_allowed("normalise", normalise, NORMALISATIONS))
    if quality_scale not in QUALITY_SCALES:
        raise InvalidInput(not_allowed("quality_scale", quality_scale, QUALITY_SCALES))
    barred = np.zeros(0, np.int64)
    if anchors is not None:
        anchors = np.asarray(anchors)
        if anchors.dtype.kind in "iu":
            barred = checks.check_positions(anchors, count)
        elif checks.check_embeddings(anchors, "anchors").shape[1] != pool.shape[1]:
            raise InvalidInput(
                not_allowed("anchors of shape", anchors.shape, f"[m, {pool.shape[1]}]")
            )
    k = checks.check_count(k, count - len(barred))
    return Problem(
        embeddings=pool,
        k=k,
        quality=checks.check_quality(quality, count),
        alpha=checks.check_alpha(alpha),
        normalise=normalise,
        quality_scale=quality_scale,
        anchors=anchors,
        barred=barred,
        grouping=checks.check_groups(groups, count, k, barred),
        seed=seed,
    )


def choose_mode(mode: str, problem: Problem, graph: NeighbourGraph | None) -> str:
    """The mode that will run.

    Raises:
        InvalidInput: unknown, in conflict with a given graph, or without the memory it needs.
    """
    if mode not in MODES:
        raise InvalidInput(not_allowed("mode", mode, MODES))
    if graph is not None and mode not in ("auto", "graph"):
        raise InvalidInput(not_allowed("mode with a graph", mode, ("auto", "graph")))
    count, dimensions = problem.embeddings.shape
    neighbours = default_neighbours(count, problem.k)
    free = memory.available_bytes()
    need = {m: memory.expected_bytes(m, count, dimensions, neighbours) for m in MODES[1:]}
    fitting = [m for m in MODES[1:] if need[m] <= free]
    if mode == "auto" and fitting:
        seconds = count**2 * dimensions / (PASS_FLOPS_PER_CORE * cpu_count())
        longest = {"exact": LONGEST_EXACT_PASS_S, "near-exact": LONGEST_NEAR_EXACT_PASS_S}
        return (
            "graph"
            if graph is not None
            else next((m for m in fitting if seconds <= longest.get(m, np.inf)), fitting[-1])
        )
    wanted = "graph" if mode == "auto" else mode
    if wanted not in fitting:
        raise InvalidInput(
            f"mode {wanted!r} needs about {need[wanted] / 2**30:.1f} GiB, and "
            f"{free / 2**30:.1f} GiB are free; allowed: {', '.join(fitting) or 'fewer points'}"
        )
    return wanted


def by_pairs(
    problem: Problem, vectors: Vectors, state: State, objective: Objective, mode: str
) -> Run:
    fixed = memory.fixed_bytes(mode, len(vectors), vectors.dimensions, 0)
    room = max(memory.available_bytes() - fixed, 2**26)
    run = run_exact if mode == "exact" else run_near_exact
    diagnostics = run(vectors, state, objective, problem.k, problem.seed, room)
    return Run(mode, {}, dict(diagnostics), np.array(state.gains, np.int64))


def by_graph(
    problem: Problem,
    vectors: Vectors,
    state: State,
    objective: Objective,
    graph: NeighbourGraph | None,
    reference: Reference,
) -> Run:
    if len(vectors) == 1:
        return by_pairs(problem, vectors, state, objective, "near-exact")
    if graph is None:
        neighbours = default_neighbours(len(vectors), problem.k)
        graph = build_graph(vectors, neighbours, seed=problem.seed)
    check_graph(graph, vectors)
    rises = run_graph(vectors, graph, state, objective, problem.k, problem.seed, reference.coverage)
    params = {
        "neighbours": int(graph.neighbours.shape[1]),
        "graph_method": graph.method,
        "graph_fingerprint": graph.fingerprint,
        "baseline_cap": reference.coverage,
    }
    return Run("graph", params, {"edges": int(graph.neighbours.size)}, rises)


def parameters(
    problem: Problem, vectors: Vectors, mode: str, alpha: float, reference: Reference
) -> dict[str, Any]:
    """What was asked for and what was used, as plain JSON values."""
    raw = problem.normalise == "raw"
    return {
        "k": problem.k,
        "pool": len(vectors),
        "dimensions": vectors.dimensions,
        "mode_asked": mode,
        "alpha": float(alpha),
        "alpha_used": problem.used_alpha,
        "similarity": "cosine, below 0 counted as 0",
        "similarity_bits": vectors.resolution.bits,
        "normalise": problem.normalise,
        "gain_unit": 1.0 if raw else reference.gain,
        "quality_scale": None
        if problem.quality is None
        else "raw"
        if raw
        else problem.quality_scale,
        "anchors": 0 if problem.anchors is None else len(problem.anchors),
        "anchors_in_pool": len(problem.barred),
        "groups": len(problem.grouping.room),
        "most_of_a_group": int(problem.grouping.room.max()),
        "seed": problem.seed,
    }
