"""How a selection follows the version before: anew, or keeping the picks that are still alive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool import Pool
from dynosaur_etl.flows.select.pool_graph import EarlierGraph, grown_graph
from dynosaur_etl.selection.choice import Choice, Machine, Size, choose
from dynosaur_etl.selection.graph_table import graph_table
from dynosaur_etl.selection.partitioned import Solver
from dynosaur_etl.selection.problem import Problem, check
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.standing import standing
from dynosaur_etl.snapshots.layout import SELECTION
from dynosaur_etl.store.facts.snapshot_versions import find_version, head_version


@dataclass(frozen=True)
class BaseVersion:
    """The version whose picks are kept."""

    version: int
    path: str
    manifest_sha256: str


@dataclass(frozen=True)
class Picks:
    """An ordered subset of the pool, as `selection.result.Selection` tells of it.

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


def base_version(services: Services, inputs: str) -> BaseVersion | None:
    """Give the version whose picks the next selection keeps; None where it selects anew.

    It is the head. Where that one was made from the very same inputs it is its own
    base, so that selecting again finds it and makes no other.

    Args:
        services: the process's services.
        inputs: digest of what the selection is made from, but for the base.
    """
    if services.settings.selection_growth == "fresh":
        return None
    head = head_version(services.engine)
    if head is not None and head.facts.get("inputs") == inputs:
        before = head.facts.get("base")
        head = None if before is None else find_version(services.engine, before)
    return None if head is None else BaseVersion(head.version, head.path, head.manifest_sha256)


def pick(
    services: Services,
    pool: Pool,
    k: int,
    alpha: float,
    base: BaseVersion | None,
    earlier: EarlierGraph | None,
    solve: Solver,
) -> Picks:
    """Select `k` instances by QDIT; those of the base that are in the pool come first, in order.

    Args:
        services: the process's services.
        pool: of which may be selected.
        k: instances to select, at most as many as there are.
        alpha: weight of quality.
        base: the version whose picks are kept.
        earlier: the neighbour graph to grow from, where the mode goes by one.
        solve: maps a function over the parts' work, where the mode has parts.
    """
    alive = alive_picks(services, pool, base, k)
    gain, coverage = standing(pool.vectors, alive)
    if len(alive) == k:
        params = {"k": k, "pool": len(pool.quality), "alpha": alpha}
        return Picks(alive, gain, coverage, "kept", params, k)
    left = k - len(alive)
    settings = services.settings
    chosen = chosen_mode(services, pool, left)
    graph = None
    if chosen.mode == "graph" and len(pool.quality) > 1:
        graph = grown_graph(services, pool.vectors, _keys(pool), left, earlier)
    found = qdit(
        pool.vectors,
        left,
        quality=pool.quality,
        alpha=alpha,
        mode=chosen.mode,
        anchors=alive if len(alive) else None,
        graph=graph,
        seed=settings.seed,
        quality_scale=settings.quality_scale,
        memory_limit=chosen.machine.memory_limit,
        cores=chosen.machine.cores,
        solve=solve,
        part_points=settings.selection_part_points,
    )
    return Picks(
        np.concatenate([alive, found.order]),
        np.concatenate([gain, found.gain]),
        np.concatenate([coverage, found.coverage]),
        found.method,
        dict(found.params) | {"mode_asked": settings.selection_mode, "mode_reason": chosen.reason},
        len(alive),
        None if graph is None else graph_table(graph, _keys(pool)),
    )


def alive_picks(
    services: Services, pool: Pool, base: BaseVersion | None, k: int
) -> NDArray[np.int64]:
    """Give the positions of the base's picks that are in the pool, in their order, at most `k`."""
    return _positions(pool, base_keys(services, base))[:k]


def base_keys(services: Services, base: BaseVersion | None) -> list[str]:
    """Return the keys of the base's picks in their order; none where there is no base."""
    if base is None:
        return []
    before = services.storage.read_table(f"{base.path}/{SELECTION}", ["instance_key"])
    keys: list[str] = before["instance_key"].to_pylist()
    return keys


def chosen_mode(services: Services, pool: Pool, picks: int) -> Choice:
    """Choose the mode by the settings alone, so that every machine makes the same selection.

    Raises:
        InvalidInput: the mode that is set does not fit the memory that is set, or what is free.
    """
    settings = services.settings
    machine = Machine(int(settings.selection_memory_gib * 2**30), settings.selection_cores)
    size = Size(len(pool.quality), pool.vectors.shape[1], picks)
    return choose(settings.selection_mode, size, machine, has_graph=False)


def posed(
    services: Services, pool: Pool, k: int, alpha: float, alive: NDArray[np.int64]
) -> Problem:
    """Pose the problem that `pick` has `qdit` solve."""
    settings = services.settings
    return check(
        pool.vectors,
        k,
        pool.quality,
        alpha,
        alive if len(alive) else None,
        None,
        settings.seed,
        "reference",
        settings.quality_scale,
        None,
        None,
    )


def _keys(pool: Pool) -> list[str]:
    keys: list[str] = pool.instances["instance_key"].to_pylist()
    return keys


def _positions(pool: Pool, keys: Sequence[str]) -> NDArray[np.int64]:
    place = {key: at for at, key in enumerate(_keys(pool))}
    return np.array([place[key] for key in keys if key in place], np.int64)
