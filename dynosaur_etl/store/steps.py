"""What a step of a growth day leaves behind: its rows, files and report, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine, Row, delete, exists, func, select, update
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import CountsDoNotReconcile
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import STANDS, Counts, Reject, StepName, StepReport
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.store.bulk import insert_rows, put_rows
from dynosaur_etl.store.database import reading, transaction
from dynosaur_etl.store.storage import StoredFile
from dynosaur_etl.store.tables import (
    Base,
    CheckpointRow,
    FileRow,
    GrowthRunRow,
    RejectionRow,
)

_REJECTIONS: Any = RejectionRow.__table__
_FILES: Any = FileRow.__table__
_RUNS: Any = GrowthRunRow.__table__
_RUN_COLUMNS = [column for column in _RUNS.c if column.name != "finished_at"]


@dataclass(frozen=True)
class NamedFile:
    """A stored file under the kind and name by which later steps find it."""

    kind: str
    name: str
    file: StoredFile


@dataclass(frozen=True)
class CountedReject:
    """A reject that stands for a number of like things."""

    reject: Reject
    number: int = 1


@dataclass(frozen=True)
class StepOutput:
    """Everything that a step writes.

    Attributes:
        rejects: what the step's counts call rejected.
        further_rejects: parts of things (a dataset's configs) that are stored but not counted.
        stages: the stages whose rejects of the day the step owns and replaces.
        tables: rows of the day by table; the table's rows of that day are replaced.
        file_kinds: the kinds of files of the day that the step owns and replaces.
        lost: how much that stands would be replaced by nothing, only because what it depends on
            is deferred; where it is not 0, what stands is kept.
    """

    counts: Counts
    rejects: Sequence[CountedReject] = ()
    further_rejects: Sequence[CountedReject] = ()
    stages: Sequence[Stage] = ()
    tables: Mapping[type[Base], Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    files: Sequence[NamedFile] = ()
    file_kinds: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    lost: int = 0


@dataclass(frozen=True)
class FinishedStep:
    """A step that has been committed.

    Attributes:
        output: digest of what it wrote.
        held_back: facts of a later attempt that replaced nothing; None where there is none.
    """

    fingerprint: str
    output: str
    report: StepReport
    held_back: Mapping[str, Any] | None = None


def finished_step(engine: Engine, day: str, step: StepName) -> FinishedStep | None:
    """Return what was committed for the step, or None."""
    with transaction(engine) as session:
        query = select(*_RUN_COLUMNS).where(_RUNS.c.day == day, _RUNS.c.step == step)
        row = session.execute(query).one_or_none()
    return None if row is None else _finished(row)


def finished_steps(engine: Engine, days: Sequence[str]) -> dict[tuple[str, str], FinishedStep]:
    """Read what was committed for days, by day and step, in one query.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with transaction(engine) as session:
        rows = session.execute(select(*_RUN_COLUMNS).where(_RUNS.c.day.in_(days))).all()
    return {(row.day, row.step): _finished(row) for row in rows}


def days_with(engine: Engine, step: StepName) -> list[str]:
    """Return the days on which a step is finished, the oldest first."""
    query = select(GrowthRunRow.day).where(GrowthRunRow.step == step).order_by(GrowthRunRow.day)
    with reading(engine) as session:
        return list(session.scalars(query))


def has_steps(engine: Engine) -> bool:
    """Tell whether any step of any day was committed; not, where there are no tables yet.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with transaction(engine) as session:
        if session.scalar(select(func.to_regclass(GrowthRunRow.__tablename__))) is None:
            return False
        return bool(session.scalar(select(exists().select_from(_RUNS))))


def commit_step(
    engine: Engine, day: str, step: StepName, fingerprint: str, output: StepOutput
) -> StepReport:
    """Replace what the step wrote before for that day, all or nothing.

    Raises:
        CountsDoNotReconcile: taken is not kept + rejected + deferred.
    """
    _reconcile(day, step, output.counts)
    with transaction(engine) as session:
        for table, rows in output.tables.items():
            _replace(session, table, day, rows)
        rejections = _replace_rejections(session, day, output)
        files = _replace_files(session, day, output)
        row = _run_row(day, step, fingerprint, output)
        row.output = digest(
            [[table.__tablename__, list(rows)] for table, rows in output.tables.items()],
            rejections,
            files,
        )
        session.merge(row)
        if not output.counts.deferred:  # else the next run goes on from them
            session.execute(
                delete(CheckpointRow).where(CheckpointRow.day == day, CheckpointRow.step == step)
            )
        return _report(row)


def hold_back(
    engine: Engine, day: str, step: StepName, fingerprint: str, output: StepOutput
) -> StepReport:
    """Keep what stands, and write down the attempt that was to replace it and is not whole.

    Returns:
        The report of the attempt; its fact `stands` tells what was kept.

    Raises:
        CountsDoNotReconcile: taken is not kept + rejected + deferred.
    """
    _reconcile(day, step, output.counts)
    attempt = _run_row(day, step, fingerprint, output)
    held_back = {
        "fingerprint": fingerprint,
        "taken": attempt.taken,
        "kept": attempt.kept,
        "rejected": attempt.rejected,
        "deferred": attempt.deferred,
        "lost": output.lost,
    }
    with transaction(engine) as session:
        standing = session.get_one(GrowthRunRow, (day, step))
        standing.held_back = held_back
        kept = standing.kept
    report = _report(attempt)
    return replace(report, facts={**report.facts, STANDS: kept, "lost": output.lost})


def drop_held_back(engine: Engine, day: str, step: StepName) -> None:
    """Forget the attempt that replaced nothing; what stands is what was asked for."""
    with transaction(engine) as session:
        session.execute(
            update(_RUNS).where(_RUNS.c.day == day, _RUNS.c.step == step).values(held_back=None)
        )


def count_rows(engine: Engine, table: type[Base], day: str, **values: Collection[str]) -> int:
    """Count a table's rows of a day whose columns hold one of the values named for them."""
    kept: Any = table.__table__
    query = select(func.count()).select_from(kept).where(kept.c.day == day)
    for column, allowed in values.items():
        query = query.where(kept.c[column].in_(allowed))
    with transaction(engine) as session:
        return session.scalar(query) or 0


def _reconcile(day: str, step: StepName, counts: Counts) -> None:
    parts = counts.kept + counts.rejected + counts.deferred
    if counts.taken != parts or min(counts.kept, counts.rejected, counts.deferred) < 0:
        raise CountsDoNotReconcile(
            f"{step} of {day}: took {counts.taken}; kept {counts.kept} + rejected "
            f"{counts.rejected} + deferred {counts.deferred} = {parts}"
        )


def _replace(
    session: Session, table: type[Base], day: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    kept: Any = table.__table__
    session.execute(delete(kept).where(kept.c.day == day))
    insert_rows(session, table, rows)


def _replace_rejections(session: Session, day: str, output: StepOutput) -> list[dict[str, Any]]:
    stages = [str(stage) for stage in output.stages]
    session.execute(
        delete(_REJECTIONS).where(_REJECTIONS.c.day == day, _REJECTIONS.c.stage.in_(stages))
    )
    counted = _added_up([*output.rejects, *output.further_rejects])
    rows = [_rejection(day, reject) for reject in counted]
    insert_rows(session, RejectionRow, rows)
    return rows


def _added_up(rejects: Iterable[CountedReject]) -> list[CountedReject]:
    """Count rejects of one subject and reason as one, with the detail of the first."""
    found: dict[tuple[Stage, str, Reason], CountedReject] = {}
    for counted in rejects:
        reject = counted.reject
        key = (reject.stage, reject.subject, reject.reason)
        before = found[key].number if key in found else 0
        first = found[key].reject if key in found else reject
        found[key] = CountedReject(first, before + counted.number)
    return list(found.values())


def _rejection(day: str, counted: CountedReject) -> dict[str, Any]:
    reject = counted.reject
    return {
        "day": day,
        "stage": str(reject.stage),
        "subject": reject.subject,
        "reason": str(reject.reason),
        "number": counted.number,
        "detail": reject.detail,
    }


def _replace_files(session: Session, day: str, output: StepOutput) -> list[dict[str, Any]]:
    session.execute(
        delete(_FILES).where(_FILES.c.day == day, _FILES.c.kind.in_(list(output.file_kinds)))
    )
    rows = [
        {
            "kind": named.kind,
            "day": day,
            "name": named.name,
            "sha256": named.file.sha256,
            "path": named.file.path,
            "rows": named.file.rows,
            "bytes": named.file.bytes,
        }
        for named in output.files
    ]
    insert_rows(session, FileRow, rows)
    return rows


def _run_row(day: str, step: StepName, fingerprint: str, output: StepOutput) -> GrowthRunRow:
    counts = output.counts
    return GrowthRunRow(
        day=day,
        step=step,
        fingerprint=fingerprint,
        taken=counts.taken,
        kept=counts.kept,
        rejected=counts.rejected,
        deferred=counts.deferred,
        reasons=count_reasons(output.rejects),
        facts=dict(output.facts),
        held_back=None,
    )


def count_reasons(rejects: Iterable[CountedReject]) -> dict[str, int]:
    """Count the rejects by reason code, most frequent first."""
    totals: dict[str, int] = {}
    for counted in rejects:
        reason = str(counted.reject.reason)
        totals[reason] = totals.get(reason, 0) + counted.number
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def save_checkpoints(
    engine: Engine,
    day: str,
    step: str,
    fingerprint: str,
    results: Mapping[str, Mapping[str, Any]],
) -> None:
    """Keep finished parts of a step by their items, so that a killed run goes on from there."""
    if not results:
        return
    made = {"day": day, "step": step, "fingerprint": fingerprint}
    rows = [made | {"item": item, "result": part} for item, part in results.items()]
    with transaction(engine) as session:
        put_rows(session, CheckpointRow, rows)


def load_checkpoints(
    engine: Engine, day: str, step: str, fingerprint: str
) -> dict[str, dict[str, Any]]:
    """Return the parts, by item, that an earlier run finished under the same rules and inputs."""
    query = select(CheckpointRow).where(
        CheckpointRow.day == day,
        CheckpointRow.step == step,
        CheckpointRow.fingerprint == fingerprint,
    )
    with transaction(engine) as session:
        return {row.item: row.result for row in session.scalars(query)}


def files_of(engine: Engine, kind: str, day: str | None = None) -> list[FileRow]:
    """List the files of a kind, of one day or of all days, by day and name."""
    query = select(FileRow).where(FileRow.kind == kind).order_by(FileRow.day, FileRow.name)
    if day is not None:
        query = query.where(FileRow.day == day)
    with reading(engine) as session:
        return list(session.scalars(query))


def _finished(row: Row[Any]) -> FinishedStep:
    return FinishedStep(row.fingerprint, row.output, _report(row), row.held_back)


def empty_files(engine: Engine, paths: Sequence[str]) -> set[str]:
    """Return those of the paths whose files are known to hold no row."""
    query = select(FileRow.path).where(FileRow.path.in_(paths), FileRow.rows == 0)
    with transaction(engine) as session:
        return set(session.scalars(query))


def _report(row: GrowthRunRow | Row[Any]) -> StepReport:
    return StepReport(
        step=StepName(row.step),
        day=row.day,
        counts=Counts(row.taken, row.kept, row.rejected, row.deferred),
        reasons=dict(row.reasons),
        facts=dict(row.facts),
    )
