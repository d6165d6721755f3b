"""Filling a day's tasks with rows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import Incomplete
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import STANDS, Counts, Reject, StepName, StepReport
from dynosaur_etl.domain.reasons import Stage
from dynosaur_etl.domain.schemas import INSTANCES
from dynosaur_etl.flows.fill.filler import FilledShard
from dynosaur_etl.flows.fill.shards import (
    fill_rules,
    filled_shards,
    plan_fill,
    tasks_are_outdated,
)
from dynosaur_etl.flows.runtime.compartments import alarm_of
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import run_step
from dynosaur_etl.instances.duplicates import COMPARED_COLUMNS, Doubles, find_duplicates
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput


def fill(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Make the day's instances from the sampled rows of its tasks' configs.

    Shards that `fill_shard` has filled are taken as they are. Of instances that are the same, or
    nearly so, the first of the day stays. Where the tasks are those of an earlier examination, as
    answers for the new ones are missing, their instances stand.

    Raises:
        InvalidInput: the day's proposals have not been validated.
        Incomplete: the tasks are those of an earlier examination and have no instances.
    """
    if tasks_are_outdated(day, services):
        return _standing(day, services)

    def work() -> StepOutput:
        shards = plan_fill(day, services)
        filled: list[FilledShard] = []
        for shard in filled_shards(day, services, shards):
            filled.append(shard)
            progress(len(filled), len(shards))
        return _without_duplicates(services, filled)

    return run_step(services, str(day), StepName.FILL, fill_rules(day, services), work)


def _standing(day: GrowthDay, services: Services) -> StepReport:
    done = services.records.step(str(day), StepName.FILL)
    if done is None:
        raise Incomplete(
            f"fill of {day}: answers are missing for what was examined; run `dynosaur grow` again"
        )
    kept = done.report.counts.kept
    return StepReport(StepName.FILL, str(day), Counts(0, 0, 0), facts={STANDS: kept})


def _without_duplicates(services: Services, shards: Sequence[FilledShard]) -> StepOutput:
    threshold = services.settings.near_duplicates
    paths = [shard.file.path for shard in shards]
    doubles = find_duplicates((_compared(services, path) for path in paths), threshold)
    kept = [
        _write_kept(services, shard, double) for shard, double in zip(shards, doubles, strict=True)
    ]
    rejects = [counted for shard, _ in kept for counted in shard.rejects]
    rejects += [counted for _, duplicates in kept for counted in duplicates]
    rows = sum(shard.file.rows for shard, _ in kept)
    rejected = sum(counted.number for counted in rejects)
    return StepOutput(
        counts=Counts(taken=rows + rejected, kept=rows, rejected=rejected),
        rejects=rejects,
        stages=(Stage.FILL,),
        files=[
            NamedFile(kind, f"shard-{shard.number:05d}", file)
            for shard, _ in kept
            for kind, file in (
                (FileKind.INSTANCES, shard.file),
                (FileKind.CONVERSATIONS, shard.conversations),
            )
            if file is not None
        ],
        file_kinds=(FileKind.INSTANCES, FileKind.CONVERSATIONS),
        facts={"alarm": alarm_of(rejects)},
    )


def _compared(services: Services, path: str) -> Iterator[pa.Table]:
    with services.storage.batches(path, COMPARED_COLUMNS) as (_, batches):
        for batch in batches:
            yield pa.Table.from_batches([batch])


def _write_kept(
    services: Services, shard: FilledShard, doubles: Doubles
) -> tuple[FilledShard, list[CountedReject]]:
    """Write a shard again without its duplicates; one that has none stays as it is."""
    if not doubles.any():
        return shard, []
    storage = services.storage
    tasks = storage.read_table(shard.file.path, ["task_key"])["task_key"]
    rejects = [
        CountedReject(Reject(Stage.FILL, task, reason, "in one day"), number)
        for reason, rows in doubles.by_reason()
        for task, number in sorted(Counter(tasks.filter(pa.array(rows)).to_pylist()).items())
    ]
    with storage.batches(shard.file.path) as (_, batches):
        tables = _filtered(batches, ~doubles.dropped)
        file = storage.write_tables(FileKind.INSTANCES, INSTANCES, tables)
    return replace(shard, file=file), rejects


def _filtered(batches: Iterator[pa.RecordBatch], kept: NDArray[np.bool_]) -> Iterator[pa.Table]:
    start = 0
    for batch in batches:
        rows = pa.array(kept[start : start + batch.num_rows])
        yield pa.Table.from_batches([batch.filter(rows)])
        start += batch.num_rows
