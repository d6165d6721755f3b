"""A server that hands every request on to a Hub, and keeps with which credentials it came."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

_PASSED_ON = ("content-type", "link", "etag", "x-repo-commit", "x-error-code", "x-error-message")


@dataclass
class ForwardingHub:
    """Where it listens, and the values of the header `Authorization` that it has seen."""

    url: str
    credentials: set[str | None] = field(default_factory=set)


@contextmanager
def forwarding_hub(target: str) -> Iterator[ForwardingHub]:
    """Run a server before the Hub at `target` for the length of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.credentials.add(self.headers.get("Authorization"))
            headers = {"Authorization": self.headers.get("Authorization", "")}
            answer = httpx.get(target + self.path, headers=headers, timeout=30)
            self.send_response(answer.status_code)
            for name in _PASSED_ON:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name].replace(target, found.url))
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
