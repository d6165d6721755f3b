"""The pool: all live instances up to a day, each once, with their quality and vectors."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.fill.shards import INSTANCE_FILES
from dynosaur_etl.flows.prepare.embed import embedding_kind, is_embedded, matrix
from dynosaur_etl.flows.prepare.scorers import chosen_scorer, score_kind
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool_duplicates import drop_duplicates
from dynosaur_etl.flows.select.repeats import repeated_tasks
from dynosaur_etl.instances.same_rows import beyond_first
from dynosaur_etl.store.tables import (
    FileRow,
    GrowthRunRow,
    RejectionRow,
    RevisionRow,
    TaskRow,
    VerdictRow,
    WithdrawalRow,
)

_LAST_STEP = "embed"


@dataclass(frozen=True)
class Pool:
    """The instances of the pool in the order of days, and what selection needs of each.

    Attributes:
        instances: columns `schemas.INSTANCES`; each key once, on the first day that has it.
        quality: float64 [n], in [0, 1], of the scorer that is chosen.
        vectors: float16 [n, d], unit length.
        duplicates: instances left out because an earlier one is the same, or nearly so, by reason.
        withdrawn: instances left out by the dataset that has been withdrawn.
        repeated: instances left out by the task that repeats another one.
        repeats: what those tasks repeat, in words.
        same_rows: instances left out by their dataset, since their input and output stand there
            under as many other instructions as are allowed.
        unscored: instances left out because the chosen scorer has no score for them.
        unembedded: instances left out because they have no vector.
        numbers: int64 [n], where each instance stands among the rows of all `files`.
        files: the files of instances that were read, in their order.
    """

    instances: pa.Table
    quality: NDArray[np.float64]
    vectors: NDArray[np.float16]
    duplicates: Mapping[Reason, int]
    withdrawn: Mapping[str, int]
    repeated: Mapping[str, int]
    repeats: Mapping[str, str]
    same_rows: Mapping[str, int]
    unscored: int
    unembedded: int
    numbers: NDArray[np.int64]
    files: tuple[str, ...]

    def part(self, mask: NDArray[np.bool_]) -> "Pool":
        """Give the pool of some of the instances only."""
        if mask.all():
            return self
        return replace(
            self,
            instances=self.instances.filter(pa.array(mask)),
            quality=self.quality[mask],
            vectors=self.vectors[mask],
            numbers=self.numbers[mask],
        )


def grown_days(services: Services, up_to: str) -> list[str]:
    """Give the days up to and including `up_to` whose growth is finished, in order."""
    query = (
        select(GrowthRunRow.day)
        .where(GrowthRunRow.step == _LAST_STEP, GrowthRunRow.day <= up_to)
        .order_by(GrowthRunRow.day)
    )
    with Session(services.engine) as session:
        return list(session.scalars(query))


def newest_grown_day(services: Services) -> str | None:
    """Give the newest day whose growth is finished; None while no day has brought an instance."""
    instances = exists().where(FileRow.kind == INSTANCE_FILES, FileRow.rows > 0)
    query = select(func.max(GrowthRunRow.day)).where(GrowthRunRow.step == _LAST_STEP, instances)
    with Session(services.engine) as session:
        return session.scalar(query)


def pool_inputs(services: Services, days: Sequence[str]) -> list[list[str]]:
    """Give what the pool of those days depends on: instances, chosen scores and vectors."""
    query = (
        select(FileRow.day, FileRow.kind, FileRow.name, FileRow.sha256)
        .where(FileRow.day.in_(days), FileRow.kind.in_([INSTANCE_FILES, *pool_kinds(services)]))
        .order_by(FileRow.day, FileRow.kind, FileRow.name)
    )
    with Session(services.engine) as session:
        return [list(row) for row in session.execute(query)]


def pool_kinds(services: Services) -> tuple[str, str]:
    """Name the files of the scores and of the vectors that the settings choose."""
    return score_kind(chosen_scorer(services)), embedding_kind(services)


def withdrawn_sources(services: Services, days: Sequence[str]) -> dict[str, str]:
    """Tell, for each source of those days that is withdrawn, the reasons in force."""
    tasks = select(TaskRow.dataset_id).where(TaskRow.day.in_(days))
    query = (
        select(WithdrawalRow)
        .where(WithdrawalRow.lifted_on.is_(None), WithdrawalRow.dataset_id.in_(tasks))
        .order_by(WithdrawalRow.dataset_id, WithdrawalRow.reason)
    )
    told: dict[str, str] = {}
    with Session(services.engine) as session:
        for row in session.scalars(query):
            words = f"{row.reason} since {row.found_on}: {row.detail}"
            told[row.dataset_id] = "; ".join(filter(None, (told.get(row.dataset_id), words)))
    return told


def load_pool(services: Services, days: Sequence[str], withdrawn: Collection[str] = ()) -> Pool:
    """Read the pool of those days, without withdrawn datasets and tasks that repeat others.

    Raises:
        InvalidInput: the days have no instance, or none that is left, or not every one has been
            scored and embedded as the settings say now.
    """
    files = paths_of(services, INSTANCE_FILES, days)
    instances = [services.storage.read_table(path) for path in files]
    if not instances:
        raise InvalidInput(not_allowed("pool", "no growth day", "one finished growth day or more"))
    everything = pa.concat_tables(instances)
    scores, vectors = (_beside(services, kind, days, everything) for kind in pool_kinds(services))
    scored, embedded = scores["score"].is_valid(), is_embedded(vectors)
    numbered = everything.append_column("number", pa.array(range(everything.num_rows), pa.int64()))
    gone = pc.is_in(numbered["dataset"], pa.array(withdrawn, pa.string()))
    live = pc.invert(gone)
    left = numbered.filter(pc.and_(live, pc.and_(scored, embedded)))
    if not left.num_rows:
        raise InvalidInput(not_allowed("pool", "0 instances", f"1 or more up to {days[-1]}"))
    units = matrix(vectors)
    unique = drop_duplicates(left, units, services.settings)
    used = set(pc.unique(unique.instances["task_key"]).to_pylist())
    repeats = repeated_tasks(services, days, used)
    again = pc.is_in(unique.instances["task_key"], pa.array(repeats, pa.string()))
    left = unique.instances.filter(pc.invert(again))
    beyond = pa.array(beyond_first(left, services.settings.instructions_per_row))
    same_rows = _tally(left["dataset"].filter(beyond))
    left = left.filter(pc.invert(beyond))
    at = left["number"].to_numpy()
    return Pool(
        instances=left.drop_columns(["number"]),
        quality=scores["score"].to_numpy()[at],
        vectors=units[at],
        duplicates=unique.dropped,
        withdrawn=_tally(numbered["dataset"].filter(gone)),
        repeated=_tally(unique.instances["task_key"].filter(again)),
        repeats=repeats,
        same_rows=same_rows,
        unscored=pc.sum(pc.and_not(live, scored)).as_py() or 0,
        unembedded=pc.sum(pc.and_not(pc.and_(live, scored), embedded)).as_py() or 0,
        numbers=at,
        files=files,
    )


def paths_of(services: Services, kind: str, days: Sequence[str]) -> tuple[str, ...]:
    """Name the files of a kind of those days, in their order."""
    query = (
        select(FileRow.path)
        .where(FileRow.kind == kind, FileRow.day.in_(days))
        .order_by(FileRow.day, FileRow.name)
    )
    with Session(services.engine) as session:
        return tuple(session.scalars(query))


def read_all(services: Services, kind: str, days: Sequence[str]) -> list[pa.Table]:
    """Read the files of a kind of those days, in their order."""
    return [services.storage.read_table(path) for path in paths_of(services, kind, days)]


def pool_tasks(services: Services, keys: Collection[str], days: Sequence[str]) -> pa.Table:
    """Give the tasks of those keys, each as it stands on the first day that has it."""
    query = select(TaskRow).where(TaskRow.day.in_(days)).order_by(TaskRow.day, TaskRow.key)
    rows: dict[str, dict[str, Any]] = {}
    with Session(services.engine) as session:
        for task in session.scalars(query):
            if task.key in keys and task.key not in rows:
                rows[task.key] = _task(task)
    return pa.Table.from_pylist(list(rows.values()), schema=schemas.TASKS)


def pool_sources(
    services: Services,
    tasks: pa.Table,
    pool: Mapping[tuple[str, str], int],
    selected: Mapping[tuple[str, str], int],
    days: Sequence[str],
) -> pa.Table:
    """Give each dataset at a revision that the pool has tasks or instances of.

    Tasks that stand while their day has been examined anew may be of a revision without a card;
    what is known of it is their licence.

    Args:
        services: the process's services.
        tasks: of the pool.
        pool: instances by dataset and revision.
        selected: the same of what was selected.
        days: of the pool.
    """
    total = dict.fromkeys(by_source(tasks), 0) | dict(pool)
    query = select(RevisionRow).where(RevisionRow.day.in_(days))
    with Session(services.engine) as session:
        cards = {(row.dataset_id, row.sha): row for row in session.scalars(query)}
    for row in tasks.select(["dataset", "revision", "licence"]).to_pylist():
        without = RevisionRow(licences=[row["licence"]], languages=[], pretty_name="")
        cards.setdefault((row["dataset"], row["revision"]), without)
    endpoint = services.settings.hf_endpoint
    rows = [
        {
            "dataset": dataset,
            "revision": revision,
            "licence": ", ".join(cards[dataset, revision].licences),
            "languages": ", ".join(cards[dataset, revision].languages),
            "pretty_name": cards[dataset, revision].pretty_name,
            "pool_instances": count,
            "selected_instances": selected.get((dataset, revision), 0),
            "url": f"{endpoint}/datasets/{dataset}/tree/{revision}",
        }
        for (dataset, revision), count in sorted(total.items())
    ]
    return pa.Table.from_pylist(rows, schema=schemas.SOURCES)


def pool_rejects(services: Services, days: Sequence[str], selected_on: str) -> pa.Table:
    """Give everything that those days left out, and what the selection of one day did."""
    grown = and_(RejectionRow.day.in_(days), RejectionRow.stage != Stage.SELECT)
    selected = and_(RejectionRow.day == selected_on, RejectionRow.stage == Stage.SELECT)
    query = (
        select(RejectionRow)
        .where(or_(grown, selected))
        .order_by(RejectionRow.day, RejectionRow.stage, RejectionRow.subject, RejectionRow.reason)
    )
    with Session(services.engine) as session:
        rows = [
            {
                "growth_day": row.day,
                "stage": row.stage,
                "subject": row.subject,
                "reason": row.reason,
                "number": row.number,
                "detail": row.detail,
            }
            for row in session.scalars(query)
        ]
    return pa.Table.from_pylist(rows, schema=schemas.REJECTS)


def funnel(services: Services, days: Sequence[str]) -> dict[str, int]:
    """Count the way from datasets seen to instances made, over those days."""
    with Session(services.engine) as session:
        verdicts = session.execute(
            select(func.count(), func.count(VerdictRow.reason)).where(VerdictRow.day.in_(days))
        ).one()
        steps = session.execute(
            select(GrowthRunRow.step, func.sum(GrowthRunRow.taken), func.sum(GrowthRunRow.kept))
            .where(GrowthRunRow.day.in_(days), GrowthRunRow.step.in_(["validate", "fill"]))
            .group_by(GrowthRunRow.step)
        )
        by_step = {step: (int(taken), int(kept)) for step, taken, kept in steps}
    proposals, tasks = by_step.get("validate", (0, 0))
    return {
        "datasets_seen": verdicts[0],
        "datasets_kept": verdicts[0] - verdicts[1],
        "proposals": proposals,
        "tasks": tasks,
        "instances": by_step.get("fill", (0, 0))[1],
    }


def _beside(services: Services, kind: str, days: Sequence[str], instances: pa.Table) -> pa.Table:
    """Read what stands beside the instances, row by row."""
    tables = read_all(services, kind, days)
    found = (
        pa.concat_tables(tables, promote_options="default")
        if tables
        else schemas.SCORES.empty_table()
    )
    if not found["instance_key"].equals(instances["instance_key"]):
        raise InvalidInput(
            f"pool: {kind} has {found.num_rows} rows that are not those of the "
            f"{instances.num_rows} instances of {days[0]} to {days[-1]}; run `dynosaur grow` for "
            "the days that were grown under other settings"
        )
    return found


def _tally(values: pa.ChunkedArray) -> dict[str, int]:
    counted = pc.value_counts(values).to_pylist()
    return {entry["values"]: entry["counts"] for entry in counted}


def by_source(rows: pa.Table) -> dict[tuple[str, str], int]:
    """Count rows by their dataset and revision."""
    counted = rows.group_by(["dataset", "revision"]).aggregate([([], "count_all")])
    return {(row["dataset"], row["revision"]): row["count_all"] for row in counted.to_pylist()}


def _task(row: TaskRow) -> dict[str, Any]:
    return {
        "task_key": row.key,
        "growth_day": row.day,
        "dataset": row.dataset_id,
        "revision": row.revision,
        "config": row.config,
        "instruction": row.instruction,
        "input_fields": row.input_fields,
        "output_field": row.output_field,
        "label_space": row.label_space,
        "mode": row.mode,
        "prompt_version": row.prompt_version,
        "licence": row.licence,
    }
