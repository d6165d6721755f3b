"""A server of chat completions that answers each after a latency, and does nothing else.

Usage: python -m benchmarks.llm_server_child PORT LATENCY_SECONDS
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

TASK = {
    "instruction": "Read the note and tell the mood in which it was written.",
    "input_fields": ["note"],
    "output_field": "mood",
}
MESSAGE = {"role": "assistant", "content": json.dumps({"tasks": [TASK] * 3}), "refusal": None}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 0,
    "model": "gpt-6-luna",
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": MESSAGE}],
    "service_tier": "default",
    "usage": {
        "prompt_tokens": 500,
        "completion_tokens": 100,
        "total_tokens": 600,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}


class Server:
    """Counts the completions; `GET /v1/count` gives their number and starts anew."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.count = 0
        self.body = json.dumps(COMPLETION).encode()

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        body = self.body
        if scope["method"] == "GET":
            body, self.count = str(self.count).encode(), 0
        else:
            self.count += 1
            await asyncio.sleep(self.latency)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    app: Any = Server(float(sys.argv[2]))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", lifespan="off")
