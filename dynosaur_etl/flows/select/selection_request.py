"""A selection as it is asked for: what it is made from, and the part of the pool it may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.split import held_out_mask
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.growth_mode import BaseVersion, base_keys, base_version
from dynosaur_etl.flows.select.native_share import within_share
from dynosaur_etl.flows.select.pool import (
    Pool,
    load_pool,
    pool_inputs,
)
from dynosaur_etl.flows.select.pool_duplicates import duplicate_rules
from dynosaur_etl.flows.select.pool_graph import EarlierGraph, earlier_graph
from dynosaur_etl.flows.select.repeats import repeat_rules
from dynosaur_etl.flows.select.standing import Standing, standing_of
from dynosaur_etl.instances.same_rows import SAME_ROWS_VERSION
from dynosaur_etl.store.facts.growth_steps import grown_days


@dataclass(frozen=True)
class SelectionRequest:
    """What decides a selection.

    Attributes:
        day: up to which the pool reaches.
        days: those of it that have grown.
        size: most instances to select.
        weight: of quality against diversity.
        standing: which datasets are left out and why, and which licences hold.
        inputs: digest of what it is made from, but for the base.
        base: the version whose picks are kept, if any.
        graph: the neighbour graph of an earlier day that it grows from, if any.
        rules: all of it, JSON-able.
    """

    day: GrowthDay
    days: list[str]
    size: int
    weight: float
    standing: Standing
    inputs: str
    base: BaseVersion | None
    graph: EarlierGraph | None
    rules: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Under which parts that are done ahead are kept."""
        return digest("parts", self.rules)


def request_selection(
    day: GrowthDay, services: Services, k: int | None, alpha: float | None
) -> SelectionRequest:
    """Gather what decides the selection of a day; k and alpha that are not given are the settings'.

    Raises:
        InvalidInput: no day up to this one has grown, or k or alpha is not allowed.
    """
    settings = services.settings
    days = grown_days(services.engine, str(day))
    size, weight = _size(services, k), _weight(services, alpha)
    standing = standing_of(services, days, str(day))
    inputs = {
        "days": days,
        "pool": [*pool_inputs(services, days), *standing.inputs],
        "duplicates": duplicate_rules(settings),
        "repeats": repeat_rules(services),
        "same_rows": [SAME_ROWS_VERSION, settings.instructions_per_row],
        "k": size,
        "alpha": weight,
        "scale": settings.quality_scale,
        "held_out_share": settings.held_out_share,
        "native_share": settings.native_share,
        "mode": settings.selection_mode,
        "machine": [settings.selection_memory_gib, settings.selection_cores],
        "part_points": settings.selection_part_points,
    }
    made_from = digest("selection", inputs)
    base = base_version(services, made_from)
    graph = earlier_graph(services, day)
    rules = inputs | {
        "base": None if base is None else base.manifest_sha256,
        "graph": None if graph is None else graph.sha256,
    }
    return SelectionRequest(day, days, size, weight, standing, made_from, base, graph, rules)


@dataclass(frozen=True)
class Trainable:
    """The pool of a request.

    Attributes:
        live: all that may be used and is no duplicate.
        held_out: which of it is held out [n].
        pool: the rest, of which may be selected.
        over_share: native instances that the version takes no more of.
    """

    live: Pool
    held_out: NDArray[np.bool_]
    pool: Pool
    over_share: int


def read_trainable(services: Services, request: SelectionRequest) -> Trainable:
    """Read the pool of a request.

    Raises:
        InvalidInput: everything is held out, or as for `load_pool`.
    """
    live = load_pool(services, request.days, request.standing.left_out)
    share = services.settings.held_out_share
    held_out = held_out_mask(live.instances["task_key"], share).to_numpy()
    pool = live.part(~held_out)
    if not len(pool.quality):
        raise InvalidInput(not_allowed("pool", "held-out tasks only", "a smaller share"))
    most = int(services.settings.native_share * request.size)
    within = within_share(pool, most, base_keys(services, request.base))
    if not within.any():
        raise InvalidInput(not_allowed("pool", "native instances only", "a larger native share"))
    return Trainable(live, held_out, pool.part(within), int((~within).sum()))


def _size(services: Services, k: int | None) -> int:
    size = services.settings.selection_size if k is None else k
    if size < 1:
        raise InvalidInput(not_allowed("k", size, "1 or more"))
    return size


def _weight(services: Services, alpha: float | None) -> float:
    weight = services.settings.selection_alpha if alpha is None else alpha
    if not 0 <= weight <= 1:
        raise InvalidInput(not_allowed("alpha", weight, "0 to 1"))
    return weight
