"""Failures of Airflow tasks, as they were written down when they happened."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select, tuple_

from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import TaskFailureRow


@dataclass(frozen=True)
class TaskFailure:
    """The newest failure of a task of a run.

    Attributes:
        map_index: -1 where the task is not mapped.
        day: the growth day; None where the run has none.
        kind: name of the error's class.
        error: its last line.
        retried: whether another try follows.
        failed_at: None for one that is to be written down.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    day: str | None
    kind: str
    error: str
    retried: bool
    failed_at: datetime | None = None

    @property
    def words(self) -> str:
        """The task and its error in one line."""
        return f"{self.task_id}: {self.kind}: {self.error}"


_COLUMNS = (
    TaskFailureRow.dag_id, TaskFailureRow.run_id, TaskFailureRow.task_id,
    TaskFailureRow.map_index, TaskFailureRow.try_number, TaskFailureRow.day, TaskFailureRow.kind,
    TaskFailureRow.error, TaskFailureRow.retried, TaskFailureRow.failed_at,
)  # fmt: skip


def failures_of_runs(engine: Engine, runs: Collection[tuple[str, str]]) -> list[TaskFailure]:
    """Read the failures of those runs, each by DAG and run, the newest failure first."""
    query = (
        select(*_COLUMNS)
        .where(tuple_(TaskFailureRow.dag_id, TaskFailureRow.run_id).in_(runs))
        .order_by(TaskFailureRow.failed_at.desc(), TaskFailureRow.task_id, TaskFailureRow.map_index)
    )
    with reading(engine) as session:
        return [TaskFailure(**row) for row in session.execute(query).mappings()]


def failures_since(engine: Engine, since: datetime, most: int) -> list[TaskFailure]:
    """Read the failures from a moment on, the newest first."""
    query = (
        select(*_COLUMNS)
        .where(TaskFailureRow.failed_at >= since)
        .order_by(TaskFailureRow.failed_at.desc())
        .limit(most)
    )
    with reading(engine) as session:
        return [TaskFailure(**row) for row in session.execute(query).mappings()]
