"""A real HTTP server that speaks chat completions and fails on demand.

Every request has a script, found by the text of its last message: the faults that its sendings meet
one after the other. When the script is used up, the request is answered. Payments are booked when
the answer is made, before it leaves, and an `Idempotency-Key` that was paid is not paid again.
"""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROMPT_TOKENS = 100
CACHED_TOKENS = 40
COMPLETION_TOKENS = 10


@dataclass
class FaultyLlm:
    """The server's script and its own batch_ledger.

    Attributes:
        received: requests by text, answered or not.
        paid: by text, the number of times that the answer was charged.
        latency: seconds that each answer takes.
        headers: that go with each answer.
        refuses: parameters that are not taken, among them the types of `response_format`.
        refusals: how often each of them was refused.
        thoughts: tokens that the model thinks with, whatever it is asked.
        models: that are listed beside the usual one.
        header_names: names of the headers that came with the last request.
    """

    url: str = ""
    scripts: dict[str, list[str]] = field(default_factory=dict)
    always: str | None = None
    latency: float = 0.0
    honours_keys: bool = True
    received: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, Any] = field(default_factory=dict)
    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    headers: dict[str, str] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)
    thoughts: int = 0
    models: list[dict[str, Any]] = field(default_factory=list)
    header_names: set[str] = field(default_factory=set)
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def next_fault(self, text: str) -> str | None:
        with self.lock:
            self.received[text] += 1
            self.times[text].append(time.monotonic())
            script = self.scripts.get(text)
            return script.pop(0) if script else self.always

    def pay(self, text: str, key: str | None, answer: Any = None) -> dict[str, Any]:
        with self.lock:
            if self.honours_keys and key in self.answers:
                return self.answers[key]
            self.paid[text] += 1
            answer = answer or completion(f"answer to {text}")
            if self.thoughts and answer["usage"]:
                answer["usage"]["completion_tokens_details"] = {"reasoning_tokens": self.thoughts}
            if key:
                self.answers[key] = answer
            return answer


def refused_parameter(body: dict[str, Any], refuses: set[str]) -> str | None:
    """Give the first of the body's parameters that is not taken."""
    form = body.get("response_format") or {}
    sent = [*body, form.get("type", ""), *form.get("json_schema", {})]
    return next((name for name in sent if name in refuses), None)


def completion(content: str | None, **parts: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, "refusal": None},
            }
        ],
        "usage": {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": COMPLETION_TOKENS,
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
            "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
        },
        **parts,
    }


def odd_answer(fault: str, text: str) -> dict[str, Any] | None:
    """Give an answer that is charged like any other."""
    if fault == "huge":
        return completion("x" * 5_000_000)
    if fault == "null content":
        return completion(None)
    if fault == "null usage":
        return completion(f"answer to {text}", usage=None)
    if fault in ("length", "refusal"):
        answer = completion("half of an ans" if fault == "length" else None)
        choice = answer["choices"][0]
        if fault == "length":
            choice["finish_reason"] = "length"
        else:
            choice["message"]["refusal"] = "I cannot help with that."
        return answer
    return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    llm: FaultyLlm

    def do_GET(self) -> None:
        fault = self.llm.next_fault("models")
        if fault is None:
            data = [{"id": "gpt-4o-mini", "object": "model"}, *self.llm.models]
            self._json(200, {"object": "list", "data": data})
        else:
            self._refuse_or_garble(fault)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = body["messages"][-1]["content"]
        self.llm.bodies[text] = body
        self.llm.header_names = {name.lower() for name in self.headers}
        with self.llm.lock:
            self.llm.in_flight += 1
            self.llm.most_in_flight = max(self.llm.most_in_flight, self.llm.in_flight)
        try:
            self._meet(self.llm.next_fault(text), text)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.llm.lock:
                self.llm.in_flight -= 1

    def _meet(self, fault: str | None, text: str) -> None:
        key = self.headers.get("idempotency-key")
        name = refused_parameter(self.llm.bodies[text], self.llm.refuses)
        if fault is None and name is not None:
            self._refuse_parameter(name)
            return
        if fault is None:
            answer = self.llm.pay(text, key)
            time.sleep(self.llm.latency)
            self._json(200, answer, self.llm.headers)
        elif fault == "lost":
            self.llm.pay(text, key)
            self.close_connection = True
        elif fault == "cut":
            self._send(200, json.dumps(self.llm.pay(text, key)).encode(), announce=9999)
            self.close_connection = True
        elif fault == "timeout":
            self.llm.pay(text, key)
            time.sleep(2)
            self.close_connection = True
        elif (answer := odd_answer(fault, text)) is not None:
            self._json(200, self.llm.pay(text, key, answer))
        else:
            self._refuse_or_garble(fault)

    def _refuse_parameter(self, name: str) -> None:
        with self.llm.lock:
            self.llm.refusals[name] += 1
        param = "response_format" if name.startswith("json_") else name
        words = f"Unsupported parameter: '{name}' is not supported with this model."
        error = {"message": words, "code": "unsupported_parameter", "param": param}
        self._json(400, {"error": error})

    def _refuse_or_garble(self, fault: str) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        statuses: dict[str, tuple[int, dict[str, str]]] = {
            "429": (429, {}),
            "429 seconds": (429, {"retry-after": "1"}),
            "429 date": (429, {"retry-after": date}),
            "429 for an hour": (429, {"retry-after": "3600"}),
        }
        if fault in statuses:
            status, headers = statuses[fault]
            self._json(status, {"error": {"message": "slow down"}}, headers)
        elif fault == "quota":
            error = {"message": "you exceeded your quota", "code": "insufficient_quota"}
            self._json(429, {"error": error})
        elif fault == "html":
            self._send(200, b"<html>welcome to the proxy</html>", kind="text/html")
        elif fault == "not json":
            self._send(200, b'{"choices": [')
        elif fault[3:4] == " " and fault[4] in "{[":
            self._send(int(fault[:3]), fault[4:].encode())
        elif fault == "no choices":
            self._json(200, completion("x", choices=[]))
        elif fault == "unstorable":
            self._json(200, completion("a\x00b\ud800c"))
        else:
            self._json(int(fault), {"error": {"message": f"status {fault}"}})

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), headers=headers)

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        announce: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(announce or len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serve() -> Iterator[FaultyLlm]:
    """Run the server on a free port of the loopback address for the length of a block."""
    llm = FaultyLlm()
    handler = type("Handler", (_Handler,), {"llm": llm})
    server = _Server(("127.0.0.1", 0), handler)
    llm.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield llm
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
