"""The tasks of growth days, as the steps after validation read them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, select

from dynosaur_etl.domain.models import Mode, Task
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import TaskRow


@dataclass(frozen=True)
class PoolTask:
    """A proposed task as it stands on the first day of a pool that has it."""

    day: str
    key: str
    dataset_id: str
    config: str
    instruction: str
    input_fields: tuple[str, ...]
    output_field: str


def tasks_of_day(engine: Engine, day: str) -> list[Task]:
    """Read the day's tasks, by dataset, config and key."""
    query = (
        select(TaskRow)
        .where(TaskRow.day == day)
        .order_by(TaskRow.dataset_id, TaskRow.config, TaskRow.key)
    )
    with reading(engine) as session:
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
                form=row.form,
            )
            for row in session.scalars(query)
        ]


def first_proposed_tasks(
    engine: Engine, days: Collection[str], keys: Collection[str]
) -> list[PoolTask]:
    """Read each task of those keys on the first day that has it, without the native ones.

    Returns:
        By day, dataset, config and key.
    """
    query = (
        select(TaskRow)
        .where(TaskRow.day.in_(days), TaskRow.form == "")
        .order_by(TaskRow.day, TaskRow.dataset_id, TaskRow.config, TaskRow.key)
    )
    found: dict[str, PoolTask] = {}
    with reading(engine) as session:
        for row in session.scalars(query):
            if row.key in keys and row.key not in found:
                found[row.key] = PoolTask(
                    day=row.day,
                    key=row.key,
                    dataset_id=row.dataset_id,
                    config=row.config,
                    instruction=row.instruction,
                    input_fields=tuple(row.input_fields),
                    output_field=row.output_field,
                )
    return list(found.values())
