"""The way into the product's database: engine, transactions, migrations, locks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import Error as DriverError
from psycopg import InterfaceError as DriverInterfaceError
from psycopg import OperationalError as DriverOperationalError
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    ResourceClosedError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import Busy, StoreUnavailable
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.durable import settle
from dynosaur_etl.store.embedded import embedded_url

MIGRATIONS = Path(__file__).parent / "migrations"
_LINK = re.compile(r"^(down_)?revision = ['\"](\w+)['\"]$", re.MULTILINE)
EMBEDDED_FOLDER = "postgres"
EMBEDDED_DATABASE = "dynosaur"


def database_url(settings: Settings) -> str:
    """Return the URL in force; the embedded server is started for it if none is set."""
    if settings.database_url:
        return settings.database_url
    return embedded_url(settings.home / EMBEDDED_FOLDER, EMBEDDED_DATABASE)


def connect(url: str) -> Engine:
    """Open the database, and prove that it answers.

    Raises:
        StoreUnavailable: no server, no such database, or no permission.
    """
    engine = create_engine(
        url, pool_pre_ping=True, pool_size=5, connect_args={"connect_timeout": 10}
    )
    with wrapped_errors(engine), engine.connect() as connection:
        connection.execute(text("select 1"))
    return engine


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest migration, from empty or from any older one.

    Where they are there already, one query tells, and the migrations are not loaded.
    """
    if _stored_version(engine) == newest_migration():
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with locked(engine, "migrations"), engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_migration() -> str:
    """Return the migration that no other one follows; none is loaded."""
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    links = [link for file in files for link in _LINK.findall(file.read_text())]
    [newest] = {number for _, number in links} - {number for after, number in links if after}
    return str(newest)


def _stored_version(engine: Engine) -> str | None:
    with wrapped_errors(engine), engine.connect() as connection:
        there = connection.scalar(text("select to_regclass('alembic_version')"))
        if there is None:
            return None
        found = connection.execute(text("select version_num from alembic_version")).scalars().all()
    return found[0] if len(found) == 1 else None


def schema_version(engine: Engine) -> str | None:
    """Return the migration that the database stands at; None where it is empty."""
    from alembic.migration import MigrationContext

    with wrapped_errors(engine), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def schema_versions() -> list[str]:
    """Return all migrations that this version of the product knows, the newest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    return [script.revision for script in scripts]


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Open a session that commits at the end of the block, or leaves nothing behind.

    Files that its rows may name are on the disk before it commits.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    with wrapped_errors(engine), Session(engine) as session, session.begin():
        yield session
        settle()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session that cannot write; what was loaded stays readable after the block.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with wrapped_errors(engine), Session(engine, expire_on_commit=False) as session:
        session.execute(text("set transaction read only"))
        yield session


@contextmanager
def locked(engine: Engine, *name: str, wait: bool = True) -> Iterator[None]:
    """Hold a lock of that name across all processes; a process that dies frees it.

    Raises:
        Busy: another process holds it and `wait` is false.
    """
    number = lock_number(*name)
    with wrapped_errors(engine), engine.connect() as connection:
        _acquire(connection, number, name, wait)
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock(:n)"), {"n": number})
            connection.commit()


def lock_number(*name: str) -> int:
    """Return the signed 64-bit number that stands for a lock's name."""
    return int.from_bytes(bytes.fromhex(digest("lock", *name))[:8], signed=True)


def _acquire(connection: Connection, number: int, name: tuple[str, ...], wait: bool) -> None:
    if wait:
        connection.execute(text("select pg_advisory_lock(:n)"), {"n": number})
    elif not connection.execute(text("select pg_try_advisory_lock(:n)"), {"n": number}).scalar():
        raise Busy(f"{' '.join(name)}: another process is at it; try again when it has ended")
    connection.commit()  # the lock belongs to the connection; no transaction stays open for it


@contextmanager
def wrapped_errors(engine: Engine) -> Iterator[None]:
    """Turn the driver's own errors of a database that does not serve into ours."""
    try:
        yield
    except (SQLAlchemyError, DriverError) as error:
        why = outage_words(error)
        if why is None:
            raise
        where = engine.url.render_as_string(hide_password=True)
        raise StoreUnavailable(f"database {where}: {why}") from error


def outage_words(error: Exception) -> str | None:
    """Return why the database does not serve, as an error tells; None where it is another error."""
    if isinstance(error, OperationalError):
        return _first_line(error.orig)
    if isinstance(error, DriverOperationalError):
        return _first_line(error)
    if isinstance(error, PoolExhausted):
        return "every connection is in use"
    lost = InterfaceError | PendingRollbackError | ResourceClosedError | DriverInterfaceError
    if isinstance(error, lost) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return "the connection was lost"
    return None


def _first_line(error: BaseException | None) -> str:
    words = str(error or "").strip()
    return words.splitlines()[0] if words else "no answer"
