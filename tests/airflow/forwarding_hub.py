"""A server that hands requests on to a Hub, keeps their credentials, and fails where told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

_OF_ONE_CONNECTION = frozenset(
    [
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "host",
        "server",
        "transfer-encoding",
    ]
)


@dataclass
class ForwardingHub:
    """Where it listens, and the values of the header `Authorization` that it has seen.

    Attributes:
        broken: datasets whose requests are answered with 503.
    """

    url: str
    credentials: set[str | None] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)


@contextmanager
def forwarding_hub(target: str) -> Iterator[ForwardingHub]:
    """Run a server before the Hub at `target` for the length of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.credentials.add(self.headers.get("Authorization"))
            if any(name in self.path for name in found.broken):
                self.send_error(503)
                return
            asked = {k: v for k, v in self.headers.items() if k.lower() not in _OF_ONE_CONNECTION}
            answer = httpx.get(target + self.path, headers=asked, timeout=30)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in _OF_ONE_CONNECTION:
                    self.send_header(name, value.replace(target, found.url))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = ForwardingHub(f"http://127.0.0.1:{server.server_address[1]}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()
