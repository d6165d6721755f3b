"""Serving a folder's pages on loopback until somebody ends it."""

import secrets
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.views.folder_view import FolderView
from dynosaur_etl.pages.folder import folder_app
from dynosaur_etl.pages.guard import Guard

LOOPBACK = "127.0.0.1"
_TOKEN_BYTES = 32
_END_SECONDS = 2


def serve_folder(path: Path, port: int, tell: Callable[[str, FolderView], None]) -> None:
    """Serve a folder's pages until SIGINT or SIGTERM.

    Args:
        path: of the folder of a version.
        port: of loopback; 0 takes any that is free.
        tell: is told the address, with its token, and what it shows, before the first request.

    Raises:
        InvalidInput: it is no folder of a version, or the port is in use.
        Corrupt: its manifest cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="dynosaur-view-") as index, _bound(port) as listening:
        view = FolderView(path, Path(index))
        token, at = secrets.token_urlsafe(_TOKEN_BYTES), listening.getsockname()[1]
        config = uvicorn.Config(
            folder_app(view, Guard(token, at)),
            log_level="warning", access_log=False, lifespan="off", server_header=False,
            timeout_graceful_shutdown=_END_SECONDS,
        )  # fmt: skip
        with suppress(KeyboardInterrupt):
            tell(f"http://{LOOPBACK}:{at}/?token={token}", view)
            uvicorn.Server(config).run(sockets=[listening])


def _bound(port: int) -> socket.socket:
    """Return a socket that listens, so that a request finds it once the address is told."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError as error:
        listening.close()
        allowed = "a free port, or 0 for any that is free"
        raise InvalidInput(not_allowed("port", f"{port} ({error.strerror})", allowed)) from error
    listening.listen()
    return listening
