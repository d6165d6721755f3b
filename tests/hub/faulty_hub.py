"""A small real HTTP server whose answers are scripted, to be asked by the real clients."""

import contextlib
import json
import re
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

SHA = "a" * 40


@dataclass(frozen=True)
class Answer:
    """One answer; `cut` sends less than it promises, `hang` sends nothing until the end."""

    status: int = 200
    body: bytes = b"[]"
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    cut: int = 0
    hang: bool = False
    trickle: float = 0


@dataclass
class FaultyHub:
    """A running server; the answers of a path are given in turn, the last one for ever.

    Attributes:
        files: contents by path, at the revision `SHA` of any dataset.
        further: the same at other revisions, by sha.
        asked: the requests that came: path and headers.
        connections: that were opened.
        busiest: most answers that were on their way at the same time.
        patience: seconds after which a connection that says nothing is closed; None: never.
        quota: requests that are answered in a second, the rest refused; 0 sets no limit.
        token_quota: the same for requests with a token; 0: as without.
    """

    endpoint: str
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, bytes] = field(default_factory=dict)
    further: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    ignores_ranges: bool = False
    connections: int = 0
    running: int = 0
    busiest: int = 0
    patience: float | None = None
    quota: int = 0
    token_quota: int = 0
    counted_from: float = 0
    counted: int = 0
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def within_limits(self, answer: Answer, has_token: bool) -> Answer:
        """Tell the limits as the Hub does, and refuse what is over them."""
        quota = (has_token and self.token_quota) or self.quota
        with self.lock:
            now = time.monotonic()
            if now - self.counted_from >= 1:
                self.counted_from, self.counted = now, 0
            self.counted += 1
            left = max(quota - self.counted, 0)
            told = {
                "RateLimit": f'"api";r={left};t=1',
                "RateLimit-Policy": f'"fixed window";"api";q={quota};w=1',
            }
            if self.counted > quota:
                self.refused += 1
                return Answer(429, b"{}", told)
        return replace(answer, headers={**answer.headers, **told})

    @contextlib.contextmanager
    def on_its_way(self) -> Iterator[None]:
        """Count an answer that is on its way."""
        with self.lock:
            self.running += 1
            self.busiest = max(self.busiest, self.running)
        try:
            yield
        finally:
            with self.lock:
                self.running -= 1

    def next_answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        script = self.answers.get(path)
        if script:
            return script.pop(0) if len(script) > 1 else script[0]
        sha, _, name = path.partition("/resolve/")[2].partition("/")
        held = {SHA: self.files, **self.further}.get(sha, {})
        if name in held:
            return self._file(sha, held[name], headers.get("range", ""))
        missing = {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
        return Answer(404, b"{}", missing)

    def _file(self, sha: str, content: bytes, asked: str) -> Answer:
        headers = {"X-Repo-Commit": sha}
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", asked)
        if span is None or self.ignores_ranges:
            return Answer(200, content, headers, "application/octet-stream")
        start, stop = int(span[1]), min(int(span[2]) + 1, len(content))
        told = {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        return Answer(206, content[start:stop], told, "application/octet-stream")


class _Server(ThreadingHTTPServer):
    hub: FaultyHub


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.timeout = self.server.hub.patience
        super().setup()
        with self.server.hub.lock:
            self.server.hub.connections += 1

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.rfile.read(int(headers.get("content-length", 0)))
        hub = self.server.hub
        hub.asked.append((path, headers))
        answer = hub.next_answer(path, headers)
        if hub.quota:
            answer = hub.within_limits(answer, "authorization" in headers)
        if answer.hang:
            hub.ended.wait(30)
            self.close_connection = True
            return
        with contextlib.suppress(OSError):  # an impatient client is gone
            self._send(answer)

    do_POST = do_GET  # noqa: N815 - the base class dispatches by this name

    def _send(self, answer: Answer) -> None:
        body = answer.body[: len(answer.body) - answer.cut]
        with self.server.hub.on_its_way():
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if not self._trickle(body[:-1], answer.trickle):
                return
        self.wfile.write(body[-1:])  # with it the answer is there, and no longer on its way
        if answer.cut:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def _trickle(self, body: bytes, pause: float) -> bool:
        """Send a body, byte by byte where there is a pause; tell whether it was sent whole."""
        if not pause:
            self.wfile.write(body)
            return True
        for byte in body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.hub.ended.wait(pause):
                return False
        return True

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def faulty_hub() -> Iterator[FaultyHub]:
    """Run a server for the length of a block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = FaultyHub(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.hub
    finally:
        server.hub.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def listed(dataset_id: str, modified: str, **facts: object) -> dict[str, object]:
    """One entry of the Hub's list."""
    entry = {"id": dataset_id, "createdAt": "2023-01-01T00:00:00.000Z", "lastModified": modified}
    return {**entry, "sha": SHA, "tags": [], **facts}


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()
