"""A real server before another one: it hands requests on, and refuses those that a test picks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

_OF_ONE_CONNECTION = frozenset(
    {
        "connection", "content-encoding", "content-length", "date", "host", "server",
        "transfer-encoding",
    }
)  # fmt: skip

Refuses = Callable[[str, bytes], bool]
Rewrites = Callable[[bytes], bytes]


def nothing(path: str, body: bytes) -> bool:
    return False


def as_it_came(content: bytes) -> bytes:
    return content


@dataclass
class Relay:
    """A running relay.

    Attributes:
        url: where it listens.
        refuses: which requests it answers with 503, by their path and body.
        rewrites: what it makes of an answer's content.
    """

    url: str
    refuses: Refuses = nothing
    rewrites: Rewrites = as_it_came


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def relaying(target: str) -> Iterator[Relay]:
    """Run a relay before the server at `target` for the length of a block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if relay.refuses(self.path, body):
                self._send(503, {}, b"{}")
                return
            asked = {k: v for k, v in self.headers.items() if k.lower() not in _OF_ONE_CONNECTION}
            told = client.request(self.command, target + self.path, headers=asked, content=body)
            kept = {k: v for k, v in told.headers.items() if k not in _OF_ONE_CONNECTION}
            self._send(told.status_code, kept, relay.rewrites(told.content))

        do_GET = do_POST = do_HEAD = answer  # noqa: N815 - the base class's own names

        def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value.replace(target, relay.url))
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with (
        httpx.Client(timeout=30, trust_env=False) as client,
        _Server(("127.0.0.1", 0), Handler) as server,
    ):
        relay = Relay(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()
