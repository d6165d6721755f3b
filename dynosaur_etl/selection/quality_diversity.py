"""Quality-diversity selection: `qdit`, and `select` by a specification."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.selection.graph.neighbour_graph import NeighbourGraph
from dynosaur_etl.selection.in_memory import prepare, select_by_graph, select_by_pairs
from dynosaur_etl.selection.modes import Size, choose
from dynosaur_etl.selection.partitioned.rounds import Solver, run_partitioned
from dynosaur_etl.selection.problem.budget import Budget, counted_or_priced
from dynosaur_etl.selection.problem.constraints import Labels
from dynosaur_etl.selection.problem.problem import GroundSet, pose
from dynosaur_etl.selection.problem.result import Outcome, Selection
from dynosaur_etl.selection.problem.specification import PART_POINTS, Specification
from dynosaur_etl.selection.recording import recorded

Groups = tuple[Labels, int]


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
    solve: Solver = map,
    part_points: int = PART_POINTS,
    weights: ArrayLike | None = None,
    target: NDArray[np.number] | None = None,
) -> Selection:
    """Select k points greedily by (1 - alpha) d(a|A) + alpha q(a) (QDIT, arXiv 2311.14736).

    The same as `select`, with the fields of `GroundSet` and `Specification` as arguments.

    Args:
        embeddings: float [n, d], see `GroundSet`.
        k: number of picks, or a `Budget` of costs. Under a budget a pick is worth its score
            divided by its cost, and picks are made until nothing that is left fits.
        quality: one value from 0 to 1 for each point.
        alpha: weight of quality, 0 to 1.
        mode: see `Specification`; `diagnostics["mode_reason"]` says why `auto` took which.
        anchors: what covers the space already: positions or vectors.
        graph: a graph that `build_graph` made of these embeddings; implies mode `graph`.
        groups: (label of each point, most picks of any one label).
        seed: of the samples that are drawn.
        normalise: `reference` or `raw`.
        quality_scale: `rank`, `min-max` or `z`.
        must_include: positions that are picked first, in this order.
        ids: a distinct name for each point; the selection then has those of its picks.
        memory_limit: bytes that it may take.
        cores: CPU cores that `auto` reckons with.
        solve: of `partitioned`: maps a function over the parts' work, in order.
        part_points: of `partitioned`: most points of a part.
        weights: what covering each point is worth, from 0.
        target: vectors [t, d] of what the selection is for; points weigh by their nearness.

    Raises:
        InvalidInput: an argument is not allowed, or the memory is too small for the mode.
    """
    picks, budget, costs = counted_or_priced(k)
    labels, cap = (None, None) if groups is None else groups
    specification = Specification(
        picks,
        budget,
        *(alpha, mode, normalise, quality_scale, cap, seed, memory_limit, cores, part_points),
    )
    points = GroundSet(
        embeddings, quality, weights, target, anchors, must_include, labels, costs, ids
    )
    return select(points, specification, graph, solve)


def select(
    points: GroundSet,
    specification: Specification,
    graph: NeighbourGraph | None = None,
    solve: Solver = map,
) -> Selection:
    """Select points greedily by quality and diversity.

    Args:
        points: to select from.
        specification: how many, by what and how.
        graph: a graph that `build_graph` made of these embeddings; implies mode `graph`.
        solve: of `partitioned`: maps a function over the parts' work, in order, wherever it likes.

    Raises:
        InvalidInput: an argument is not allowed, or the memory is too small for the mode.
    """
    problem = pose(points, specification)
    size = Size(len(problem), problem.embeddings.shape[1], problem.expected_picks)
    choice = choose(specification, size, graph is not None)
    mode = choice.mode
    modes: dict[str, Callable[[], Outcome]] = {
        "exact": lambda: select_by_pairs(prepare(problem, mode), choice),
        "near-exact": lambda: select_by_pairs(prepare(problem, mode), choice),
        "graph": lambda: select_by_graph(prepare(problem, mode), choice, graph),
        "partitioned": lambda: run_partitioned(problem, solve),
    }
    return recorded(problem, modes[mode](), choice)
