"""The web application that Airflow mounts: pages and their scripts, for logged-in users only."""

import logging
from urllib.parse import quote

from airflow.api_fastapi.core_api.security import requires_authenticated
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import RedirectResponse, Response

from dynosaur_airflow.ui.pages import (
    cost,
    growth,
    instances,
    rejects,
    runs,
    snapshots,
    sources,
    static,
    tasks,
)
from dynosaur_airflow.ui.rendering import SECURITY_HEADERS, airflow_base_of, page
from dynosaur_etl.domain.errors import Corrupt, DynosaurError, InvalidInput
from dynosaur_etl.flows.views.row_words import IndexUnavailable

LOGGED_IN = requires_authenticated()

log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """Make the application, without the pages of FastAPI's own that need no login."""
    app = FastAPI(title="Training set", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_router())
    app.middleware("http")(_add_security_headers)
    app.exception_handler(HTTPException)(_refused)
    app.exception_handler(InvalidInput)(_not_found)
    app.exception_handler(RequestValidationError)(_not_allowed)
    app.exception_handler(Corrupt)(_corrupt)
    app.exception_handler(IndexUnavailable)(_without_index)
    app.exception_handler(DynosaurError)(_unavailable)
    return app


def _router() -> APIRouter:
    """Put all pages behind the login; the last route closes every other address too."""
    router = APIRouter(dependencies=[Depends(LOGGED_IN), Depends(_refuse_control_characters)])
    for part in (growth, runs, instances, tasks, rejects, snapshots, cost, sources, static):
        router.include_router(part.router)
    router.add_api_route("/{path:path}", _unknown, methods=["GET"])
    return router


def _refuse_control_characters(request: Request) -> None:
    """Stop before Airflow's own queries see a name that PostgreSQL does not take."""
    if any(ord(letter) < 32 for letter in request.url.path + request.scope["path"]):
        raise HTTPException(404, "no such page")


def _unknown(path: str) -> Response:  # noqa: ARG001 - FastAPI binds it
    raise HTTPException(404, "no such page")


async def _add_security_headers(request: Request, follow: RequestResponseEndpoint) -> Response:
    response = await follow(request)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """Lead a person who is not logged in to the login and back; programs get the status."""
    refusal = error if isinstance(error, HTTPException) else HTTPException(500)
    is_person = "text/html" in request.headers.get("accept", "")
    if refusal.status_code != 401 or not is_person:
        return await http_exception_handler(request, refusal)
    back = quote(str(request.url.replace(scheme="", netloc="")), safe="")
    return RedirectResponse(f"{airflow_base_of(request)}/api/v2/auth/login?next={back}", 303)


async def _not_found(request: Request, error: Exception) -> Response:
    return await run_in_threadpool(_trouble, request, str(error), 404)


async def _not_allowed(request: Request, error: Exception) -> Response:
    parts = error.errors() if isinstance(error, RequestValidationError) else ()
    found = [f"{'.'.join(map(str, part['loc'][1:]))}: {part['msg']}" for part in parts]
    words = "The address holds what is not allowed. " + "; ".join(found)
    return await run_in_threadpool(_trouble, request, words[:1000], 422)


async def _corrupt(request: Request, error: Exception) -> Response:
    words = f"{error} `dynosaur verify` tells what else is wrong with a version."
    return await run_in_threadpool(_trouble, request, words, 503)


async def _without_index(request: Request, error: Exception) -> Response:
    return await run_in_threadpool(_trouble, request, f"Words cannot be searched: {error}.", 503)


async def _unavailable(request: Request, error: Exception) -> Response:
    log.error("the page %s cannot be made: %s", request.url.path, error)
    words = "The product's database does not answer. `dynosaur doctor` says what is wrong."
    return await run_in_threadpool(_trouble, request, words, 503)


def _trouble(request: Request, words: str, status: int) -> Response:
    return page(request, "trouble.html.jinja", {"words": words}, status)
