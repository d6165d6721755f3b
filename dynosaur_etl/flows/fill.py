"""Filling a day's tasks with rows, scoring the instances and embedding them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, Reject, StepReport
from dynosaur_etl.domain.reasons import Stage
from dynosaur_etl.domain.schemas import INSTANCES
from dynosaur_etl.flows.services import Progress, Services, silent
from dynosaur_etl.flows.shards import (
    INSTANCE_FILES,
    FilledShard,
    fill_rules,
    filled_shards,
    plan_fill,
    tasks_of,
)
from dynosaur_etl.flows.step import require_step, run_step
from dynosaur_etl.instances.duplicates import COMPARED_COLUMNS, Doubles, find_duplicates
from dynosaur_etl.quality.heuristics import HEURISTICS, score_heuristics
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput, files_of

SCORE_FILES = "scores"
EMBEDDING_FILES = "embeddings"
TASK_VECTOR_FILES = "task_embeddings"
WHOLE_DAY = "day"
EMBEDDED_TEXT = "instruction, input"


def fill(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Make the day's instances from the sampled rows of its tasks' configs.

    Shards that `fill_shard` has filled are taken as they are. Of instances that are the same, or
    nearly so, the first of the day stays.
    """

    def work() -> StepOutput:
        shards = plan_fill(day, services)
        filled: list[FilledShard] = []
        for shard in filled_shards(day, services, shards):
            filled.append(shard)
            progress(len(filled), len(shards))
        return _without_duplicates(services, filled)

    return run_step(services, str(day), "fill", fill_rules(day, services), work)


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
            NamedFile(INSTANCE_FILES, f"shard-{shard.number:05d}", shard.file) for shard, _ in kept
        ],
        file_kinds=(INSTANCE_FILES,),
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
        file = storage.write_tables(INSTANCE_FILES, INSTANCES, tables)
    return replace(shard, file=file), rejects


def _filtered(batches: Iterator[pa.RecordBatch], kept: NDArray[np.bool_]) -> Iterator[pa.Table]:
    start = 0
    for batch in batches:
        rows = pa.array(kept[start : start + batch.num_rows])
        yield pa.Table.from_batches([batch.filter(rows)])
        start += batch.num_rows


def score(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Score the day's instances."""
    rules = {
        "scorer": HEURISTICS,
        "instances": require_step(services, str(day), "fill").output,
    }

    def work() -> StepOutput:
        scores = score_heuristics(instances_of(day, services))
        progress(scores.num_rows, scores.num_rows)
        file = services.storage.write_table(SCORE_FILES, scores)
        return _per_instance(NamedFile(SCORE_FILES, WHOLE_DAY, file), {"scorer": HEURISTICS})

    return run_step(services, str(day), "score", rules, work)


def embed(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Embed the day's instances and its tasks, as unit vectors in float16.

    Of an instance the instruction and the input are embedded, of a task the instruction alone.
    """
    rules = {
        "model": services.embedder.version,
        "text": EMBEDDED_TEXT,
        "instances": require_step(services, str(day), "fill").output,
        "tasks": require_step(services, str(day), "validate").output,
    }

    def work() -> StepOutput:
        instances = instances_of(day, services)
        vectors = services.embedder.embed(_texts(instances), progress=progress)
        table = pa.table({"instance_key": instances["instance_key"], "vector": _column(vectors)})
        file = services.storage.write_table(EMBEDDING_FILES, table)
        facts = {"model": services.embedder.name, "text": EMBEDDED_TEXT}
        named = NamedFile(EMBEDDING_FILES, WHOLE_DAY, file)
        return _per_instance(named, facts, _embed_tasks(day, services))

    return run_step(services, str(day), "embed", rules, work)


def instances_of(day: GrowthDay, services: Services) -> pa.Table:
    """Give the day's instances, shard after shard."""
    files = files_of(services.engine, INSTANCE_FILES, str(day))
    tables = [services.storage.read_table(file.path) for file in files]
    return pa.concat_tables([INSTANCES.empty_table(), *tables])


def matrix(table: pa.Table) -> NDArray[np.float16]:
    """Give the vectors of a table of embeddings, float16 [n, d]."""
    column = table["vector"].combine_chunks()
    values: NDArray[np.float16] = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(table.num_rows, -1)


def _embed_tasks(day: GrowthDay, services: Services) -> NamedFile:
    """Embed the day's tasks, by which repeats are found where the pool is read."""
    tasks = tasks_of(day, services)
    vectors = services.embedder.embed([task.instruction for task in tasks])
    keys = pa.array([task.key for task in tasks], pa.string())
    table = pa.table({"task_key": keys, "vector": _column(vectors)})
    return NamedFile(
        TASK_VECTOR_FILES, WHOLE_DAY, services.storage.write_table(TASK_VECTOR_FILES, table)
    )


def _column(vectors: NDArray[np.float32]) -> pa.FixedSizeListArray:
    flat = pa.array(vectors.astype("float16").reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def _per_instance(named: NamedFile, facts: dict[str, str], *further: NamedFile) -> StepOutput:
    rows = named.file.rows
    return StepOutput(
        counts=Counts(taken=rows, kept=rows, rejected=0),
        files=[named, *further],
        file_kinds=[file.kind for file in (named, *further)],
        facts=facts,
    )


def _texts(instances: pa.Table) -> list[str]:
    pairs = zip(instances["instruction"].to_pylist(), instances["input"].to_pylist(), strict=True)
    return [f"{instruction}\n{text}" for instruction, text in pairs]
