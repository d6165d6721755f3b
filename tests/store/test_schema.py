"""Commands and steps before a database of another version: told both ways, nothing migrated."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from dynosaur_etl.domain.errors import WrongSchema
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.upkeep.doctor import Check, examine
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.database import (
    SchemaState,
    connect,
    newest_migration,
    prepare,
    schema,
    upgrade,
)
from tests.store.test_migrations import migrate_back

NEWEST = newest_migration()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def stamp(engine: Engine, *revisions: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("delete from alembic_version"))
        for revision in revisions:
            connection.execute(text("insert into alembic_version values (:r)"), {"r": revision})


def make_empty(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))


def stands_at(engine: Engine) -> str | None:
    return schema(engine).database


def test_an_empty_database_gets_its_tables_by_whoever_comes_first(engine: Engine) -> None:
    make_empty(engine)
    assert schema(engine).state == SchemaState.EMPTY
    failed: list[BaseException] = []

    def come() -> None:
        own = create_engine(engine.url)
        try:
            prepare(own)
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failed.append(error)
        finally:
            own.dispose()

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert schema(engine).state == SchemaState.CURRENT


def test_older_tables_are_left_alone_until_they_are_migrated_on_purpose(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    migrate_back(engine, "0006")
    settings = Settings(database_url=database_url, home=tmp_path)
    with (
        pytest.raises(WrongSchema, match="dynosaur db upgrade") as refusal,
        open_services(settings),
    ):
        pass
    assert "0006" in str(refusal.value)
    assert NEWEST in str(refusal.value)
    assert stands_at(engine) == "0006"
    upgrade(engine)
    with open_services(settings) as services:
        assert stands_at(services.engine) == NEWEST


@pytest.mark.parametrize("revisions", [("9999",), ("3c2a1b", NEWEST), ("18e9",)])
def test_tables_of_a_newer_version_are_refused_and_never_touched(
    engine: Engine, revisions: tuple[str, ...]
) -> None:
    stamp(engine, *revisions)
    for act in (prepare, upgrade):
        with pytest.raises(WrongSchema) as refusal:
            act(engine)
        assert revisions[0] in str(refusal.value)
        assert NEWEST in str(refusal.value)
        assert "newer version" in str(refusal.value)
    assert stands_at(engine) == ", ".join(sorted(revisions))


def test_doctor_says_what_to_do_about_tables_of_another_version(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    def database() -> Check:
        return next(iter(examine(Settings(database_url=database_url, home=tmp_path))))

    assert database().ok
    migrate_back(engine, "0006")
    assert "dynosaur db upgrade" in database().mend
    assert not database().ok
    stamp(engine, "9999")
    assert "install that version" in database().mend


def dynosaur(url: str, *arguments: str) -> tuple[int, Any, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "dynosaur_etl", *arguments, "--json"],
        env={**os.environ, "DYNOSAUR_DATABASE_URL": url}, capture_output=True, text=True,
    )  # fmt: skip
    return ended.returncode, json.loads(ended.stdout), ended.stderr


def test_commands_say_it_by_exit_code_and_word(engine: Engine, database_url: str) -> None:
    at = {"product": NEWEST}
    assert dynosaur(database_url, "db", "check")[:2] == (
        0, {**at, "database": NEWEST, "state": "current"},
    )  # fmt: skip
    migrate_back(engine, "0006")
    assert dynosaur(database_url, "db", "check")[:2] == (
        3, {**at, "database": "0006", "state": "older"},
    )  # fmt: skip
    code, told, log = dynosaur(database_url, "status")
    assert (code, told["error"]["kind"]) == (3, "WrongSchema")
    assert "Traceback" not in log
    assert dynosaur(database_url, "db", "upgrade")[:2] == (0, {"migration": NEWEST})
    stamp(engine, "9999")
    assert dynosaur(database_url, "db", "check")[:2] == (
        3, {**at, "database": "9999", "state": "unknown"},
    )  # fmt: skip
    for words in (("status",), ("db", "upgrade")):
        code, told, log = dynosaur(database_url, *words)
        assert (code, told["error"]["kind"]) == (3, "WrongSchema")
        assert "9999" in told["error"]["message"]
        assert NEWEST in told["error"]["message"]
        assert "Traceback" not in log
