"""Filling a day's tasks with rows, scoring the instances and embedding them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Config, Counts, Mode, Reject, StepReport, Task
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.schemas import INSTANCES
from dynosaur_etl.flows.propose import kept_configs
from dynosaur_etl.flows.services import Progress, Services, silent
from dynosaur_etl.flows.step import require_step, run_step
from dynosaur_etl.instances.duplicates import drop_duplicates
from dynosaur_etl.instances.organise import ORGANISE_VERSION, fill_task
from dynosaur_etl.quality.heuristics import HEURISTICS, score_heuristics
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput, files_of
from dynosaur_etl.store.tables import TaskRow

INSTANCE_FILES = "instances"
SCORE_FILES = "scores"
EMBEDDING_FILES = "embeddings"
TASK_VECTOR_FILES = "task_embeddings"
WHOLE_DAY = "day"
EMBEDDED_TEXT = "instruction, input"


def fill(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Make the day's instances from the sampled rows of its tasks' configs."""
    settings = services.settings
    rules = {
        "version": ORGANISE_VERSION,
        "tasks": require_step(services, str(day), "validate").output,
        "examined": require_step(services, str(day), "examine").output,
        "instances_per_task": settings.instances_per_task,
        "seed": settings.seed,
    }

    def work() -> StepOutput:
        tasks = tasks_of(day, services)
        sources = {
            (about.config.dataset_id, about.config.name): about
            for about in kept_configs(day, services)
        }
        tables: list[pa.Table] = []
        rejects: list[CountedReject] = []
        for done, task in enumerate(tasks, start=1):
            about = sources[task.dataset_id, task.config]
            filled = _fill_one(services, task, about.config, about.sample_path, day)
            tables.append(filled[0])
            rejects += filled[1]
            progress(done, len(tasks))
        return _filled(services, tables, rejects)

    return run_step(services, str(day), "fill", rules, work)


def _fill_one(
    services: Services, task: Task, config: Config, sample_path: str, day: GrowthDay
) -> tuple[pa.Table, list[CountedReject]]:
    columns = [*task.input_fields, task.output_field, "__split__", "__row__"]
    rows = services.storage.read_table(sample_path, columns)
    settings = services.settings
    filled = fill_task(task, config, rows, settings.instances_per_task, settings.seed, str(day))
    rejects = [
        CountedReject(Reject(Stage.FILL, task.key, reason, _task_name(task)), number)
        for reason, number in sorted(filled.rejected.items())
    ]
    return filled.instances, rejects


def _filled(
    services: Services, tables: Sequence[pa.Table], rejects: Sequence[CountedReject]
) -> StepOutput:
    unique = drop_duplicates(pa.concat_tables([INSTANCES.empty_table(), *tables]))
    duplicates = [
        CountedReject(Reject(Stage.FILL, task, Reason.DUPLICATE_INSTANCE, "in one day"), number)
        for task, number in sorted(unique.dropped.items())
    ]
    file = services.storage.write_table(INSTANCE_FILES, unique.instances)
    rejected = sum(counted.number for counted in [*rejects, *duplicates])
    return StepOutput(
        counts=Counts(
            taken=unique.instances.num_rows + rejected,
            kept=unique.instances.num_rows,
            rejected=rejected,
        ),
        rejects=[*rejects, *duplicates],
        stages=(Stage.FILL,),
        files=[NamedFile(INSTANCE_FILES, WHOLE_DAY, file)],
        file_kinds=(INSTANCE_FILES,),
    )


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


def tasks_of(day: GrowthDay, services: Services) -> list[Task]:
    """Give the day's tasks, by dataset, config and key."""
    query = (
        select(TaskRow)
        .where(TaskRow.day == str(day))
        .order_by(TaskRow.dataset_id, TaskRow.config, TaskRow.key)
    )
    with Session(services.engine) as session:
        return [
            Task(
                dataset_id=row.dataset_id,
                revision=row.revision,
                config=row.config,
                instruction=row.instruction,
                input_fields=tuple(row.input_fields),
                output_field=row.output_field,
                label_space=tuple(row.label_space),
                mode=Mode(row.mode),
                prompt_version=row.prompt_version,
                licence=row.licence,
                request_key=row.request_key,
            )
            for row in session.scalars(query)
        ]


def instances_of(day: GrowthDay, services: Services) -> pa.Table:
    """Give the day's instances."""
    [row] = files_of(services.engine, INSTANCE_FILES, str(day))
    return services.storage.read_table(row.path)


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


def _task_name(task: Task) -> str:
    return f"{task.dataset_id}/{task.config}: {', '.join(task.input_fields)} -> {task.output_field}"
