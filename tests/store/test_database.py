import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import Busy, StoreUnavailable
from dynosaur_etl.store.database import (
    connect,
    locked,
    newest_migration,
    reading,
    schema_version,
    schema_versions,
    transaction,
    upgrade,
)
from dynosaur_etl.store.tables import Base, CatalogueRow


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://postgres@127.0.0.1:1/none",
        "postgresql+psycopg://postgres:secret@/none?host=/nowhere",
    ],
)
def test_a_database_that_does_not_answer_is_named_without_its_password(url: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        connect(url)
    assert "none" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_migrations_lead_from_empty_to_the_tables_of_the_code(database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = connect(database_url)
    assert schema_version(engine) == schema_versions()[0] == newest_migration()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    engine = connect(database_url)
    upgrade(engine)
    upgrade(engine)
    assert schema_version(engine) == schema_versions()[0]


def test_a_transaction_that_fails_leaves_nothing(database_url: str) -> None:
    engine = connect(database_url)
    with pytest.raises(RuntimeError), transaction(engine) as session:
        session.execute(text("insert into catalogue values ('x', now())"))
        raise RuntimeError
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from catalogue")).scalar() == 0


def test_what_was_read_stays_readable_and_nothing_is_written(database_url: str) -> None:
    engine = connect(database_url)
    with transaction(engine) as session:
        session.execute(text("insert into catalogue values ('x', now())"))
    with reading(engine) as session:
        row = session.get_one(CatalogueRow, "x")
    assert row.name == "x"
    with (
        pytest.raises(DBAPIError, match="read-only transaction"),
        reading(engine) as session,
    ):
        session.execute(text("delete from catalogue"))
    with transaction(engine) as session:  # over the same pool of connections
        session.execute(text("delete from catalogue"))


@pytest.mark.parametrize("opened", [reading, transaction])
def test_a_connection_that_dies_within_a_block_is_an_outage(
    database_url: str, opened: Callable[[Engine], AbstractContextManager[Session]]
) -> None:
    engine, other = connect(database_url), connect(database_url)
    with pytest.raises(StoreUnavailable), opened(engine) as session:
        pid = session.execute(text("select pg_backend_pid()")).scalar_one()
        with other.begin() as killer:
            killer.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
        session.execute(text("select 1"))
    with opened(engine) as session:
        assert session.execute(text("select 1")).scalar() == 1, "the next block gets another"


def test_waiting_in_vain_for_a_connection_is_an_outage(database_url: str) -> None:
    engine = create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    with engine.connect(), pytest.raises(StoreUnavailable, match="in use"), reading(engine):
        pass


def test_a_lock_shuts_out_other_processes_until_its_holder_dies(database_url: str) -> None:
    engine = connect(database_url)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from dynosaur_etl.store.database import connect, locked\n"
            "with locked(connect(sys.argv[1]), 'step', 'day'):\n"
            "    print('held', flush=True)\n"
            "    time.sleep(60)\n",
            database_url,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Busy, match="step day"), locked(engine, "step", "day", wait=False):
        pass
    with locked(engine, "step", "other day", wait=False):
        pass
    threading.Timer(0.2, holder.kill).start()
    with locked(engine, "step", "day"):
        assert holder.wait(5) == -9
