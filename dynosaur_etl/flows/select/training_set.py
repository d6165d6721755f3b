"""The third DAG's steps: select from the pool up to a day, snapshot it, verify the snapshot."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Counts, Reject, StepName, StepReport
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.schemas import POOL, SELECTION
from dynosaur_etl.flows.prepare.embed import embedding_facts, embedding_kind
from dynosaur_etl.flows.prepare.scorers import chosen_scorer
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import require_step, run_step
from dynosaur_etl.flows.select.growth_mode import Picks, pick
from dynosaur_etl.flows.select.pool import Pool
from dynosaur_etl.flows.select.pool_graph import forget_graphs
from dynosaur_etl.flows.select.selection_parts import StoredParts
from dynosaur_etl.flows.select.selection_request import (
    Trainable,
    read_trainable,
    request_selection,
)
from dynosaur_etl.flows.select.standing import Standing
from dynosaur_etl.flows.snapshot.heads import (
    is_set_aside,
    point_at,
    version_report,
    with_same_content,
)
from dynosaur_etl.flows.snapshot.versions import (
    VersionDraft,
    build_version,
    recipe_of,
    verify_snapshot,
)
from dynosaur_etl.selection.assessment.alpha_sweep import sample_sweep
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts import growth_steps
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, head_version
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput, files_of

__all__ = ["build_snapshot", "newest_grown_day", "select", "verify_snapshot"]

_FILE_KINDS = (FileKind.SELECTIONS, FileKind.POOLS)


def newest_grown_day(services: Services) -> str | None:
    """Return the newest day that can be selected from; None before the first instance.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    return growth_steps.newest_grown_day(services.engine)


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
        live, pool, base = trainable.live, trainable.pool, request.base
        taken = min(request.size, len(pool.quality))
        solve = StoredParts(services, request).solve
        picks = pick(services, request, pool, taken, solve)
        progress(taken, taken)
        rejects = [
            *_duplicates(live),
            *_left_out(live, request.standing),
            *_repeated(live),
            *_same_rows(live, services),
            *_unscored(live, services),
            *_unembedded(live, services),
        ]
        rejected = sum(counted.number for counted in rejects)
        return StepOutput(
            counts=Counts(len(live.quality) + rejected, len(live.quality), rejected),
            rejects=rejects,
            stages=(Stage.SELECT,),
            files=_files(services, trainable, picks),
            file_kinds=(*_FILE_KINDS, FileKind.GRAPHS),
            facts={
                "days": request.days,
                "files": list(live.files),
                "withdrawn": dict(request.standing.withdrawn),
                "newest_rejected": dict(request.standing.rejected),
                "licences": dict(request.standing.licences),
                "asked": request.size,
                "selected": taken,
                "held_out": int(trainable.held_out.sum()),
                "held_out_share": services.settings.held_out_share,
                "native_share": services.settings.native_share,
                "over_native_share": trainable.over_share,
                "held_out_task_share": services.settings.held_out_task_share,
                "inputs": request.inputs,
                "base": None if base is None else base.version,
                "kept": picks.kept,
                "method": picks.method,
                "parameters": picks.params,
                "tradeoff": _tradeoff(services, pool, taken),
            },
        )

    report = run_step(services, str(day), StepName.SELECT, request.rules, work)
    forget_graphs(services, request.graph)
    return report


def build_snapshot(
    day: GrowthDay,
    services: Services,
    k: int | None = None,
    alpha: float | None = None,
    progress: Progress = silent,
    *,
    trial: bool = False,
) -> StepReport:
    """Select, and make the selection the head: as it is, by a new number, or as the next version.

    Content that is the head's already, or that somebody has rolled back, makes no version; content
    of an earlier version gets a new number that points at its files. A trial is a version that
    never is the head.

    The report's facts hold `version`, `path`, `rows`, `asked`, `pool`, whether the version is
    `new`, and the version that was `set_aside` where a rollback holds.

    Raises:
        InvalidInput: as for `select`.
        StoreUnavailable: the storage has no room; no version is left behind.
    """
    selected = select(day, services, k, alpha, progress)
    trainable = selected.counts.kept - selected.facts["held_out"]
    about = {"asked": selected.facts["asked"], "pool": trainable}
    done = require_step(services, str(day), StepName.SELECT)
    settings = services.settings
    form = (settings.snapshot_full, settings.snapshot_messages)
    fingerprint = digest("snapshot", done.fingerprint, done.output, form)
    with locked(services.engine, "snapshots"):
        head = head_version(services.engine)
        if head is not None and head.fingerprint == fingerprint:
            return version_report(head, new=False, **about)
        files = {kind: files_of(services.engine, kind, str(day))[0].path for kind in _FILE_KINDS}
        parameters = _parameters(services, selected)
        recipe, scan = recipe_of(services, selected, files, parameters)
        same = with_same_content(recipe, services)
        if same is not None:
            return _known_content(same, head, services, fingerprint, about, trial=trial)
        draft = VersionDraft(
            parent=None if head is None else head.version,
            day=selected.day,
            fingerprint=fingerprint,
            trial=trial,
            facts={
                "inputs": selected.facts["inputs"],
                "base": selected.facts["base"],
                "tradeoff": selected.facts.get("tradeoff", []),
            },
        )
        return version_report(build_version(services, recipe, scan, draft), new=True, **about)


def _known_content(
    same: VersionRecord,
    head: VersionRecord | None,
    services: Services,
    fingerprint: str,
    about: Mapping[str, Any],
    *,
    trial: bool,
) -> StepReport:
    """Report content that a version has; where it is to be the head, by a new number."""
    if trial or (head is not None and head.path == same.path):
        return version_report(same if trial or head is None else head, new=False, **about)
    if head is not None and is_set_aside(head, same.version):
        return version_report(head, new=False, set_aside=same.version, **about)
    return version_report(point_at(same, services, {}, fingerprint), new=True, **about)


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


def _parameters(services: Services, selected: StepReport) -> dict[str, Any]:
    scorer = chosen_scorer(services)
    return {
        "selection": selected.facts["parameters"],
        "method": selected.facts["method"],
        "growth": services.settings.selection_growth,
        "base": selected.facts["base"],
        "kept": selected.facts["kept"],
        "held_out_share": selected.facts["held_out_share"],
        "held_out_task_share": selected.facts.get("held_out_task_share", 0),
        "asked": selected.facts["asked"],
        "scorer": scorer.name,
        "scorer_version": scorer.version,
        "embedding": embedding_facts(services),
        "instances_per_task": services.settings.instances_per_task,
        "instructions_per_row": services.settings.instructions_per_row,
        "seed": services.settings.seed,
    }


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
