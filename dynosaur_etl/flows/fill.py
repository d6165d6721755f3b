"""Filling a day's tasks with rows."""

from collections.abc import Sequence

import pyarrow as pa
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
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput
from dynosaur_etl.store.tables import TaskRow

INSTANCE_FILES = "instances"
WHOLE_DAY = "day"


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


def _task_name(task: Task) -> str:
    return f"{task.dataset_id}/{task.config}: {', '.join(task.input_fields)} -> {task.output_field}"
