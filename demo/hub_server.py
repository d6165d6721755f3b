"""A Hub on this machine: the Hugging Face Hub's HTTP API over a folder of recorded datasets.

The real clients work against it: point `HF_ENDPOINT`, or their `endpoint=`, at the printed
address; the dataset viewer answers under `/viewer`. Start it with
`python -m demo.hub_server --root FOLDER --port 8090`.
"""

import argparse
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo import hub_api, hub_uploads, hub_viewer
from demo.hub_call import Call, read_call
from demo.hub_errors import HubError, entry_not_found
from demo.hub_repository import load_catalogue

HOST = "127.0.0.1"
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")


class RequestLog:
    """Appends one JSON line a request before its answer leaves."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self._app = app
        self._path = path
        self._path.touch()
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._append(scope, message["status"])
            await send(message)

        await self._app(scope, receive, send_logged if scope["type"] == "http" else send)

    def _append(self, scope: Scope, status: int) -> None:
        line = {
            "method": scope["method"],
            "path": scope["raw_path"].decode("ascii", "replace").split("?")[0],
            "query": scope["query_string"].decode("ascii", "replace"),
            "status": status,
        }
        with self._lock, self._path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


def create_app(
    root: Path,
    owner: str = "legacy-datasets",
    log: Path | None = None,
    uploads: Path | None = None,
    page_size: int = 100,
) -> Starlette:
    """The Hub as an ASGI application.

    Args:
        root: folder with `index.jsonl` and `datasets/`; read once, never written.
        owner: namespace under which ids without one are served.
        log: file that gets one JSON line a request: method, path, query, status.
        uploads: folder that keeps repositories which clients create; without it they cannot.
        page_size: most entries on one page of a listing.

    Raises:
        ValueError: the index names an id that the Hub would not allow, or one twice.
    """
    catalogue = load_catalogue(root, owner)
    store = hub_uploads.UploadStore(uploads, catalogue) if uploads is not None else None

    async def answer(request: Request) -> Response:
        if store is not None and request.method == "PUT":
            return await store.receive_large_file(request)
        call = await read_call(request, catalogue, page_size)
        return await run_in_threadpool(_dispatch, call, store)

    logged = [Middleware(RequestLog, path=log)] if log is not None else []
    local = Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    return Starlette(
        routes=[Route("/{path:path}", answer, methods=list(_METHODS))],
        middleware=[*logged, local],
        exception_handlers={HubError: _refuse},
    )


async def _refuse(_: Request, error: Exception) -> Response:
    if not isinstance(error, HubError):
        raise error
    return error.response()


def _dispatch(call: Call, store: hub_uploads.UploadStore | None) -> Response:
    written = store.handle(call) if store is not None else None
    if written is not None:
        return written
    match call.segments:
        case ("viewer", *_):
            return hub_viewer.view_dataset(call)
        case ("api", "datasets"):
            return hub_api.list_datasets(call)
        case ("api", "datasets", *_):
            return hub_api.dataset_api(call)
        case ("datasets", *_) if call.method in ("GET", "HEAD"):
            return hub_api.resolve_file(call)
    return _side_request(call)


def _side_request(call: Call) -> Response:
    """What the clients send unasked, and the check of a card before it is uploaded."""
    match call.segments:
        case ("api", "agent-harnesses"):
            return JSONResponse({"standardEnvVars": [], "harnesses": {}})
        case ("api" | "v1", "telemetry", *_):
            return Response(status_code=200)
        case ("api", "validate-yaml") if call.method == "POST":
            return hub_api.validate_yaml(call)
    raise entry_not_found("No such endpoint")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until it is stopped, to this machine only."""
    parser = argparse.ArgumentParser(prog="python -m demo.hub_server", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder with index.jsonl")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--owner", default="legacy-datasets", help="namespace of bare ids")
    parser.add_argument("--log", type=Path, help="append one JSON line a request here")
    parser.add_argument("--uploads", type=Path, help="keep uploaded repositories here")
    chosen = parser.parse_args(arguments)
    app = create_app(chosen.root, chosen.owner, chosen.log, chosen.uploads)
    uvicorn.run(app, host=HOST, port=chosen.port, log_level="warning")


if __name__ == "__main__":
    main()
