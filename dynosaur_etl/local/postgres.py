"""Looks after the embedded PostgreSQL beyond what its own start and stop do."""

import time
from pathlib import Path

import psutil

_LAST_WORKERS = 10.0


def postgres_runs(folder: Path) -> bool:
    """Tell whether a server runs over `folder`; looks only."""
    server = _server(folder)
    return server is not None and server.status() != psutil.STATUS_ZOMBIE


def clear_dead_postgres(folder: Path) -> None:
    """Take away the locks of a server that was killed but not collected by its parent.

    A zombie counts as alive for PostgreSQL, which then refuses to start again. The locks go once
    the server's last worker has ended, so that two servers never write to one folder.
    """
    server = _server(folder)
    if server is None or server.status() != psutil.STATUS_ZOMBIE:
        return
    end = time.monotonic() + _LAST_WORKERS
    while _works_in(folder):
        if time.monotonic() > end:
            return
        time.sleep(0.1)
    lines = _lock(folder).read_text().splitlines()
    port, socket_folder = lines[3:5]
    (Path(socket_folder) / f".s.PGSQL.{port}.lock").unlink(missing_ok=True)
    _lock(folder).unlink()


def _server(folder: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int(_lock(folder).read_text().splitlines()[0]))
        return process if process.name().startswith("postgres") else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _works_in(folder: Path) -> bool:
    wanted = str(folder.resolve())
    for process in psutil.process_iter(["name", "cwd", "status"]):
        told = process.info
        if told["cwd"] == wanted and told["status"] != psutil.STATUS_ZOMBIE:
            return True
    return False


def _lock(folder: Path) -> Path:
    return folder / "postmaster.pid"
