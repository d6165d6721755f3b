"""How a selection follows the version before: anew, or keeping the picks that are still alive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.flows.pool import Pool
from dynosaur_etl.flows.services import Services
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.standing import standing
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
    """An ordered subset of the pool, as `selection.result.Selection` tells of it.

    Attributes:
        kept: how many of the first picks were kept from the base.
    """

    order: NDArray[np.int64]
    gain: NDArray[np.float64]
    coverage: NDArray[np.float64]
    method: str
    params: dict[str, Any]
    kept: int = 0


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
        newest = session.scalar(select(SnapshotRow).order_by(SnapshotRow.version.desc()))
        if newest is not None and newest.facts.get("inputs") == inputs:
            before = newest.facts.get("base")
            newest = None if before is None else session.get(SnapshotRow, before)
        if newest is None:
            return None
        return Base(newest.version, newest.path, newest.manifest_sha256)


def pick(services: Services, pool: Pool, k: int, alpha: float, base: Base | None) -> Picks:
    """Select `k` instances by QDIT; those of the base that are in the pool come first, in order."""
    alive = np.zeros(0, np.int64)
    if base is not None:
        before = services.storage.read_table(f"{base.path}/{SELECTION}", ["instance_key"])
        alive = _positions(pool, before["instance_key"].to_pylist())[:k]
    gain, coverage = standing(pool.vectors, alive)
    if len(alive) == k:
        params = {"k": k, "pool": len(pool.quality), "alpha": alpha}
        return Picks(alive, gain, coverage, "kept", params, k)
    found = qdit(
        pool.vectors,
        k - len(alive),
        quality=pool.quality,
        alpha=alpha,
        anchors=alive if len(alive) else None,
        seed=services.settings.seed,
        quality_scale=services.settings.quality_scale,
    )
    return Picks(
        np.concatenate([alive, found.order]),
        np.concatenate([gain, found.gain]),
        np.concatenate([coverage, found.coverage]),
        found.method,
        dict(found.params),
        len(alive),
    )


def _positions(pool: Pool, keys: Sequence[str]) -> NDArray[np.int64]:
    place = {key: at for at, key in enumerate(pool.instances["instance_key"].to_pylist())}
    return np.array([place[key] for key in keys if key in place], np.int64)
