"""Tables as PostgreSQL's own copies, packed: all of one snapshot out, all or none of them in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard
from psycopg import sql
from sqlalchemy import Connection, Engine, MetaData, Table, func, select, text

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, WrongSchema, not_allowed
from dynosaur_etl.store.database import (
    SchemaState,
    known_migrations,
    migrate,
    migrating,
    newest_migration,
    schema,
    upgrade,
)

_BLOCK = 1 << 20
_OF_ALEMBIC = "alembic_version"

Fill = Callable[[str, list[str], Any, int], None]
"""Fills a table: its name, its columns, its packed copy, and how many rows there must be."""


@dataclass(frozen=True)
class Unloaded:
    """A table on its way out; `write` writes its packed copy to a local file."""

    name: str
    columns: list[str]
    rows: int
    write: Callable[[Path], int]


def stored_migration(connection: Connection) -> str:
    """Return the migration that the tables of a connection's snapshot stand at."""
    return str(connection.scalar(text("select version_num from alembic_version")))


def unload_tables(connection: Connection) -> Iterator[Unloaded]:
    """Yield every table of the database, those that others refer to first."""
    for table in _tables(connection):
        columns = [column.name for column in table.columns if column.computed is None]
        rows = connection.scalar(select(func.count()).select_from(table)) or 0
        yield Unloaded(table.name, columns, rows, _writer(connection, table.name, columns))


@contextmanager
def load_tables(engine: Engine, migration: str) -> Iterator[Fill]:
    """Make the tables of a migration, give the way to fill them, and bring them up to date.

    All is one transaction, but for the last step, which leaves the tables of the migration where it
    fails.

    Raises:
        WrongSchema: the migration is of a newer version of the product.
        InvalidInput: the database holds rows, or tables of another migration.
    """
    found = schema(engine)
    if migration not in known_migrations():
        raise WrongSchema(
            f"the backup is at migration {migration}, which this version of the product does not"
            f" know (its newest is {newest_migration()})",
            "recover it with the version that made it",
        )
    with migrating(engine) as connection:
        if found.state == SchemaState.EMPTY:
            migrate(connection, migration)
        elif found.database != migration or _holds_rows(connection):
            received = f"one at migration {found.database}"
            raise InvalidInput(not_allowed("database to recover into", received, "an empty one"))

        def fill(table: str, columns: list[str], copy: Any, rows: int) -> None:
            _read(connection, table, columns, copy)
            name = sql.Identifier(table).as_string(None)
            there = connection.scalar(text(f"select count(*) from {name}"))  # noqa: S608
            if there != rows:
                raise Corrupt(f"table {table}: found {there} rows; the backup has {rows}")

        yield fill
    upgrade(engine)


def _tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _OF_ALEMBIC]


def _holds_rows(connection: Connection) -> bool:
    return any(connection.scalar(select(select(table).exists())) for table in _tables(connection))


def _writer(connection: Connection, table: str, columns: list[str]) -> Callable[[Path], int]:
    def write(local: Path) -> int:
        packer = zstandard.ZstdCompressor(level=3)
        with (
            _cursor(connection) as cursor,
            local.open("wb") as file,
            packer.stream_writer(file) as packed,
            cursor.copy(_statement("copy {} ({}) to stdout", table, columns)) as copy,
        ):
            for block in copy:
                packed.write(bytes(block))
        return 0

    return write


def _read(connection: Connection, table: str, columns: list[str], packed: Any) -> None:
    plain = zstandard.ZstdDecompressor().stream_reader(packed)
    statement = _statement("copy {} ({}) from stdin", table, columns)
    with _cursor(connection) as cursor, cursor.copy(statement) as copy:
        while block := plain.read(_BLOCK):
            copy.write(block)


def _statement(words: str, table: str, columns: list[str]) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL(words).format(sql.Identifier(table), names)


def _cursor(connection: Connection) -> Any:
    driver: Any = connection.connection.driver_connection
    return driver.cursor()
