"""A selection as it is asked for: what it is made from, and the part of the pool it may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.choices import SelectionMethod
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.split import RULE, HeldOut
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.base import BaseVersion, base_keys, base_version
from dynosaur_etl.flows.select.goal import Goal, goal_of
from dynosaur_etl.flows.select.native_share import within_share
from dynosaur_etl.flows.select.pool import (
    Pool,
    load_pool,
    pool_inputs,
)
from dynosaur_etl.flows.select.pool_duplicates import duplicate_rules
from dynosaur_etl.flows.select.pool_graph import earlier_graph
from dynosaur_etl.flows.select.pool_tags import tag_files
from dynosaur_etl.flows.select.repeats import repeat_rules
from dynosaur_etl.flows.select.standing import Standing, standing_of
from dynosaur_etl.instances.same_rows import SAME_ROWS_VERSION
from dynosaur_etl.selection import METHODS, Specification
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.facts.growth_steps import grown_days
from dynosaur_etl.store.facts.stored_files import EarlierFile


@dataclass(frozen=True)
class SelectionRequest:
    """What decides a selection.

    Attributes:
        day: up to which the pool reaches.
        days: those of it that have grown.
        specification: the rules of the selection; its `k` is the most instances to select.
        method: a name of `METHODS`.
        goal: what the selection is for, if anything.
        tags: paths of the tags of the instances, where the method goes by them.
        standing: which datasets are left out and why, and which licences hold.
        inputs: digest of what it is made from, but for the base.
        base: the version whose picks are kept, if any.
        graph: the neighbour graph of an earlier day that it grows from, if any.
        rules: all of it, JSON-able.
    """

    day: GrowthDay
    days: list[str]
    specification: Specification
    method: SelectionMethod
    goal: Goal | None
    tags: tuple[str, ...] | None
    standing: Standing
    inputs: str
    base: BaseVersion | None
    graph: EarlierFile | None
    rules: Mapping[str, Any]

    @property
    def size(self) -> int:
        """Return the most instances to select."""
        return self.specification.k or 0

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
    specification = _specification(services, k, alpha)
    standing, goal = standing_of(services, days, str(day)), goal_of(services)
    method = _method(settings.selection_method, goal)
    tags = tag_files(services, method, days)
    inputs = {
        "days": days,
        "pool": [*pool_inputs(services, days), *standing.inputs],
        "duplicates": duplicate_rules(settings),
        "repeats": repeat_rules(services),
        "same_rows": [SAME_ROWS_VERSION, settings.instructions_per_row],
        "k": specification.k,
        "alpha": specification.alpha,
        "scale": specification.quality_scale,
        "seed": specification.seed,
        "method": method,
        "target": None if goal is None else goal.sha256,
        "tags": tags,
        "held_out_share": held_out_rules(settings),
        "native_share": settings.native_share,
        "mode": specification.mode,
        "machine": [settings.selection_memory_gib, specification.cores],
        "part_points": specification.part_points,
    }
    made_from = digest("selection", inputs)
    base = base_version(services, made_from)
    graph = earlier_graph(services, day)
    rules = inputs | {
        "base": None if base is None else base.manifest_sha256,
        "graph": None if graph is None else graph.sha256,
    }
    return SelectionRequest(
        day, days, specification, method, goal, tags, standing, made_from, base, graph, rules
    )


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
    kept = base_keys(services, request.base)
    live = load_pool(services, request.days, request.standing.left_out, kept)
    held_out = held_out_of(services.settings).mask(live.instances).to_numpy()
    pool = live.part(~held_out)
    if not len(pool.quality):
        raise InvalidInput(not_allowed("pool", "held-out tasks only", "a smaller share"))
    most = int(services.settings.native_share * request.size)
    within = within_share(pool, most, kept)
    if not within.any():
        raise InvalidInput(not_allowed("pool", "native instances only", "a larger native share"))
    return Trainable(live, held_out, pool.part(within), int((~within).sum()))


def _method(name: SelectionMethod, goal: Goal | None) -> SelectionMethod:
    if goal is None and "target" in METHODS[name].needs:
        needed = "with DYNOSAUR_SELECTION_TARGET"
        raise InvalidInput(not_allowed("DYNOSAUR_SELECTION_METHOD", str(name), needed))
    return name


def held_out_of(settings: Settings) -> HeldOut:
    """Return what the settings hold out."""
    return HeldOut(settings.held_out_share, settings.held_out_task_share)


def held_out_rules(settings: Settings) -> Any:
    """Return what decides the split, JSON-able; 0 where nothing is held out."""
    held_out = held_out_of(settings)
    return [RULE, held_out.sources, held_out.tasks] if held_out else 0.0


def _specification(services: Services, k: int | None, alpha: float | None) -> Specification:
    """The rules of the settings, with k and alpha where they are given."""
    settings = services.settings
    size = settings.selection_size if k is None else k
    if size < 1:
        raise InvalidInput(not_allowed("k", size, "1 or more"))
    found = Specification(
        k=size,
        alpha=settings.selection_alpha if alpha is None else alpha,
        mode=settings.selection_mode,
        quality_scale=settings.quality_scale,
        seed=settings.seed,
        memory_limit=int(settings.selection_memory_gib * 2**30),
        cores=settings.selection_cores,
        part_points=settings.selection_part_points,
    )
    found.check()
    return found
