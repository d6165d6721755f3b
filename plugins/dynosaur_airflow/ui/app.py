"""The web application that Airflow mounts: pages and one style sheet, for logged-in users only."""

import logging
from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag, requires_authenticated
from airflow.models.dagrun import DagRun
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi import Path as FromPath
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dynosaur_airflow.ui.content import day_content, overview_content
from dynosaur_etl.domain.errors import DynosaurError, InvalidInput

PREFIX = "/training-set"
HERE = Path(__file__).parent
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
DayKey = Annotated[str, FromPath(max_length=32)]
DagId = Annotated[str, FromPath(max_length=250)]
RunId = Annotated[str, FromPath(max_length=250)]

log = logging.getLogger(__name__)
templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
router = APIRouter(dependencies=[Depends(requires_authenticated())])


@router.get("/")
def training_set(request: Request) -> Response:
    """Growth by day, rejects by reason, and the snapshots."""
    return _page(request, "overview.html.jinja", overview_content())


@router.get("/day/{day}")
def growth_day(request: Request, day: DayKey) -> Response:
    """The report of one growth day."""
    return _page(request, "day.html.jinja", day_content(day))


@router.get(
    "/run/{dag_id}/{run_id:path}",
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))],
)
def run_report(request: Request, dag_id: DagId, run_id: RunId, session: SessionDep) -> Response:
    """The report that belongs to a DAG run: its growth day's, or the whole training set's."""
    found = session.execute(
        select(DagRun.partition_key).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    ).one_or_none()
    if found is None:
        raise HTTPException(404, "no such DAG run")
    try:
        content = day_content(found.partition_key or "")
    except InvalidInput:
        return RedirectResponse(f"{_base(request)}/")
    return _page(request, "day.html.jinja", content)


@router.get("/style.css")
def style() -> Response:
    return Response((HERE / "style.css").read_text(), media_type="text/css")


@router.get("/{path:path}")
def unknown(path: str) -> Response:  # noqa: ARG001 - FastAPI binds it
    """Every other address, so that it too is closed to those who are not logged in."""
    raise HTTPException(404, "no such page")


def create_app() -> FastAPI:
    """Make the application, without the pages of FastAPI's own that need no login."""
    app = FastAPI(title="Training set", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router)
    app.middleware("http")(_add_security_headers)
    app.exception_handler(InvalidInput)(_not_found)
    app.exception_handler(DynosaurError)(_unavailable)
    return app


async def _add_security_headers(request: Request, follow: RequestResponseEndpoint) -> Response:
    response = await follow(request)
    response.headers.update(SECURITY_HEADERS)
    return response


async def _not_found(request: Request, error: Exception) -> Response:
    return await run_in_threadpool(_trouble, request, str(error), 404)


async def _unavailable(request: Request, error: Exception) -> Response:
    log.error("the page %s cannot be made: %s", request.url.path, error)
    words = "The product's database does not answer. `dynosaur doctor` says what is wrong."
    return await run_in_threadpool(_trouble, request, words, 503)


def _trouble(request: Request, words: str, status: int) -> Response:
    return _page(request, "trouble.html.jinja", {"words": words}, status)


def _page(request: Request, template: str, content: dict[str, Any], status: int = 200) -> Response:
    text = templates.get_template(template).render(base=_base(request), **content)
    return HTMLResponse(text, status_code=status)


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")
