"""Locks, the ledger and statements behind PgBouncer, which hands a connection on after each use."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from dynosaur_etl.domain.errors import Busy
from dynosaur_etl.domain.ledger import Claimed, Held
from dynosaur_etl.store.database import connect, locked, reading, transaction
from dynosaur_etl.store.ledger_audit import audit
from tests.store.test_ledger import claim_one, make_request, open_ledger

CONNECTIONS = 4
CONFIGURATION = """
[databases]
* = host={host} port=5432 user=postgres
[pgbouncer]
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 100
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
"""


@pytest.fixture
def pooled(database_url: str) -> Iterator[str]:
    """The URL of the test's database through a pooler of few connections."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed: apt-get install pgbouncer")
    url = make_url(database_url)
    folder = Path(tempfile.mkdtemp(prefix="pooler-"))
    folder.chmod(0o777)
    host = str(url.query["host"])
    values = {"host": host, "folder": folder, "connections": CONNECTIONS}
    (folder / "ini").write_text(CONFIGURATION.format(**values))
    other_user = ["-u", Path(host).owner()] if os.getuid() == 0 else []  # it refuses root
    with subprocess.Popen([program, "-q", *other_user, str(folder / "ini")]) as process:
        try:
            _await(folder / ".s.PGSQL.6432", process)
            yield f"postgresql+psycopg://postgres@/{url.database}?host={folder}&port=6432"
        finally:
            process.terminate()
    shutil.rmtree(folder)


def _await(socket: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while not socket.exists():
        assert process.poll() is None, "pgbouncer has ended"
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def engines(pooled: str) -> Iterator[list[Engine]]:
    """Each stands for a process of its own."""
    made = [connect(pooled) for _ in range(4)]
    yield made
    for engine in made:
        engine.dispose()


def busy(engine: Engine, *name: str) -> bool:
    try:
        with locked(engine, *name, wait=False):
            return False
    except Busy:
        return True


def traffic(engines: list[Engine]) -> None:
    """Use every connection of the pooler, so that each is handed on."""

    def ask(engine: Engine) -> None:
        for number in range(12):  # more often than a driver needs to prepare a statement
            with reading(engine) as session:
                session.execute(text("select :n + 1, pg_sleep(0.001)"), {"n": number}).all()

    threads = [threading.Thread(target=ask, args=[engine]) for engine in engines for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_lock_is_held_by_its_holder_alone_and_free_after_it(engines: list[Engine]) -> None:
    for _ in range(5):
        with locked(engines[0], "step", "day"):
            traffic(engines)
            assert all(busy(engine, "step", "day") for engine in engines)
            assert not busy(engines[1], "step", "other day")
        traffic(engines)
        assert not any(busy(engine, "step", "day") for engine in engines)


def test_a_claim_is_its_owners_until_the_owner_is_gone(engines: list[Engine]) -> None:
    first, second = open_ledger(engines[0]), open_ledger(engines[1])
    for number in range(4):
        request = make_request(f"request {number}")
        assert isinstance(claim_one(first, request), Claimed)
        traffic(engines)
        assert isinstance(claim_one(second, request), Held)
    assert audit(engines[2]).ownerless == 0
    first.close()
    traffic(engines)
    assert isinstance(claim_one(second, make_request("request 0")), Claimed)
    second.close()


def test_a_transaction_that_may_not_write_says_so_to_its_own_alone(engines: list[Engine]) -> None:
    traffic(engines)
    with transaction(engines[0]) as session:
        session.execute(text("insert into catalogue values ('x', now())"))
    with reading(engines[1]) as session:
        assert session.execute(text("select count(*) from catalogue")).scalar() == 1
