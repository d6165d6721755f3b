"""What all pages answer alike: their headers, and a page of words where something is wrong."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import Response

from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.flows.views.row_words import IndexUnavailable
from dynosaur_etl.pages.rendering import SECURITY_HEADERS, page


def answer_alike(app: FastAPI) -> None:
    """Add the headers and the answers to what is not there, not allowed or damaged."""
    app.middleware("http")(_add_security_headers)
    app.exception_handler(InvalidInput)(_not_found)
    app.exception_handler(RequestValidationError)(_not_allowed)
    app.exception_handler(Corrupt)(_corrupt)
    app.exception_handler(IndexUnavailable)(_without_index)


def trouble(request: Request, words: str, status: int) -> Response:
    """Return a page that says what is wrong."""
    return page(request, "trouble.html.jinja", {"words": words}, status)


async def _add_security_headers(request: Request, follow: RequestResponseEndpoint) -> Response:
    response = await follow(request)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _not_found(request: Request, error: Exception) -> Response:
    return await run_in_threadpool(trouble, request, str(error), 404)


async def _not_allowed(request: Request, error: Exception) -> Response:
    parts = error.errors() if isinstance(error, RequestValidationError) else ()
    found = [f"{'.'.join(map(str, part['loc'][1:]))}: {part['msg']}" for part in parts]
    words = "The address holds what is not allowed. " + "; ".join(found)
    return await run_in_threadpool(trouble, request, words[:1000], 422)


async def _corrupt(request: Request, error: Exception) -> Response:
    words = f"{error} `dynosaur verify` tells what else is wrong with a version."
    return await run_in_threadpool(trouble, request, words, 503)


async def _without_index(request: Request, error: Exception) -> Response:
    return await run_in_threadpool(trouble, request, f"Words cannot be searched: {error}.", 503)
