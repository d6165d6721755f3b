"""The web application that Airflow mounts: pages and their scripts, for logged-in users only."""

import logging
from urllib.parse import quote

from airflow.api_fastapi.core_api.security import requires_authenticated
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from dynosaur_airflow.ui.pages import (
    cost,
    growth,
    instances,
    rejects,
    runs,
    snapshots,
    sources,
    tasks,
)
from dynosaur_etl.domain.errors import DynosaurError
from dynosaur_etl.pages import static_files
from dynosaur_etl.pages.answers import answer_alike, trouble
from dynosaur_etl.pages.rendering import airflow_base_of

LOGGED_IN = requires_authenticated()
NAVIGATION = (
    ("growth", "/", "Growth"),
    ("instances", "/instances", "Instances"),
    ("tasks", "/tasks", "Tasks"),
    ("rejects", "/rejects", "Rejects"),
    ("snapshots", "/snapshots", "Snapshots"),
    ("cost", "/cost", "Cost"),
    ("sources", "/sources", "Sources"),
)

log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """Make the application, without the pages of FastAPI's own that need no login."""
    app = FastAPI(title="Training set", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_router())
    app.state.navigation = NAVIGATION
    answer_alike(app)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(DynosaurError)(_unavailable)
    return app


def _router() -> APIRouter:
    """Put all pages behind the login; the last route closes every other address too."""
    router = APIRouter(dependencies=[Depends(LOGGED_IN), Depends(_refuse_control_characters)])
    for part in (growth, runs, instances, tasks, rejects, snapshots, cost, sources, static_files):
        router.include_router(part.router)
    router.add_api_route("/{path:path}", _unknown, methods=["GET"])
    return router


def _refuse_control_characters(request: Request) -> None:
    """Stop before Airflow's own queries see a name that PostgreSQL does not take."""
    if any(ord(letter) < 32 for letter in request.url.path + request.scope["path"]):
        raise HTTPException(404, "no such page")


def _unknown(path: str) -> Response:  # noqa: ARG001 - FastAPI binds it
    raise HTTPException(404, "no such page")


async def _refused(request: Request, error: Exception) -> Response:
    """Lead a person who is not logged in to the login and back; programs get the status."""
    refusal = error if isinstance(error, HTTPException) else HTTPException(500)
    is_person = "text/html" in request.headers.get("accept", "")
    if refusal.status_code != 401 or not is_person:
        return await http_exception_handler(request, refusal)
    back = quote(str(request.url.replace(scheme="", netloc="")), safe="")
    return RedirectResponse(f"{airflow_base_of(request)}/api/v2/auth/login?next={back}", 303)


async def _unavailable(request: Request, error: Exception) -> Response:
    log.error("the page %s cannot be made: %s", request.url.path, error)
    words = "The product's database does not answer. `dynosaur doctor` says what is wrong."
    return await run_in_threadpool(trouble, request, words, 503)
