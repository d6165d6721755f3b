"""Sends one request once, over the official client with its own retries off."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
import httpx2
import openai

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.ledger import AttemptOutcome
from dynosaur_etl.domain.rate_limit import ReportedLimits, limited_tokens
from dynosaur_etl.llm.completion import MAX_BODY_BYTES, read_completion
from dynosaur_etl.llm.error_body import ServerError
from dynosaur_etl.llm.failures import (
    RequestRefused,
    TryAgain,
    read_failure,
    read_reported,
)
from dynosaur_etl.llm.permit import Permit
from dynosaur_etl.net.headers import asked_wait, read_reported_limits

NO_KEY = "no-key"
"""The client insists on a key; servers on one's own machine want none."""

UNSENT_HEADERS = (
    "X-Stainless-Arch",
    "X-Stainless-Async",
    "X-Stainless-Lang",
    "X-Stainless-OS",
    "X-Stainless-Package-Version",
    "X-Stainless-Read-Timeout",
    "X-Stainless-Retry-Count",
    "X-Stainless-Runtime",
    "X-Stainless-Runtime-Version",
)
"""What the client would say of this machine to any server; a tenth of a request's CPU time."""


@dataclass(frozen=True)
class Reply:
    """An answer, and what its headers report of the server's limits."""

    answer: Answer
    limits: ReportedLimits


_OMITTED = dict.fromkeys(UNSENT_HEADERS, openai.Omit())
_before_leaving: ContextVar[Callable[[], Awaitable[None]]] = ContextVar("before_leaving")


class _Client(openai.DefaultAioHttpClient):
    """Waits between making a request ready, which takes most of the CPU time, and sending it."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        await _before_leaving.get()()
        return await super().send(request, **options)


class Sender:
    """Connections to one server, open for the length of a block.

    The client speaks HTTP through aiohttp: with httpx2's own pool, which looks at every idle
    connection with every request, and its parser, a request takes half as much CPU time again.
    """

    def __init__(
        self, base_url: str, api_key: str, timeout: float, connections: int, tls: ssl.SSLContext
    ) -> None:
        self._timeout = timeout
        self._url = base_url.rstrip("/") + "/chat/completions"
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or NO_KEY,
            timeout=timeout,
            max_retries=0,
            http_client=_Client(limits=limits, timeout=timeout, verify=tls),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def send(self, request: ChatRequest, permit: Permit) -> Reply:
        """Send the request once, when the permit lets it, and read its answer.

        Raises:
            SendFailure: no answer; its kind says what to do about it.
            NotSent: the permit did not let it leave.
        """
        try:
            async with asyncio.timeout(None) as timer:

                async def leave() -> None:
                    await permit.acquire()
                    timer.reschedule(asyncio.get_running_loop().time() + self._timeout)

                _before_leaving.set(leave)
                body, headers = await self._receive(request)
        except (openai.APIError, httpx2.HTTPError, aiohttp.ClientError, TimeoutError) as error:
            raise read_failure(error) from error
        finally:
            permit.release()
        answer = read_completion(body, request.model)
        if isinstance(answer, ServerError):
            raise read_reported(answer, asked_wait(headers, datetime.now(UTC)))
        if answer is None:
            start = body[:80].decode("utf-8", "replace")
            message = f"HTTP 200, but the body is no chat completion: {start!r}"
            raise TryAgain(message, AttemptOutcome.LOST)
        return Reply(answer, read_reported_limits(headers, limited_tokens(request)))

    async def _receive(self, request: ChatRequest) -> tuple[bytes, Mapping[str, str]]:
        # `post` sends the body as it is; `chat.completions.create` would first walk through it
        stream = await self._client.post(
            self._url,  # whole: the client would put its parts together for every request
            cast_to=object,
            body=request.body(),
            options={
                # the key lets a server that honours it give a lost answer again without charging
                "headers": _OMITTED | {"Idempotency-Key": request.sent_key},
                "idempotency_key": request.sent_key,  # else the client draws one and drops it
            },
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        received = bytearray()
        try:
            async for chunk in stream.response.aiter_bytes():
                received += chunk
                if len(received) > MAX_BODY_BYTES:
                    message = f"the answer is larger than {MAX_BODY_BYTES} bytes"
                    raise RequestRefused(message, AttemptOutcome.LOST)
        finally:
            await stream.close()
        return bytes(received), stream.response.headers
