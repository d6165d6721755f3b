"""The report that belongs to a DAG run."""

from typing import Annotated

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dagrun import DagRun
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi import Path as FromPath
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from dynosaur_airflow.run_day import day_of_run
from dynosaur_airflow.ui.pages.growth import day_content
from dynosaur_airflow.ui.rendering import base_of, page
from dynosaur_etl.domain.errors import InvalidInput

DagId = Annotated[str, FromPath(max_length=250, pattern=r"^[^\x00]*$")]
RunId = Annotated[str, FromPath(max_length=250, pattern=r"^[^\x00]*$")]

router = APIRouter()


@router.get(
    "/run/{dag_id}/{run_id:path}",
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
)
def run_report(request: Request, dag_id: DagId, run_id: RunId, session: SessionDep) -> Response:
    """The report that belongs to a DAG run: its growth day's, or the whole training set's."""
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
        day = day_of_run(dag_id, found.partition_key, found.conf or {}, found.run_after)
        content = day_content(str(day))
    except InvalidInput:
        return RedirectResponse(f"{base_of(request)}/")
    run = {
        "dag": dag_id,
        "id": run_id,
        "state": str(found.state),
        "began": _moment(found.start_date),
        "ended": _moment(found.end_date),
    }
    return page(request, "day.html.jinja", {**content, "run": run}, here="growth")


def _moment(value: object) -> str:
    return "not yet" if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"
