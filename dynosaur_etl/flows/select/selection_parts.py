"""The partitioned mode's parts, each solved by itself, on whatever machine, and kept in the store.

Parts and results are files of the store. A part's result depends on the part alone, so that the
selection is the same whether its parts were solved ahead, elsewhere, or not at all: what is
missing is solved where the selection is made.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from dynosaur_etl.domain.choices import SelectionMethod
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.step import is_finished
from dynosaur_etl.flows.select.growth_mode import alive_picks, chosen_mode, points_of
from dynosaur_etl.flows.select.selection_request import (
    SelectionRequest,
    read_trainable,
    request_selection,
)
from dynosaur_etl.selection.partitioned.part_table import (
    POSITION,
    part_name,
    part_table,
    read_part,
)
from dynosaur_etl.selection.partitioned.part_task import PartTask, solve_part
from dynosaur_etl.selection.partitioned.rounds import first_tasks
from dynosaur_etl.selection.problem.problem import pose
from dynosaur_etl.selection.vectors.fixed_point import IntArray
from dynosaur_etl.store.durable import settle
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import files_of, load_checkpoints, save_checkpoints


def plan_parts(
    day: GrowthDay, services: Services, k: int | None = None, alpha: float | None = None
) -> list[dict[str, Any]]:
    """Store the parts of the day's selection; none unless it is made in the mode `partitioned`.

    Returns:
        For each part its `path` in the store, its `name`, and a `label` that tells its size.

    Raises:
        InvalidInput: as for `training_set.select`.
    """
    request = request_selection(day, services, k, alpha)
    if is_finished(services, str(day), StepName.SELECT, request.rules):
        return []
    if not _may_have_parts(services, request):
        return []
    pool = read_trainable(services, request).pool
    alive = alive_picks(services, pool, request.base, request.size)
    left = min(request.size, len(pool.quality)) - len(alive)
    if left < 1:
        return []
    rules = replace(request.specification, k=left)
    if chosen_mode(rules, pool).mode != "partitioned":
        return []
    planned = []
    for task in first_tasks(pose(points_of(services, request, pool, alive), rules)):
        stored = services.storage.write_table(FileKind.SELECTION_PARTS, part_table(task))
        planned.append({"name": part_name(task), "path": stored.path, "rows": stored.rows})
    settle()  # whoever is told of the parts need not write to our database
    return [
        part | {"label": f"part {number} of {len(planned)}: {part['rows']:,} rows"}
        for number, part in enumerate(planned, start=1)
    ]


def _may_have_parts(services: Services, request: SelectionRequest) -> bool:
    """Tell, without reading the pool, whether it may be so large that it is cut."""
    rules = request.specification
    if request.method != SelectionMethod.QDIT:
        return False
    if rules.mode != "auto":
        return rules.mode == "partitioned"
    files = files_of(services.engine, FileKind.INSTANCES)
    rows = sum(file.rows for file in files if file.day in request.days)
    return rows > rules.part_points


def solve_stored_part(
    part: dict[str, Any],
    day: GrowthDay,
    services: Services,
    k: int | None = None,
    alpha: float | None = None,
) -> int:
    """Solve a part that is stored, keep its candidates in the store, and give their number."""
    fingerprint = request_selection(day, services, k, alpha).fingerprint
    done = load_checkpoints(services.engine, str(day), StepName.SELECT, fingerprint)
    if part["name"] in done:
        return int(done[part["name"]]["rows"])
    found = solve_part(read_part(services.storage.read_table(part["path"])))
    stored = services.storage.write_table(FileKind.SOLVED_PARTS, pa.table({POSITION: found}))
    kept = {part["name"]: {"path": stored.path, "rows": stored.rows}}
    save_checkpoints(services.engine, str(day), StepName.SELECT, fingerprint, kept)
    return stored.rows


class StoredParts:
    """Solves parts by looking up what has been solved ahead; what is missing is solved here."""

    def __init__(self, services: Services, request: SelectionRequest) -> None:
        self._services = services
        self._done = load_checkpoints(
            services.engine, str(request.day), StepName.SELECT, request.fingerprint
        )

    def solve(
        self, function: Callable[[PartTask], IntArray], tasks: Iterable[PartTask]
    ) -> Iterator[IntArray]:
        """Give each part's candidates, in the parts' order."""
        for task in tasks:
            stored = self._done.get(part_name(task)) if self._done else None
            yield function(task) if stored is None else self._read(stored["path"])

    def _read(self, path: str) -> IntArray:
        return np.array(self._services.storage.read_table(path)[POSITION], np.int64)
