"""What all tests share: one real PostgreSQL for the session, a fresh database for each test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from dynosaur_etl.store.database import connect, upgrade
from dynosaur_etl.store.embedded import embedded_url, start_embedded, stop_embedded

RECORDED_HUB = Path(__file__).resolve().parents[2] / "shared" / "hub"
_numbers = count()


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-pg-"))
    folder.chmod(0o755)
    yield folder / "data"
    stop_embedded(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(postgres_folder: Path) -> Path:
    engine = connect(embedded_url(postgres_folder, "template_dynosaur"))
    upgrade(engine)
    engine.dispose()
    return start_embedded(postgres_folder)


@pytest.fixture
def database_url(template_database: Path) -> Iterator[str]:
    """The URL of an empty database with the newest tables, dropped after the test."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    host = str(template_database)
    with psycopg.connect(
        host=host, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        identifier = sql.Identifier(name)
        connection.execute(
            sql.SQL("create database {} template template_dynosaur").format(identifier)
        )
        yield f"postgresql+psycopg://postgres@/{name}?host={host}"
        connection.execute(sql.SQL("drop database {} with (force)").format(identifier))


@pytest.fixture(scope="session")
def recorded_hub() -> Path:
    """The folder of recorded Hub datasets beside the checkout; the test skips where it is absent."""
    if not RECORDED_HUB.is_dir():
        pytest.skip("the recorded Hub is not beside the checkout")
    return RECORDED_HUB
