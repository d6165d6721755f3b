"""How a selection follows the version before: anew, or keeping the picks that are still alive."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.choices import SelectionMethod
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.base import BaseVersion, base_keys
from dynosaur_etl.flows.select.file.lengths import tokens_of_texts
from dynosaur_etl.flows.select.goal import goal_vectors
from dynosaur_etl.flows.select.pool import Pool
from dynosaur_etl.flows.select.pool_graph import grown_graph
from dynosaur_etl.flows.select.pool_tags import pool_tags
from dynosaur_etl.flows.select.selection_request import SelectionRequest
from dynosaur_etl.selection import (
    GroundSet,
    NeighbourGraph,
    Selection,
    Specification,
    select,
    select_by,
)
from dynosaur_etl.selection.assessment.coverage_curve import coverage_curve
from dynosaur_etl.selection.graph.graph_table import graph_table
from dynosaur_etl.selection.modes import ModeChoice, Size, choose
from dynosaur_etl.selection.partitioned.rounds import Solver
from dynosaur_etl.selection.problem.weights import nearness

_REACHED = "target_coverage"


@dataclass(frozen=True)
class Picks:
    """An ordered subset of the pool, as a `Selection` describes it.

    Attributes:
        kept: how many of the first picks were kept from the base.
        graph: the pool's neighbour graph as it is stored, where the mode went by one.
    """

    order: NDArray[np.int64]
    gain: NDArray[np.float64]
    coverage: NDArray[np.float64]
    method: str
    params: dict[str, Any]
    kept: int = 0
    graph: pa.Table | None = None


def pick(services: Services, request: SelectionRequest, pool: Pool, k: int, solve: Solver) -> Picks:
    """Select instances; those of the base that are in the pool come first, in order.

    Args:
        services: the process's services.
        request: what decides the selection.
        pool: of which may be selected.
        k: instances to select, at most as many as there are.
        solve: maps a function over the parts' work, where the mode has parts.
    """
    alive = alive_picks(services, pool, request.base, k)
    points = points_of(services, request, pool, alive)
    weights = None if points.target is None else nearness(pool.vectors, points.target)
    gain, coverage = coverage_curve(pool.vectors, alive, weights)
    if len(alive) == k:
        params = {"k": k, "pool": len(pool.quality), "alpha": request.specification.alpha}
        return Picks(alive, gain, coverage, "kept", params, k)
    rules = replace(request.specification, k=k - len(alive))
    graph = None
    if request.method == SelectionMethod.QDIT:
        found, graph = _by_qdit(services, request, pool, points, rules, solve)
    else:
        found = select_by(request.method, points, rules)
    reached = {_REACHED: found.diagnostics[_REACHED]} if _REACHED in found.diagnostics else {}
    return Picks(
        np.concatenate([alive, found.order]),
        np.concatenate([gain, found.gain]),
        np.concatenate([coverage, found.coverage]),
        found.method,
        found.params | reached,
        len(alive),
        None if graph is None else graph_table(graph, _keys(pool)),
    )


def _by_qdit(
    services: Services,
    request: SelectionRequest,
    pool: Pool,
    points: GroundSet,
    rules: Specification,
    solve: Solver,
) -> tuple[Selection, NeighbourGraph | None]:
    """The picks of QDIT, and the pool's neighbour graph where the mode goes by one."""
    chosen = chosen_mode(rules, pool)
    graph = None
    if chosen.mode == "graph" and len(pool.quality) > 1:
        graph = grown_graph(services, pool.vectors, _keys(pool), rules.k or 1, request.graph)
    found = select(points, replace(rules, mode=chosen.mode), graph, solve)
    reasons = {"mode_requested": rules.mode, "mode_reason": chosen.reason}
    return replace(found, params=found.params | reasons), graph


def alive_picks(
    services: Services, pool: Pool, base: BaseVersion | None, k: int
) -> NDArray[np.int64]:
    """Give the positions of the base's picks that are in the pool, in their order, at most `k`."""
    return _positions(pool, base_keys(services, base))[:k]


def chosen_mode(specification: Specification, pool: Pool) -> ModeChoice:
    """Choose the mode by what is specified alone, so that every machine selects the same.

    Raises:
        InvalidInput: the mode does not fit the memory that is set, or what is free.
    """
    size = Size(len(pool.quality), pool.vectors.shape[1], specification.k or 0)
    return choose(specification, size)


def points_of(
    services: Services, request: SelectionRequest, pool: Pool, alive: NDArray[np.int64]
) -> GroundSet:
    """Return the pool as points to select from, with what the method goes by.

    Picks that are alive cover it already.
    """
    points = GroundSet(
        pool.vectors,
        quality=pool.quality,
        target=None if request.goal is None else goal_vectors(services, request.goal),
        anchors=alive if len(alive) else None,
    )
    match request.method:
        case SelectionMethod.MIG:
            texts = pool.instances["instruction"].to_pylist()
            return replace(points, tags=pool_tags(services, request.tags, pool), texts=texts)
        case SelectionMethod.LONGEST:
            return replace(points, lengths=_lengths(pool))
        case SelectionMethod.RANDOM_BY_SOURCE:
            return replace(points, sources=pool.instances["dataset"].to_pylist())
        case _:
            return points


def _lengths(pool: Pool) -> NDArray[np.int64] | None:
    names = ("instruction", "input", "output")
    return tokens_of_texts({name: pool.instances[name].to_pylist() for name in names})


def _keys(pool: Pool) -> list[str]:
    keys: list[str] = pool.instances["instance_key"].to_pylist()
    return keys


def _positions(pool: Pool, keys: Sequence[str]) -> NDArray[np.int64]:
    place = {key: at for at, key in enumerate(_keys(pool))}
    return np.array([place[key] for key in keys if key in place], np.int64)
