"""What Airflow's own database says of the growth DAGs, asked for by a session of the API server."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.run_day import day_of_run
from dynosaur_etl.flows.views.airflow_runs import (
    GROWTH_DAGS,
    AirflowRun,
    AirflowState,
    AirflowTask,
)

log = logging.getLogger(__name__)

RUNS_READ = 60
"""Of each DAG, the newest."""

_TOLD = (
    "running", "queued", "up_for_retry", "up_for_reschedule", "deferred", "failed", "restarting",
    "awaiting_input",
)  # fmt: skip
_Run = tuple[str, str]


def airflow_state(session: Any) -> AirflowState | None:
    """Return the newest runs of the three DAGs; None where Airflow's database does not answer."""
    try:
        rows = [row for dag in GROWTH_DAGS for row in _newest(session, dag)]
        tasks = _tasks(session, [row for row in rows if row.state not in ("success", "skipped")])
        paused = session.scalars(
            select(DagModel.dag_id).where(DagModel.dag_id.in_(GROWTH_DAGS), DagModel.is_paused)
        ).all()
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        log.warning("Airflow's database does not tell what runs: %s", cause)
        return None
    rows.sort(key=lambda row: row.id, reverse=True)
    runs = [_run(row, tasks.get((row.dag_id, row.run_id), ())) for row in rows]
    return AirflowState(runs, sorted(paused))


def _newest(session: Any, dag: str) -> list[Any]:
    query = select(
        DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.partition_key, DagRun.conf,
        DagRun.run_after, DagRun.queued_at, DagRun.start_date, DagRun.end_date,
    ).where(DagRun.dag_id == dag)  # fmt: skip
    return list(session.execute(query.order_by(DagRun.id.desc()).limit(RUNS_READ)))


def _tasks(session: Any, rows: Sequence[Any]) -> dict[_Run, list[AirflowTask]]:
    """Count the tasks of those runs by state, those that began first at the top."""
    runs = {(row.dag_id, row.run_id) for row in rows}
    began = func.min(TaskInstance.start_date)
    of = (TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.state)
    query = (
        select(*of, func.count(), began)
        .where(
            TaskInstance.dag_id.in_({dag for dag, _ in runs}),
            TaskInstance.run_id.in_({run for _, run in runs}),
            TaskInstance.state.in_(_TOLD),
        )
        .group_by(*of)
        .order_by(began)
    )
    found: dict[_Run, list[AirflowTask]] = {}
    for dag, run, name, state, number, since in session.execute(query):
        found.setdefault((dag, run), []).append(AirflowTask(name, str(state), number, since))
    return found


def _run(row: Any, tasks: Sequence[AirflowTask]) -> AirflowRun:
    return AirflowRun(
        dag=row.dag_id,
        run_id=row.run_id,
        day=_day(row.dag_id, row.partition_key, row.conf or {}, row.run_after),
        state=str(row.state),
        since=row.start_date or row.queued_at or row.run_after,
        ended=row.end_date,
        tasks=tasks,
    )


def _day(dag: str, key: str | None, conf: dict[str, Any], run_after: datetime) -> str | None:
    try:
        return str(day_of_run(dag, key, conf, run_after))
    except InvalidInput:
        return None
