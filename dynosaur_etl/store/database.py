"""The way into the product's database: engine, transactions, migrations, locks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from psycopg import Error as DriverError
from psycopg import InterfaceError as DriverInterfaceError
from psycopg import OperationalError as DriverOperationalError
from sqlalchemy import Connection, Engine, create_engine, event, text
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

from dynosaur_etl.domain.errors import Busy, StoreUnavailable, WrongSchema
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.durable import settle
from dynosaur_etl.store.embedded import embedded_url

MIGRATIONS = Path(__file__).parent / "migrations"
_LINK = re.compile(r"^(down_)?revision = ['\"](\w+)['\"]$", re.MULTILINE)
_TRY_LOCK = text("select pg_try_advisory_xact_lock(:n)")
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
    # a pooler may run a prepared statement on a connection that does not know it
    options = {"connect_timeout": 10, "prepare_threshold": None}
    engine = create_engine(url, pool_pre_ping=True, pool_size=5, connect_args=options)
    with wrapped_errors(engine), engine.connect() as connection:
        connection.execute(text("select 1"))
    return engine


class SchemaState(StrEnum):
    """How the tables of a database stand to the migrations of this version of the product."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Schema:
    """The migration that a database stands at, None where it is empty, and the product's newest."""

    database: str | None
    product: str
    state: SchemaState

    def refusal(self) -> WrongSchema:
        """Return the error for whoever needs the newest tables, with what to do."""
        if self.state == SchemaState.UNKNOWN:
            return WrongSchema(
                f"the database is at migration {self.database}, which this version of the product"
                f" does not know (its newest is {self.product}): a newer version has migrated it,"
                " or it is another program's",
                "install that version, or set DYNOSAUR_DATABASE_URL to the product's own database",
            )
        standing = "empty" if self.database is None else f"at migration {self.database}"
        return WrongSchema(
            f"the database is {standing}, and this version of the product needs {self.product}",
            "run `dynosaur db upgrade` once, when no task of the version before is running",
        )


def schema(engine: Engine) -> Schema:
    """Look at how the tables stand to this version; no migration is loaded, nothing changes.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    stored, newest, known = _stored_version(engine), newest_migration(), _migrations().keys()
    if stored is None:
        return Schema(None, newest, SchemaState.EMPTY)
    if stored == newest:
        return Schema(stored, newest, SchemaState.CURRENT)
    return Schema(stored, newest, SchemaState.OLDER if stored in known else SchemaState.UNKNOWN)


def ensure_known(engine: Engine) -> None:
    """Refuse tables that this version does not know.

    Raises:
        WrongSchema: they are of a newer version, or of another program.
        StoreUnavailable: the database does not answer.
    """
    found = schema(engine)
    if found.state == SchemaState.UNKNOWN:
        raise found.refusal()


def prepare(engine: Engine) -> None:
    """Make the tables where there are none; tables that are there must be this version's.

    Raises:
        WrongSchema: they are of an older or a newer version, and are left as they are.
        StoreUnavailable: the database does not answer.
    """
    found = schema(engine)
    if found.state == SchemaState.EMPTY:
        upgrade(engine)
    elif found.state != SchemaState.CURRENT:
        raise found.refusal()


def upgrade(engine: Engine) -> None:
    """Bring the tables to the newest migration, from empty or from any older one, all or nothing.

    Where they are there already, one query tells, and the migrations are not loaded.

    Raises:
        WrongSchema: the tables are of a newer version of the product, or of another program.
        StoreUnavailable: the database does not answer.
    """
    found = schema(engine)
    if found.state == SchemaState.CURRENT:
        return
    if found.state == SchemaState.UNKNOWN:
        raise found.refusal()
    with migrating(engine) as connection:
        migrate(connection, "head")


def migrate(connection: Connection, revision: str) -> None:
    """Bring the tables forward to a migration, within the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def known_migrations() -> frozenset[str]:
    """Return the migrations that this version of the product knows; none is loaded."""
    return frozenset(_migrations())


def newest_migration() -> str:
    """Return the migration that no other one follows; none is loaded."""
    links = _migrations()
    [newest] = links.keys() - links.values()
    return str(newest)


def _migrations() -> dict[str, str]:
    """Read which migration follows which from the files; the first follows the empty name."""
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    links = [dict(_LINK.findall(file.read_text())) for file in files]
    return {link[""]: link.get("down_", "") for link in links}


def _stored_version(engine: Engine) -> str | None:
    with wrapped_errors(engine), engine.connect() as connection:
        there = connection.scalar(text("select to_regclass('alembic_version')"))
        if there is None:
            return None
        found = connection.execute(text("select version_num from alembic_version")).scalars().all()
    return ", ".join(sorted(found)) or None


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
def one_moment(engine: Engine) -> Iterator[Connection]:
    """Open a connection that reads everything as it is at one moment, and cannot write.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with wrapped_errors(engine), engine.connect() as plain:
        connection = plain.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            connection.execute(text("set transaction read only"))
            yield connection


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Open a connection that may change tables: one at a time, all or nothing.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with wrapped_errors(engine), engine.begin() as connection:
        hold_lock(connection, "migrations")
        yield connection


def only_read(engine: Engine, seconds: int) -> None:
    """Let the engine's transactions from now on read alone, each statement for so long at most.

    Each transaction is told so: what a session is told at its start, a pooler may not pass on.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    words = f"set transaction read only; set local statement_timeout = {seconds * 1000}"
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(words))
    with wrapped_errors(engine), engine.connect() as connection:
        connection.execute(text("select 1"))


@contextmanager
def locked(engine: Engine, *name: str, wait: bool = True) -> Iterator[None]:
    """Hold a lock of that name across all processes; a process that dies frees it.

    It belongs to a transaction that stays open, and does nothing else: a pooler between here and
    the server may hand a session's connection to others, but not a transaction's.

    Raises:
        Busy: another process holds it and `wait` is false.
    """
    with wrapped_errors(engine), engine.begin() as connection:
        stay_open(connection)
        if wait:
            hold_lock(connection, *name)
        elif not connection.scalar(_TRY_LOCK, {"n": lock_number(*name)}):
            raise Busy(f"{' '.join(name)}: another process is at it; try again when it has ended")
        yield


def stay_open(connection: Connection) -> None:
    """Let the connection's transaction be idle for as long as it lasts."""
    connection.execute(text("set local idle_in_transaction_session_timeout = 0"))


def lock_number(*name: str) -> int:
    """Return the signed 64-bit number that stands for a lock's name."""
    return int.from_bytes(bytes.fromhex(digest("lock", *name))[:8], signed=True)


def hold_lock(connection: Connection, *name: str) -> None:
    """Wait for the lock of that name, and hold it until the connection's transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(:n)"), {"n": lock_number(*name)})


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


def is_of_the_database(error: Exception) -> bool:
    """Return whether the database raised an error, whatever of; it is never one item's fault."""
    return isinstance(error, SQLAlchemyError)


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
