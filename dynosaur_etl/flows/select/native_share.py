"""The part of a version that instances of instruction sets may be."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.models import Mode
from dynosaur_etl.flows.select.pool import Pool


def within_share(pool: Pool, most: int, kept: Collection[str]) -> NDArray[np.bool_]:
    """Mark what may be selected: all that was proposed, and at most so many native instances.

    They are spread evenly over their sets, the best of each by quality first; those that the
    version before has come before all others.

    Args:
        pool: of which may be selected.
        most: native instances.
        kept: keys of instances that stay where they can.
    """
    native = np.array(
        [mode == Mode.NATIVE for mode in pool.instances["mode"].to_pylist()], np.bool_
    )
    if native.sum() <= most:
        return np.ones(len(native), np.bool_)
    places = np.flatnonzero(native)
    keys = pool.instances["instance_key"].take(places).to_pylist()
    tasks = pool.instances["task_key"].take(places).to_pylist()
    order = sorted(range(len(places)), key=lambda at: (-pool.quality[places[at]], keys[at]))
    rank: dict[str, int] = {}
    turns = []
    for at in order:
        rank[tasks[at]] = rank.get(tasks[at], -1) + 1
        turns.append((keys[at] not in kept, rank[tasks[at]], tasks[at], int(places[at])))
    mask = ~native
    mask[[place for *_, place in sorted(turns)[:most]]] = True
    return mask
