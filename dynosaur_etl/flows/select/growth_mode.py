"""How a selection follows the version before: anew, or keeping the picks that are still alive."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import select as select_rows
from sqlalchemy.orm import Session

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool import Pool
from dynosaur_etl.flows.select.pool_graph import EarlierGraph, grown_graph
from dynosaur_etl.selection import GroundSet, Specification, select
from dynosaur_etl.selection.assessment.coverage_curve import coverage_curve
from dynosaur_etl.selection.graph.graph_table import graph_table
from dynosaur_etl.selection.modes import Choice, Size, choose
from dynosaur_etl.selection.partitioned.rounds import Solver
from dynosaur_etl.snapshots.layout import SELECTION
from dynosaur_etl.store.tables import SnapshotRow


@dataclass(frozen=True)
class Base:
    """The version whose picks are kept."""

    version: int
    path: str
    manifest_sha256: str


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


def base_version(services: Services, inputs: str) -> Base | None:
    """Give the version whose picks the next selection keeps; None where it selects anew.

    It is the newest version. Where that one was made from the very same inputs it is its own
    base, so that selecting again finds it and makes no other.

    Args:
        services: the process's services.
        inputs: digest of what the selection is made from, but for the base.
    """
    if services.settings.selection_growth == "fresh":
        return None
    with Session(services.engine) as session:
        newest = session.scalar(select_rows(SnapshotRow).order_by(SnapshotRow.version.desc()))
        if newest is not None and newest.facts.get("inputs") == inputs:
            before = newest.facts.get("base")
            newest = None if before is None else session.get(SnapshotRow, before)
        if newest is None:
            return None
        return Base(newest.version, newest.path, newest.manifest_sha256)


def pick(
    services: Services,
    pool: Pool,
    specification: Specification,
    base: Base | None,
    earlier: EarlierGraph | None,
    solve: Solver,
) -> Picks:
    """Select instances by QDIT; those of the base that are in the pool come first, in order.

    Args:
        services: the process's services.
        pool: of which may be selected.
        specification: how; it picks at most as many as there are.
        base: the version whose picks are kept.
        earlier: the neighbour graph to grow from, where the mode goes by one.
        solve: maps a function over the parts' work, where the mode has parts.
    """
    k = specification.k or 0
    alive = alive_picks(services, pool, base, k)
    gain, coverage = coverage_curve(pool.vectors, alive)
    if len(alive) == k:
        params = {"k": k, "pool": len(pool.quality), "alpha": specification.alpha}
        return Picks(alive, gain, coverage, "kept", params, k)
    rules = replace(specification, k=k - len(alive))
    chosen = chosen_mode(rules, pool)
    graph = None
    if chosen.mode == "graph" and len(pool.quality) > 1:
        graph = grown_graph(services, pool.vectors, _keys(pool), k - len(alive), earlier)
    found = select(points_of(pool, alive), replace(rules, mode=chosen.mode), graph, solve)
    reasons = {"mode_requested": rules.mode, "mode_reason": chosen.reason}
    return Picks(
        np.concatenate([alive, found.order]),
        np.concatenate([gain, found.gain]),
        np.concatenate([coverage, found.coverage]),
        found.method,
        found.params | reasons,
        len(alive),
        None if graph is None else graph_table(graph, _keys(pool)),
    )


def alive_picks(services: Services, pool: Pool, base: Base | None, k: int) -> NDArray[np.int64]:
    """Give the positions of the base's picks that are in the pool, in their order, at most `k`."""
    if base is None:
        return np.zeros(0, np.int64)
    before = services.storage.read_table(f"{base.path}/{SELECTION}", ["instance_key"])
    return _positions(pool, before["instance_key"].to_pylist())[:k]


def chosen_mode(specification: Specification, pool: Pool) -> Choice:
    """Choose the mode by what is specified alone, so that every machine selects the same.

    Raises:
        InvalidInput: the mode does not fit the memory that is set, or what is free.
    """
    size = Size(len(pool.quality), pool.vectors.shape[1], specification.k or 0)
    return choose(specification, size)


def points_of(pool: Pool, alive: NDArray[np.int64]) -> GroundSet:
    """Return the pool as points to select from; picks that are alive cover it already."""
    anchors = alive if len(alive) else None
    return GroundSet(pool.vectors, quality=pool.quality, anchors=anchors)


def _keys(pool: Pool) -> list[str]:
    keys: list[str] = pool.instances["instance_key"].to_pylist()
    return keys


def _positions(pool: Pool, keys: Sequence[str]) -> NDArray[np.int64]:
    place = {key: at for at, key in enumerate(_keys(pool))}
    return np.array([place[key] for key in keys if key in place], np.int64)
