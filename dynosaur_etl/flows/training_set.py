"""The third DAG's steps: select from the pool up to a day, snapshot it, verify the snapshot."""

from collections.abc import Mapping
from importlib.metadata import version as package_version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from sqlalchemy import func
from sqlalchemy import select as select_rows
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Counts, Reject, StepReport
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.schemas import SELECTION
from dynosaur_etl.flows.embed import embedding_facts
from dynosaur_etl.flows.pool import (
    Pool,
    funnel,
    grown_days,
    load_pool,
    newest_grown_day,
    pool_inputs,
    pool_rejects,
    pool_sources,
    pool_tasks,
    withdrawn_sources,
)
from dynosaur_etl.flows.pool_duplicates import duplicate_rules
from dynosaur_etl.flows.repeats import repeat_rules
from dynosaur_etl.flows.scorers import chosen_scorer
from dynosaur_etl.flows.services import Progress, Services, silent
from dynosaur_etl.flows.step import require_step, run_step
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.publish import open_snapshot, place_snapshot, snapshot_path
from dynosaur_etl.snapshots.verify import verify_snapshot as find_problems
from dynosaur_etl.store.database import locked, transaction
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput, files_of
from dynosaur_etl.store.tables import SnapshotRow

__all__ = ["build_snapshot", "newest_grown_day", "select", "verify_snapshot"]

SELECTION_FILES = "selections"
_PACKAGES = ("datasets", "faiss-cpu", "numpy", "pyarrow", "sentence-transformers", "torch")


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
    days = grown_days(services, str(day))
    size, weight = _size(services, k), _weight(services, alpha)
    withdrawn = withdrawn_sources(services, days)
    pool_of = [*pool_inputs(services, days), *withdrawn.items()]
    scale = services.settings.quality_scale
    rules = {
        "days": days,
        "pool": pool_of,
        "duplicates": duplicate_rules(services.settings),
        "repeats": repeat_rules(services),
        "k": size,
        "alpha": weight,
        "scale": scale,
    }

    def work() -> StepOutput:
        pool = load_pool(services, days, withdrawn)
        taken = min(size, len(pool.quality))
        selection = qdit(
            pool.vectors,
            taken,
            quality=pool.quality,
            alpha=weight,
            seed=services.settings.seed,
            quality_scale=scale,
        )
        progress(taken, taken)
        file = services.storage.write_table(SELECTION_FILES, _picks(pool, selection))
        rejects = [
            *_duplicates(pool),
            *_withdrawn(pool, withdrawn),
            *_repeated(pool),
            *_unscored(pool, services),
        ]
        rejected = sum(counted.number for counted in rejects)
        return StepOutput(
            counts=Counts(len(pool.quality) + rejected, len(pool.quality), rejected),
            rejects=rejects,
            stages=(Stage.SELECT,),
            files=[NamedFile(SELECTION_FILES, "qdit", file)],
            file_kinds=(SELECTION_FILES,),
            facts={
                "days": days,
                "withdrawn": withdrawn,
                "asked": size,
                "selected": taken,
                "method": selection.method,
                "parameters": dict(selection.params),
            },
        )

    return run_step(services, str(day), "select", rules, work)


def build_snapshot(
    day: GrowthDay,
    services: Services,
    k: int | None = None,
    alpha: float | None = None,
    progress: Progress = silent,
) -> StepReport:
    """Select, and write the selection as the next version, unless it is a version already.

    The report's facts hold `version`, `path`, `rows` and whether the version is `new`.

    Raises:
        InvalidInput: as for `select`.
        StoreUnavailable: the storage has no room; no version is left behind.
    """
    selected = select(day, services, k, alpha, progress)
    done = require_step(services, str(day), "select")
    fingerprint = digest("snapshot", done.fingerprint, done.output)
    with locked(services.engine, "snapshots"):
        row = _recorded(services, fingerprint)
        if row is not None:
            return _report(row, new=False)
        return _report(_build(services, day, selected, fingerprint), new=True)


def verify_snapshot(version: int, services: Services) -> StepReport:
    """Check a version's files against its manifest, and the manifest against the database.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: a file is not what was written; all findings are in the message.
    """
    with Session(services.engine) as session:
        row = session.get(SnapshotRow, version)
        newest = session.scalar(select_rows(func.max(SnapshotRow.version)))
    if row is None:
        allowed = f"1 to {newest}" if newest else "none; no snapshot has been made yet"
        raise InvalidInput(not_allowed("version", version, allowed))
    try:
        folder = open_snapshot(services.storage, version)
    except InvalidInput as error:
        raise Corrupt(f"v{version:04d} is recorded, but its files are missing: {error}") from error
    problems = find_problems(folder, manifest_sha256=row.manifest_sha256)
    if problems:
        raise Corrupt(f"v{version:04d}: " + "; ".join(str(problem) for problem in problems))
    files = len(read_manifest(folder).files)
    return StepReport("verify", row.day, Counts(files, files, 0), facts={"version": version})


def _build(
    services: Services, day: GrowthDay, selected: StepReport, fingerprint: str
) -> SnapshotRow:
    with Session(services.engine) as session:
        parent = session.scalar(select_rows(SnapshotRow).order_by(SnapshotRow.version.desc()))
    version = 1 if parent is None else parent.version + 1
    content = _content(services, day, selected)
    services.storage.remove_folder(snapshot_path(version))  # a build that died left no row
    with TemporaryDirectory(prefix="dynosaur-") as folder:
        target = Path(folder) / "snapshot"
        manifest = write_snapshot(content, version, _parent(services, parent), target)
        path = place_snapshot(target, services.storage, version)
    row = SnapshotRow(
        version=version,
        parent=None if parent is None else parent.version,
        day=str(day),
        fingerprint=fingerprint,
        path=path,
        manifest_sha256=manifest.sha256,
        facts={"counts": dict(content.counts), "parameters": dict(content.parameters)},
    )
    with transaction(services.engine) as session:
        session.add(row)
        session.flush()
        session.expunge(row)
    return row


def _parent(services: Services, row: SnapshotRow | None) -> ParentSnapshot | None:
    if row is None:
        return None
    return ParentSnapshot.read(open_snapshot(services.storage, row.version))


def _content(services: Services, day: GrowthDay, selected: StepReport) -> SnapshotContent:
    days: list[str] = list(selected.facts["days"])
    pool = load_pool(services, days, selected.facts.get("withdrawn", ()))
    [file] = files_of(services.engine, SELECTION_FILES, str(day))
    selection = services.storage.read_table(file.path)
    chosen = _chosen(pool, selection)
    counts = funnel(services, days) | {
        "pool": len(pool.quality),
        "selected": selection.num_rows,
    }
    tasks = pool_tasks(services, pool.instances, days)
    return SnapshotContent(
        selected=chosen,
        selection=selection,
        tasks=tasks,
        sources=pool_sources(services, tasks, pool.instances, chosen, days),
        rejects=pool_rejects(services, days, str(day)),
        parameters=_parameters(services, selected),
        versions={name: package_version(name) for name in ("dynosaur-etl", *_PACKAGES)},
        days=days,
        counts=counts,
    )


def _parameters(services: Services, selected: StepReport) -> dict[str, Any]:
    scorer = chosen_scorer(services)
    return {
        "selection": selected.facts["parameters"],
        "method": selected.facts["method"],
        "asked": selected.facts["asked"],
        "scorer": scorer.name,
        "scorer_version": scorer.version,
        "embedding": embedding_facts(services),
        "llm_model": services.settings.llm_model,
        "instances_per_task": services.settings.instances_per_task,
        "seed": services.settings.seed,
    }


def _chosen(pool: Pool, selection: pa.Table) -> pa.Table:
    """Give the instances of the selection in its order, with their quality."""
    keys = pool.instances["instance_key"].to_pylist()
    position = {key: number for number, key in enumerate(keys)}
    order = [position[key] for key in selection["instance_key"].to_pylist()]
    return pool.instances.take(pa.array(order, pa.int64())).append_column(
        pa.field("quality", pa.float64(), nullable=False), selection["quality"]
    )


def _picks(pool: Pool, selection: Any) -> pa.Table:
    order = pa.array(selection.order, pa.int64())
    return pa.table(
        {
            "rank": pa.array(range(len(selection.order)), pa.int64()),
            "instance_key": pool.instances["instance_key"].take(order),
            "gain": pa.array(selection.gain, pa.float64()),
            "quality": pa.array(pool.quality[selection.order], pa.float64()),
            "coverage": pa.array(selection.coverage, pa.float64()),
        },
        schema=SELECTION,
    )


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


def _withdrawn(pool: Pool, words: Mapping[str, str]) -> list[CountedReject]:
    return [
        CountedReject(Reject(Stage.SELECT, name, Reason.WITHDRAWN, words[name]), number)
        for name, number in sorted(pool.withdrawn.items())
    ]


def _repeated(pool: Pool) -> list[CountedReject]:
    return [
        CountedReject(
            Reject(Stage.SELECT, task, Reason.DUPLICATE_ELSEWHERE, pool.repeats[task]), number
        )
        for task, number in sorted(pool.repeated.items())
    ]


def _recorded(services: Services, fingerprint: str) -> SnapshotRow | None:
    query = select_rows(SnapshotRow).where(SnapshotRow.fingerprint == fingerprint)
    with Session(services.engine, expire_on_commit=False) as session:
        return session.scalar(query)


def _report(row: SnapshotRow, *, new: bool) -> StepReport:
    rows = int(row.facts["counts"]["selected"])
    facts = {"version": row.version, "path": row.path, "rows": rows, "new": new}
    return StepReport("snapshot", row.day, Counts(rows, rows, 0), facts=facts)


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
