"""A server for the demo that speaks OpenAI's HTTP protocol and is no LLM.

It answers by rules from the names of a dataset's fields (see `demo.llm_rules`), so that the whole
system runs without a network, a key or a bill. It listens on the loopback address only.

    python -m demo.llm_server --port 8099 --log requests.jsonl --latency-ms 200 --as vllm
"""

import argparse
import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from demo.llm_batches import CREATED, ENDPOINT, Batch, BatchFaults, BatchRoom, StoredFile
from demo.llm_completion import MODEL, NOT_AN_LLM, ApiError, check_model, complete, hash_request
from demo.llm_dialects import DIALECTS, OPENAI, PARAMETERS, Dialect
from demo.llm_limits import RateLimits
from demo.llm_log import Entry, RequestLog

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]

LOOPBACK = "127.0.0.1"
MOST_LISTED = 100


def create_app(
    log: Path | None,
    latency: float = 0,
    faults: BatchFaults | None = None,
    limits: RateLimits | None = None,
    dialect: Dialect = OPENAI,
) -> Starlette:
    """The server as an ASGI application.

    Args:
        log: File of the request log, one JSON object a line; answers in it that were paid under an
            `Idempotency-Key` are replayed. None keeps them in memory.
        latency: Seconds that each chat completion takes.
        faults: What goes wrong with batches; nothing where it is left out.
        limits: Of chat completions; none where they are left out.
        dialect: Of the server that it behaves as.
    """
    room = faults or BatchFaults()
    server = DemoLlm(RequestLog(log), latency, room, limits or RateLimits(), dialect)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        server.log.close()

    return Starlette(
        routes=server.routes(),
        lifespan=lifespan,
        exception_handlers={ApiError: server.answer_error, HTTPException: server.answer_error},
    )


class DemoLlm:
    """The endpoints, over one request log and one room of batches."""

    def __init__(
        self,
        log: RequestLog,
        latency: float,
        faults: BatchFaults,
        limits: RateLimits,
        dialect: Dialect,
    ) -> None:
        self.log = log
        self._dialect = dialect
        self._latency = latency
        self._limits = limits
        self._faults = faults
        self._room = BatchRoom(self._answer_batch_line, faults)
        self._batch_of_key: dict[str, str] = {}

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/v1/models", self.models),
            ("GET", "/v1/models/{model}", self.model),
            *(self._batch_routes() if self._dialect.takes_batches else ()),
        ]
        guarded = [Route(path, _for_key_holders(run), methods=[m]) for m, path, run in table]
        return [Route(ENDPOINT, self.chat, methods=["POST"]), *guarded]

    def _batch_routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", "/v1/files", self.upload),
            ("GET", "/v1/files/{id}", self.file),
            ("GET", "/v1/files/{id}/content", self.file_content),
            ("POST", "/v1/batches", self.create_batch),
            ("GET", "/v1/batches", self.batches),
            ("GET", "/v1/batches/{id}", self.batch),
            ("POST", "/v1/batches/{id}/cancel", self.cancel_batch),
        ]

    async def chat(self, request: Request) -> Response:
        """Pay, write down, and only then wait and answer: an answer lost on the way was paid."""
        body = _parse(await request.body())
        key = request.headers.get("idempotency-key")
        try:
            _check_key_holder(request)
            headers = self._limits.take(body)
        except ApiError as error:
            headers = error.headers
            status, answer = self._refuse(body, error, key=key)
        else:
            status, answer = self._pay(body, key)
        await asyncio.sleep(self._latency)
        return _response(answer, status, headers)

    def _pay(self, body: Any, key: str | None) -> tuple[int, Any]:
        earlier = self.log.paid_answer(key)
        if earlier is None:
            return self._answer(body, key=key)
        if earlier.request_hash != hash_request(body):
            text = f"The Idempotency-Key {key!r} was used before with another request."
            return self._refuse(body, ApiError(400, text, code="idempotency_key_reused"), key=key)
        self._record(body, earlier.answer, paid=False, key=key)
        return 200, earlier.answer

    def _answer(self, body: Any, **origin: str | None) -> tuple[int, Any]:
        try:
            self._dialect.check(body)
            answer = complete(self._dialect.understood(body))
        except ApiError as error:
            return self._refuse(body, error, **origin)
        given = self._dialect.answer(answer)
        self._record(body, given, paid=True, **origin)
        return 200, given

    def _answer_batch_line(self, batch_id: str, custom_id: str, body: Any) -> tuple[int, Any]:
        return self._answer(body, batch_id=batch_id, custom_id=custom_id)

    def _record(
        self,
        body: Json,
        answer: Json,
        *,
        paid: bool,
        key: str | None = None,
        batch_id: str | None = None,
        custom_id: str | None = None,
    ) -> None:
        usage = answer["usage"] or {}
        entry = Entry(
            path=ENDPOINT,
            request_hash=hash_request(body),
            model=body["model"],
            status=200,
            paid=paid,
            prompt_tokens=usage.get("prompt_tokens", 0),
            completion_tokens=usage.get("completion_tokens", 0),
            idempotency_key=key,
            batch_id=batch_id,
            custom_id=custom_id,
        )
        self.log.record(entry, answer)

    def _refuse(
        self,
        body: Any,
        error: ApiError,
        key: str | None = None,
        batch_id: str | None = None,
        custom_id: str | None = None,
    ) -> tuple[int, Any]:
        model = body.get("model") if isinstance(body, dict) else None
        entry = Entry(
            path=ENDPOINT,
            request_hash=hash_request(body),
            model=model if isinstance(model, str) else None,
            status=error.status,
            paid=False,
            idempotency_key=key,
            batch_id=batch_id,
            custom_id=custom_id,
        )
        self.log.record(entry)
        return error.status, self._dialect.error(error)

    async def answer_error(self, _: Request, error: Exception) -> Response:
        """Answer an error in the words of the server that this one behaves as."""
        if isinstance(error, HTTPException):
            error = ApiError(error.status_code, error.detail)
        if not isinstance(error, ApiError):
            raise error
        return _response(self._dialect.error(error), error.status)

    async def models(self, _: Request) -> Response:
        listed = _describe_model(self._dialect.list_prefix + MODEL)
        return JSONResponse({"object": "list", "data": [listed]})

    async def model(self, request: Request) -> Response:
        check_model(request.path_params["model"])
        return JSONResponse(_describe_model(request.path_params["model"]))

    async def upload(self, request: Request) -> Response:
        async with request.form() as form:
            upload, purpose = form.get("file"), form.get("purpose")
            if not isinstance(upload, UploadFile) or not isinstance(purpose, str):
                raise ApiError(400, "A file and its purpose are required.", param="file")
            stored = self._room.add_file(upload.filename or "", purpose, await upload.read())
        return JSONResponse(stored.describe())

    async def file(self, request: Request) -> Response:
        return JSONResponse(self._file(request.path_params["id"]).describe())

    async def file_content(self, request: Request) -> Response:
        stored = self._file(request.path_params["id"])
        if stored.purpose == "batch_output" and self._faults.absent_downloads:
            self._faults.absent_downloads -= 1
            raise ApiError(404, f"No such File object: {stored.id!r}", param="id")
        if stored.purpose == "batch_output" and self._faults.cut_downloads:
            self._faults.cut_downloads -= 1
            return StreamingResponse(_half(stored.content), headers=_length(stored.content))
        return Response(stored.content, media_type="application/octet-stream")

    def _file(self, file_id: object) -> StoredFile:
        found = self._room.file(file_id) if isinstance(file_id, str) else None
        if found is None:
            raise ApiError(404, f"No such File object: {file_id!r}", param="id")
        return found

    async def create_batch(self, request: Request) -> Response:
        """Create a batch; a second request under the same Idempotency-Key gets the same one."""
        body = _parse(await request.body())
        if not isinstance(body, dict) or body.get("endpoint") != ENDPOINT:
            raise ApiError(400, f"'endpoint' must be {ENDPOINT!r}.", param="endpoint")
        if self._faults.busy_submits:
            self._faults.busy_submits -= 1
            raise ApiError(429, "Too many batches at once.", code="rate_limit_exceeded")
        key = request.headers.get("idempotency-key")
        if key in self._batch_of_key and not self._faults.forgets_keys:
            known = next(b for b in self._room.batches() if b.id == self._batch_of_key[key])
            return JSONResponse(known.describe())
        source = self._file(body.get("input_file_id"))
        window = str(body.get("completion_window", "24h"))
        batch = self._room.create(source, window, body.get("metadata"))
        if key:
            self._batch_of_key[key] = batch.id
        if self._faults.lost_submits:
            self._faults.lost_submits -= 1
            raise ApiError(500, "The batch was made, but this answer is an error.")
        return JSONResponse(batch.describe())

    async def batches(self, request: Request) -> Response:
        """One page of the list: `limit` batches that are older than `after`."""
        found = self._room.batches(request.query_params.get("after"))
        limit = request.query_params.get("limit", "20")
        if not limit.isdigit() or not 1 <= int(limit) <= MOST_LISTED:
            raise ApiError(400, f"'limit' must be from 1 to {MOST_LISTED}.", param="limit")
        data = [batch.describe() for batch in found[: int(limit)]]
        has_more = len(found) > len(data)
        return JSONResponse({"object": "list", "data": data, "has_more": has_more})

    async def batch(self, request: Request) -> Response:
        batch = self._room.look(request.path_params["id"])
        if batch is not None and batch.status == "completed" and self._faults.unnamed_files:
            self._faults.unnamed_files -= 1
            batch = replace(batch, output_file_id=None, error_file_id=None)
        return _answer_batch(batch)

    async def cancel_batch(self, request: Request) -> Response:
        return _answer_batch(self._room.cancel(request.path_params["id"]))


def _answer_batch(batch: Batch | None) -> Response:
    if batch is None:
        raise ApiError(404, "No such Batch object.", param="id")
    return JSONResponse(batch.describe())


async def _half(content: bytes) -> AsyncIterator[bytes]:
    yield content[: len(content) // 2]
    raise ConnectionAbortedError("the connection breaks off, as it was asked to")


def _length(content: bytes) -> dict[str, str]:
    return {"content-length": str(len(content))}


def _describe_model(name: str) -> Json:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": NOT_AN_LLM}


def _parse(raw: bytes) -> Any:
    """The body's JSON; None where it is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _check_key_holder(request: Request) -> None:
    """Refuse a request without an API key; any key will do."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        text = "You did not provide an API key: send it as 'Authorization: Bearer KEY'."
        raise ApiError(401, text, code="invalid_api_key")


def _for_key_holders(handler: Handler) -> Handler:
    async def checked(request: Request) -> Response:
        _check_key_holder(request)
        return await handler(request)

    return checked


def _response(answer: Any, status: int, headers: dict[str, str] | None = None) -> Response:
    if isinstance(answer, str):
        return PlainTextResponse(answer, status, headers)
    return JSONResponse(answer, status, headers)


def main(arguments: list[str] | None = None) -> None:
    """Serve until the process is told to stop; port 0 takes a free port."""
    import uvicorn

    parser = argparse.ArgumentParser(description="Demo server with OpenAI's protocol; no LLM.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--latency-ms", type=int, default=0)
    parser.add_argument("--requests-per-minute", type=int)
    parser.add_argument("--tokens-per-minute", type=int)
    parser.add_argument("--as", dest="dialect", choices=sorted(DIALECTS), default="openai")
    parser.add_argument("--refuse", nargs="*", choices=PARAMETERS, default=[], metavar="PARAMETER")
    options = parser.parse_args(arguments)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, options.port))
    listener.listen(128)  # who reads the announcement can connect at once
    address = f"http://{LOOPBACK}:{listener.getsockname()[1]}/v1"
    sys.stderr.write(f"{MODEL} answers at {address}. It is NO LLM: it follows rules.\n")
    sys.stderr.flush()
    limits = RateLimits(options.requests_per_minute, options.tokens_per_minute)
    dialect = DIALECTS[options.dialect].refusing(options.refuse)
    app = create_app(options.log, options.latency_ms / 1000, limits=limits, dialect=dialect)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
