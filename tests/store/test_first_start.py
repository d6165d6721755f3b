"""A first start of the embedded PostgreSQL that is killed is begun anew by the next one."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dynosaur_etl.domain.errors import StoreUnavailable
from dynosaur_etl.store.embedded import start_embedded, stop_embedded
from tests.flows.support import ROOT

START = "import sys, pathlib; from dynosaur_etl.store.embedded import start_embedded as start\n"
START += "start(pathlib.Path(sys.argv[1]))"


@pytest.fixture
def folder() -> Iterator[Path]:
    above = Path(tempfile.mkdtemp(prefix="dynosaur-pg-"))
    above.chmod(0o755)
    yield above / "data"
    stop_embedded(above / "data")
    shutil.rmtree(above, ignore_errors=True)


def killed_when(folder: Path, there: str, *, with_children: bool) -> None:
    """Begin the first start and kill it once a file is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(folder)], cwd=ROOT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not (folder / there).exists() and process.poll() is None:
        time.sleep(0.002)
    if with_children:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def answers(folder: Path) -> bool:
    socket = start_embedded(folder)
    with psycopg.connect(host=str(socket), user="postgres", dbname="postgres") as connection:
        return connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "there", ["pg_wal", "PG_VERSION", "global/pg_control", "base/1/PG_VERSION"]
)
@pytest.mark.parametrize("with_children", [True, False], ids=["all", "parent"])
def test_the_next_start_makes_it_anew(folder: Path, there: str, with_children: bool) -> None:
    killed_when(folder, there, with_children=with_children)
    assert answers(folder)


def test_what_has_run_is_never_cleared(folder: Path) -> None:
    socket = start_embedded(folder)
    with psycopg.connect(host=str(socket), user="postgres", autocommit=True) as connection:
        connection.execute("create table kept (n int)")
    stop_embedded(folder)
    socket = start_embedded(folder)
    with psycopg.connect(host=str(socket), user="postgres") as connection:
        connection.execute("select n from kept")


def test_a_folder_with_other_things_is_left_alone_and_named(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.odt").write_text("years of work")
    with pytest.raises(StoreUnavailable, match=r"thesis\.odt, which is not of a PostgreSQL; move"):
        start_embedded(folder)
    assert (folder / "thesis.odt").exists()


def test_a_server_that_does_not_start_is_told_with_its_folder(folder: Path) -> None:
    start_embedded(folder)
    stop_embedded(folder)
    shutil.rmtree(folder / "global")
    with pytest.raises(StoreUnavailable, match=f"nothing is lost by removing {folder}"):
        start_embedded(folder)
