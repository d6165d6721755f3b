"""Fixtures that several files of these tests share."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from dynosaur_etl.flows.runtime.services import open_services
from tests.flows.hubs import write_dataset
from tests.flows.support import environment, run_day, serving, settings
from tests.flows.versioned import DAYS, NAMES, Grown, diary


@pytest.fixture(scope="session")
def days_grown(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grown]:
    home, url = tmp_path_factory.mktemp("versions"), make_database()
    (home / "hub").mkdir()
    for number, name in enumerate(NAMES):
        write_dataset(
            home / "hub", f"reed/{name}", DAYS[number % 2], data__train_dot_parquet=diary(name)
        )
    with serving(home / "hub", home / "logs") as servers:
        values = environment(servers, url, home)
        with open_services(settings(values)) as services:
            for day in DAYS:
                run_day(day, services)
        yield Grown(values, home)


@pytest.fixture
def grown(days_grown: Grown, postgres_host: str, tmp_path: Path) -> Iterator[Grown]:
    source = make_url(days_grown.values["DYNOSAUR_DATABASE_URL"])
    name = f"versions_{tmp_path.name}"[:60]
    with psycopg.connect(host=postgres_host, user="postgres", autocommit=True) as admin:
        statement = sql.SQL("create database {} template {}")
        admin.execute(statement.format(sql.Identifier(name), sql.Identifier(str(source.database))))
    shutil.copytree(days_grown.home / "store", tmp_path / "store")
    url = source.set(database=name).render_as_string(hide_password=False)
    changed = {"DYNOSAUR_DATABASE_URL": url, "DYNOSAUR_HOME": str(tmp_path)}
    copy = Grown(days_grown.values | changed, tmp_path)
    yield copy
    for services in copy.opened:
        services.close()
