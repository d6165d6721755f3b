"""What all tests share: one real PostgreSQL for the session, fresh databases for each test."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from dynosaur_etl.store.database import connect, upgrade
from dynosaur_etl.store.embedded import embedded_url, start_embedded, stop_embedded

SHARED = Path(__file__).resolve().parents[2] / "shared"
RECORDED_HUB = SHARED / "hub"
RECENT_HUB = SHARED / "hub-2026"
CASES = SHARED / "cases"
settings.register_profile("shared", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shared")

TEMPLATE = "template_dynosaur"
_numbers = count()


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-pg-"))
    folder.chmod(0o755)
    yield folder / "data"
    stop_embedded(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_host(postgres_folder: Path) -> str:
    """The socket folder of a server that has a template with the newest tables."""
    engine = connect(embedded_url(postgres_folder, TEMPLATE))
    upgrade(engine)
    engine.dispose()
    host = str(start_embedded(postgres_folder))
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute("alter system set fsync = off")  # nothing here has to survive a power cut
        admin.execute("select pg_reload_conf()")
    return host


@pytest.fixture(scope="session")
def make_database(postgres_host: str) -> Callable[[], str]:
    """Makes databases with the newest tables and no rows; the server goes with the session."""

    def make() -> str:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(
            host=postgres_host, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            statement = sql.SQL("create database {} template {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        return f"postgresql+psycopg://postgres@/{name}?host={postgres_host}"

    return make


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    """The URL of a database of the test's own."""
    return make_database()


@pytest.fixture(scope="session")
def recorded_hub() -> Path:
    """The recorded Hub beside the checkout; the test skips where it is absent."""
    if not RECORDED_HUB.is_dir():
        pytest.skip("the recorded Hub is not beside the checkout")
    return RECORDED_HUB


@pytest.fixture(scope="session")
def recent_hub() -> Path:
    """Small sets of the Hub's newer forms beside the checkout; the test skips where absent."""
    if not RECENT_HUB.is_dir():
        pytest.skip("the sets of newer forms are not beside the checkout")
    return RECENT_HUB


@pytest.fixture(scope="session")
def recorded_cases() -> Path:
    """Small inputs of known outcome beside the checkout; the test skips where they are absent."""
    if not CASES.is_dir():
        pytest.skip("the recorded cases are not beside the checkout")
    return CASES
