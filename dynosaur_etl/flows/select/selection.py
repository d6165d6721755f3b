"""Selecting from the pool up to a day."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, Reject, StepName, StepReport
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.schemas import POOL, SELECTION
from dynosaur_etl.flows.runtime.embeddings import embedding_kind
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import run_step
from dynosaur_etl.flows.select.growth_mode import Picks, pick
from dynosaur_etl.flows.select.pool import Pool
from dynosaur_etl.flows.select.pool_graph import forget_graphs
from dynosaur_etl.flows.select.selection_parts import StoredParts
from dynosaur_etl.flows.select.selection_request import (
    SelectionRequest,
    Trainable,
    read_trainable,
    request_selection,
)
from dynosaur_etl.flows.select.standing import Standing
from dynosaur_etl.selection.assessment.alpha_sweep import sample_sweep
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput

SELECTION_FILES = (FileKind.SELECTIONS, FileKind.POOLS)


def select(
    day: GrowthDay,
    services: Services,
    k: int | None = None,
    alpha: float | None = None,
    progress: Progress = silent,
) -> StepReport:
    """Select `k` instances of the pool up to the day, by QDIT (arXiv 2311.14736).

    A pool of fewer than `k` is selected whole, and the report says so.

    Raises:
        InvalidInput: no day up to this one has grown, or k or alpha is not allowed.
    """
    request = request_selection(day, services, k, alpha)

    def work() -> StepOutput:
        trainable = read_trainable(services, request)
        taken = min(request.size, len(trainable.pool.quality))
        solve = StoredParts(services, request).solve
        picks = pick(services, request, trainable.pool, taken, solve)
        progress(taken, taken)
        live, rejects = trainable.live, _rejects(services, request, trainable.live)
        rejected = sum(counted.number for counted in rejects)
        return StepOutput(
            counts=Counts(len(live.quality) + rejected, len(live.quality), rejected),
            rejects=rejects,
            stages=(Stage.SELECT,),
            files=_files(services, trainable, picks),
            file_kinds=(*SELECTION_FILES, FileKind.GRAPHS),
            facts=_facts(services, request, trainable, picks),
        )

    report = run_step(services, str(day), StepName.SELECT, request.rules, work)
    forget_graphs(services, request.graph)
    return report


def _rejects(services: Services, request: SelectionRequest, live: Pool) -> list[CountedReject]:
    return [
        *_duplicates(live),
        *_left_out(live, request.standing),
        *_repeated(live),
        *_same_rows(live, services),
        *_unscored(live, services),
        *_unembedded(live, services),
    ]


def _facts(
    services: Services, request: SelectionRequest, trainable: Trainable, picks: Picks
) -> Mapping[str, object]:
    """Return what is recorded of a selection beside its files."""
    settings, base, pool = services.settings, request.base, trainable.pool
    taken = min(request.size, len(pool.quality))
    return {
        "days": request.days,
        "files": list(trainable.live.files),
        "withdrawn": dict(request.standing.withdrawn),
        "newest_rejected": dict(request.standing.rejected),
        "licences": dict(request.standing.licences),
        "asked": request.size,
        "selected": taken,
        "held_out": int(trainable.held_out.sum()),
        "held_out_share": settings.held_out_share,
        "held_out_task_share": settings.held_out_task_share,
        "native_share": settings.native_share,
        "over_native_share": trainable.over_share,
        "inputs": request.inputs,
        "base": None if base is None else base.version,
        "kept": picks.kept,
        "method": picks.method,
        "parameters": picks.params,
        "tradeoff": _tradeoff(services, pool, taken),
    }


def _files(services: Services, trainable: Trainable, picks: Picks) -> list[NamedFile]:
    """Write the selection, the record of its pool, and the graph where it went by one."""
    tables = [
        (FileKind.SELECTIONS, "qdit", _selection_table(trainable.pool, picks)),
        (FileKind.POOLS, "qdit", _record(trainable.live, trainable.held_out)),
    ]
    if picks.graph is not None:
        tables.append((FileKind.GRAPHS, embedding_kind(services), picks.graph))
    return [
        NamedFile(kind, name, services.storage.write_table(kind, table))
        for kind, name, table in tables
    ]


def _tradeoff(services: Services, pool: Pool, k: int) -> list[dict[str, float]]:
    """Tell what other weights would reach, on a sample of the pool."""
    settings = services.settings
    points = sample_sweep(pool.vectors, pool.quality, k, settings.seed, settings.quality_scale)
    return [asdict(point) for point in points]


def _selection_table(pool: Pool, picks: Picks) -> pa.Table:
    order = pa.array(picks.order, pa.int64())
    return pa.table(
        {
            "rank": pa.array(range(len(picks.order)), pa.int64()),
            "instance_key": pool.instances["instance_key"].take(order),
            "gain": pa.array(picks.gain, pa.float64()),
            "quality": pa.array(pool.quality[picks.order], pa.float64()),
            "coverage": pa.array(picks.coverage, pa.float64()),
        },
        schema=SELECTION,
    )


def _record(live: Pool, held_out: NDArray[np.bool_]) -> pa.Table:
    """Write down which rows of the days' files are alive, so that a version can be rebuilt."""
    columns = {"number": live.numbers, "quality": live.quality, "held_out": held_out}
    return pa.table(columns, schema=POOL).sort_by("number")


def _duplicates(pool: Pool) -> list[CountedReject]:
    return [
        CountedReject(Reject(Stage.SELECT, "pool", reason, "an earlier instance stays"), number)
        for reason, number in pool.duplicates.items()
    ]


def _unscored(pool: Pool, services: Services) -> list[CountedReject]:
    if not pool.unscored:
        return []
    scorer = services.settings.quality_scorer
    return [CountedReject(Reject(Stage.SELECT, scorer, Reason.NOT_SCORED), pool.unscored)]


def _unembedded(pool: Pool, services: Services) -> list[CountedReject]:
    if not pool.unembedded:
        return []
    model = services.embedder.name
    return [CountedReject(Reject(Stage.SELECT, model, Reason.NOT_EMBEDDED), pool.unembedded)]


def _left_out(pool: Pool, standing: Standing) -> list[CountedReject]:
    why = standing.left_out
    return [
        CountedReject(Reject(Stage.SELECT, name, *why[name]), number)
        for name, number in sorted(pool.left_out.items())
    ]


def _repeated(pool: Pool) -> list[CountedReject]:
    return [
        CountedReject(
            Reject(Stage.SELECT, task, Reason.DUPLICATE_ELSEWHERE, pool.repeats[task]), number
        )
        for task, number in sorted(pool.repeated.items())
    ]


def _same_rows(pool: Pool, services: Services) -> list[CountedReject]:
    limit = services.settings.instructions_per_row
    words = f"{limit} other instructions have it" if limit > 1 else "another instruction has it"
    return [
        CountedReject(Reject(Stage.SELECT, name, Reason.SAME_ROW, words), number)
        for name, number in sorted(pool.same_rows.items())
    ]
