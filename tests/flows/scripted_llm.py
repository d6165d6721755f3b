"""A real HTTP server that speaks chat completions, and says what a test's function tells it to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
Answer = dict[str, Any]
"""`content`, and if the test wants them `refusal`, `finish_reason`, `usage` (None), and `first`.

The latter is what the first sending of the request meets in place of the answer: a status, `html`,
`wait` (429 with a Retry-After), a JSON object with status 200, or, once the answer is paid,
`lost` or `timeout`.
"""
TIMEOUT = 4


@dataclass
class ScriptedLlm:
    """The server's address, and what it received and charged.

    An answer is charged once under its `Idempotency-Key`, whatever it is sent for again.

    Attributes:
        bodies: of what was charged.
        untold: charges that the server did not tell.
        faults: sendings that got no answer.
    """

    answer: Callable[[Body], Answer]
    url: str = ""
    bodies: list[Body] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    untold: int = 0
    faults: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    paid: dict[str, dict[str, Any]] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    def first_fault(self, body: Body, key: str) -> int | str | None:
        with self.lock:
            fault: int | str | None = None if key in self.met else self.answer(body).get("first")
            self.met.add(key)
            self.faults += fault is not None
        return fault

    def complete(self, body: Body, key: str) -> dict[str, Any]:
        with self.lock:
            if key not in self.paid:
                self.paid[key] = self._charge(body)
            return self.paid[key]

    def _charge(self, body: Body) -> dict[str, Any]:
        said = self.answer(body)
        prompt, completion = len(json.dumps(body)) // 4, len(str(said.get("content"))) // 4
        usage: dict[str, int] | None = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        self.bodies.append(body)
        if said.get("usage", usage) is None:
            usage, self.untold = None, self.untold + 1
        else:
            self.prompt_tokens += prompt
            self.completion_tokens += completion
        message = {"role": "assistant", "content": said.get("content")}
        message["refusal"] = said.get("refusal")
        reason = said.get("finish_reason", "stop")
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": reason, "message": message}],
            "usage": usage,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    llm: ScriptedLlm

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers["idempotency-key"]
        fault = self.llm.first_fault(body, key)
        if fault in ("lost", "timeout"):
            self.llm.complete(body, key)
            time.sleep(TIMEOUT + 1 if fault == "timeout" else 0)
            self.close_connection = True
        elif fault == "html":
            self._send(200, b"<html>welcome to the proxy</html>")
        elif isinstance(fault, str) and fault.startswith("{"):
            self._send(200, fault.encode())
        elif fault == "wait":
            self._send(429, b"{}", {"retry-after": "1"})
        elif fault is not None:
            self._send(int(fault), b"{}")
        else:
            self._send(200, json.dumps(self.llm.complete(body, key)).encode())

    def _send(self, status: int, answer: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def scripted_llm(answer: Callable[[Body], Answer]) -> Iterator[ScriptedLlm]:
    """Run the server on a free port of the loopback address for the length of a block."""
    llm = ScriptedLlm(answer)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"llm": llm}))
    llm.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield llm
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fenced(body: Body) -> dict[str, Any]:
    """The data of a request: the JSON object between the last fence lines."""
    data: dict[str, Any] = json.loads(_split(body)[1])
    return data


def outside_the_fence(body: Body) -> str:
    """Everything of a request that an LLM would take for instructions."""
    before, _, after = _split(body)
    system = [message["content"] for message in body["messages"] if message["role"] != "user"]
    return "\n".join([*system, before, after])


def _split(body: Body) -> tuple[str, str, str]:
    [user] = [message["content"] for message in body["messages"] if message["role"] == "user"]
    before, _, rest = user.rpartition("\n<dataset>\n")
    data, _, after = rest.partition("\n</dataset>\n")
    return before, data, after
