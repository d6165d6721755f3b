"""The report that belongs to a DAG run."""

from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dagrun import DagRun
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi import Path as FromPath
from sqlalchemy import select
from starlette.responses import Response

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.domain.run_day import day_of_run
from dynosaur_etl.flows.views.moments import lasted, moment
from dynosaur_etl.flows.views.read_only import read_only_services
from dynosaur_etl.flows.views.run_report import FailureLine, run_report
from dynosaur_etl.pages.rendering import page

DagId = Annotated[str, FromPath(max_length=250, pattern=r"^[^\x00]*$")]
RunId = Annotated[str, FromPath(max_length=250, pattern=r"^[^\x00]*$")]

MAY_READ_RUNS = requires_access_dag("GET", DagAccessEntity.RUN)

router = APIRouter()


@router.get(
    "/run/{dag_id}/{run_id:path}",
    dependencies=[Depends(MAY_READ_RUNS)],
)
def report_of_run(request: Request, dag_id: DagId, run_id: RunId, session: SessionDep) -> Response:
    """What a DAG run did, and why it failed where it did."""
    found = session.execute(
        select(
            DagRun.partition_key,
            DagRun.conf,
            DagRun.run_after,
            DagRun.state,
            DagRun.start_date,
            DagRun.end_date,
        ).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    ).one_or_none()
    if found is None:
        raise HTTPException(404, "no such DAG run")
    try:
        day = str(day_of_run(dag_id, found.partition_key, found.conf or {}, found.run_after))
    except InvalidInput:
        day = None
    with read_only_services() as services:
        report = run_report(services, (dag_id, run_id), day, found.start_date, found.end_date)
    content = {
        "run": {
            "dag": dag_id,
            "id": run_id,
            "state": str(found.state),
            "began": moment(found.start_date),
            "ended": moment(found.end_date),
            "lasted": lasted(found.start_date, found.end_date) if found.end_date else "",
            "params": {name: value for name, value in (found.conf or {}).items() if value},
        },
        "report": report,
        "logs": [
            f"{dag_id}/runs/{quote(run_id, safe='')}/tasks/{_task(line)}"
            for line in report.failures
        ],
    }
    return page(request, "run.html.jinja", content, here="growth")


def _task(line: FailureLine) -> str:
    """Write the address of a task's log below its run, as Airflow's own pages have it."""
    mapped = f"/mapped/{line.map_index}" if line.map_index >= 0 else ""
    return f"{quote(line.task, safe='')}{mapped}?try_number={line.try_number}"
