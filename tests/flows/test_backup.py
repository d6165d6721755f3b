"""Backups, by dump, loss and recovery: every version verifies deeply, and every row is there."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, WrongSchema
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.finished import is_polled_and_grown
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.snapshot.versions import verify_deeply
from dynosaur_etl.store.backup import back_up, backup_names, check_backup, read_backup, recover
from dynosaur_etl.store.database import SchemaState, connect, schema, upgrade
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.store.tables import Base
from tests.flows.support import settings
from tests.flows.versioned import DAYS, Grown, build
from tests.store.test_migrations import migrate_back


def rows_of(engine: Engine) -> dict[str, list[str]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(repr(row) for row in connection.execute(table.select()))
            for table in Base.metadata.sorted_tables
        }


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def empty_database(database_url: str) -> str:
    """A database without any table, as after a loss."""
    url = make_url(database_url)
    host = str(url.query["host"])
    with psycopg.connect(host=host, user="postgres", dbname=url.database, autocommit=True) as admin:
        admin.execute("drop schema public cascade")
        admin.execute("create schema public")
    return database_url


def opened(grown: Grown, url: str, folder: Path) -> Services:
    where = {"DYNOSAUR_DATABASE_URL": url, "DYNOSAUR_STORAGE_URL": str(folder)}
    grown.opened.append(Services(settings(grown.values | where)))
    return grown.opened[-1]


def test_after_a_loss_everything_is_there_again(
    grown: Grown, empty_database: str, tmp_path: Path
) -> None:
    services = grown.services()
    build(services)
    build(grown.services(selection_size="9"), trial=True)
    target = Storage(str(tmp_path / "target"))
    first = back_up(services.engine, services.storage, target)
    assert (first.new_files, first.migration) == (
        len(files_of(tmp_path / "target")) - 1, schema(services.engine).database,
    )  # fmt: skip
    rows, files = rows_of(services.engine), files_of(grown.home / "store")
    assert first.rows == sum(map(len, rows.values()))
    again = back_up(services.engine, services.storage, target)
    assert (again.new_files, again.new_bytes) == (0, 0)
    assert backup_names(target) == [first.name, again.name]

    lost = connect(empty_database)
    recover(lost, Storage(str(tmp_path / "new")), target)
    assert rows_of(lost) == rows
    lost.dispose()
    assert files_of(tmp_path / "new") == files
    found = opened(grown, empty_database, tmp_path / "new")
    for version in (1, 2):
        assert verify_deeply(version, found).facts == {"version": version}
    for day in DAYS:
        assert is_polled_and_grown(GrowthDay.parse(day), found)
    with pytest.raises(InvalidInput, match="an empty one"):
        recover(found.engine, found.storage, target)


def test_a_second_backup_sends_what_is_new_alone_and_the_first_stays(
    grown: Grown, empty_database: str, tmp_path: Path
) -> None:
    services, target = grown.services(), Storage(str(tmp_path / "target"))
    first = back_up(services.engine, services.storage, target)
    before = rows_of(services.engine)
    build(services)
    second = back_up(services.engine, services.storage, target)
    assert 0 < second.new_files < second.files
    lost = connect(empty_database)
    recover(lost, Storage(str(tmp_path / "new")), target, first.name)
    assert rows_of(lost) == before
    lost.dispose()


def test_a_damaged_backup_is_found_and_recovers_nothing(
    grown: Grown, empty_database: str, tmp_path: Path
) -> None:
    services, target = grown.services(), Storage(str(tmp_path / "target"))
    back_up(services.engine, services.storage, target)
    name, backup = check_backup(target)
    [table] = [table.copy for table in backup.tables if table.name == "llm_requests"]
    place = tmp_path / "target" / table.path
    whole = place.read_bytes()
    lost = connect(empty_database)
    for damaged in (whole[:-1], b"x" + whole[1:], None):
        place.unlink() if damaged is None else place.write_bytes(damaged)
        for act in (check_backup, lambda of: recover(lost, Storage(str(tmp_path / "new")), of)):
            with pytest.raises(Corrupt, match=table.sha256):
                act(target)
        assert schema(lost).state == SchemaState.EMPTY
    place.write_bytes(whole)
    recover(lost, Storage(str(tmp_path / "new")), target, name)
    assert rows_of(lost) == rows_of(services.engine)
    lost.dispose()


def test_another_file_that_is_there_is_never_replaced(
    grown: Grown, empty_database: str, tmp_path: Path
) -> None:
    services, target = grown.services(), Storage(str(tmp_path / "target"))
    back_up(services.engine, services.storage, target)
    path = next(iter(read_backup(target)[1].files))
    (tmp_path / "new" / path).parent.mkdir(parents=True)
    (tmp_path / "new" / path).write_text("mine")
    lost = connect(empty_database)
    with pytest.raises(Corrupt, match="replaces nothing"):
        recover(lost, Storage(str(tmp_path / "new")), target)
    assert (tmp_path / "new" / path).read_text() == "mine"
    lost.dispose()


def test_a_backup_of_an_older_version_is_recovered_and_migrated(
    make_database: Callable[[], str], empty_database: str, tmp_path: Path
) -> None:
    old, target = connect(make_database()), Storage(str(tmp_path / "target"))
    migrate_back(old, "0006")
    with old.begin() as connection:
        connection.execute(text("insert into catalogue values ('x', now())"))
    back_up(old, Storage(str(tmp_path / "store")), target)
    lost = connect(empty_database)
    recover(lost, Storage(str(tmp_path / "new")), target)
    upgrade(old)
    assert rows_of(lost) == rows_of(old)
    assert schema(lost).state == SchemaState.CURRENT
    old.dispose()
    lost.dispose()


def test_what_cannot_be_recovered_or_backed_up_is_said(
    make_database: Callable[[], str], empty_database: str, tmp_path: Path
) -> None:
    engine, store = connect(make_database()), Storage(str(tmp_path / "store"))
    target = Storage(str(tmp_path / "target"))
    with pytest.raises(InvalidInput, match="holds no backup"):
        recover(engine, store, target)
    with pytest.raises(InvalidInput, match="not in"):
        back_up(engine, store, Storage(str(tmp_path / "store" / "backups")))
    report = back_up(engine, store, target)
    with pytest.raises(InvalidInput, match=report.name):
        recover(engine, store, target, "yesterday")
    place = tmp_path / "target" / "backups" / f"{report.name}.json"
    place.write_text(place.read_text().replace(f'"{report.migration}"', '"9999"'))
    with pytest.raises(WrongSchema, match="9999"):
        recover(connect(empty_database), store, target)
    engine.dispose()


def test_the_commands_do_it(
    make_database: Callable[[], str], empty_database: str, tmp_path: Path
) -> None:
    def dynosaur(url: str, *words: str) -> Any:
        values = {"DYNOSAUR_DATABASE_URL": url, "DYNOSAUR_HOME": str(tmp_path)}
        ended = subprocess.run(
            [sys.executable, "-m", "dynosaur_etl", *words, "--json"],
            env={**os.environ, **values}, capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    target = str(tmp_path / "target")
    made = dynosaur(make_database(), "backup", target)
    assert dynosaur(empty_database, "backup", target, "--check")["name"] == made["name"]
    assert dynosaur(empty_database, "recover", target)["tables"] == made["tables"]
