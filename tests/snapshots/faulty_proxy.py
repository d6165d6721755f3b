"""A proxy in front of a Hub that fails on demand."""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

HANGING = 3.0
"""Seconds for which the proxy keeps silent."""


class Faults:
    """What the proxy in front of the Hub does instead of passing a request on."""

    def __init__(self) -> None:
        self.rules: list[list[Any]] = []
        self.seen: list[str] = []
        self.rate, self.random = 0.0, Random(0)
        """The share of requests that fail by chance."""

    def add(self, method: str, part: str, what: str, times: int = 1) -> None:
        self.rules.append([method, part, what, times])

    def take(self, method: str, path: str) -> str | None:
        self.seen.append(f"{method} {path.partition('?')[0]}")
        for rule in self.rules:
            if rule[0] == method and rule[1] in path and rule[3]:
                rule[3] -= 1
                return str(rule[2])
        if self.random.random() < self.rate:
            return self.random.choice(["500", "503", "429", "drop", "lose-answer"])
        return None


def proxy(hub: str, faults: Faults, port: int = 0) -> ThreadingHTTPServer:
    """Stand in front of the Hub: statuses, lost requests and lost answers on demand."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fault = faults.take(self.command, self.path)
            if fault is not None and fault.isdigit():
                self.reply(int(fault), {"Retry-After": "0"}, b"{}")
                return
            time.sleep(HANGING if fault == "hang" else 0)
            self.close_connection = fault in ("drop", "hang", "lose-answer")
            if fault in ("drop", "hang"):
                return
            status, headers, content = forwarded(hub, self, body)
            if fault == "lose-answer":
                return
            self.reply(status, headers, b"X" * len(content) if fault == "spoil" else content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815 - the base class's own names

        def reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            told = headers.get("content-length", "0") if self.command == "HEAD" else len(content)
            self.send_header("Content-Length", str(told))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Stay silent."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def forwarded(hub: str, handler: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Pass a request on; where the answer tells the Hub's own address it tells the proxy's."""
    status, headers, content = asked(hub, handler, body)
    own = f"http://{handler.headers['host']}"
    told = {name: value.replace(hub, own) for name, value in headers.items()}
    return status, told, content.replace(hub.encode(), own.encode())


def asked(hub: str, handler: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
    request = Request(hub + handler.path, body or None, headers, method=handler.command)
    try:
        with urlopen(request, timeout=20) as answer:
            return answer.status, {**answer.headers}, answer.read()
    except HTTPError as error:
        return error.code, dict(error.headers), error.read()
