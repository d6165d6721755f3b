"""What gc removes and what a step writes again at the same time: the step's file stays."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.upkeep import garbage
from dynosaur_etl.store.storage import Storage
from tests.flows.support import ROOT, settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RERUN = """
import sys, pyarrow as pa
from dynosaur_etl.store.storage import Storage
print(Storage(sys.argv[1]).write_table("samples", pa.table({"x": [1]})).path)
"""
COLLECTOR = """
import sys, time
from datetime import UTC, datetime, timedelta
from dynosaur_etl.store.storage import Storage
storage, path, removed = Storage(sys.argv[1]), sys.argv[2], 0
print("ready", flush=True)
ends = time.monotonic() + 4
while time.monotonic() < ends:
    removed += storage.remove_older(path, datetime.now(UTC) - timedelta(milliseconds=60))
print(removed)
"""


def rerun(folder: Path) -> str:
    """Write the one file in a process of its own."""
    command = [sys.executable, "-c", RERUN, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make_old(path: Path) -> None:
    before = (datetime.now(UTC) - DAY).timestamp()
    os.utime(path, (before, before))


def collector(tmp_path: Path, database_url: str) -> Services:
    values = {"DYNOSAUR_HOME": str(tmp_path), "DYNOSAUR_DATABASE_URL": database_url}
    return Services(settings(values))


def test_a_file_that_is_written_again_is_young_again(tmp_path: Path) -> None:
    path = tmp_path / rerun(tmp_path)
    make_old(path)
    rerun(tmp_path)
    assert time.time() - path.stat().st_mtime < HOUR.total_seconds()


def test_a_rerun_between_the_look_and_the_removal_keeps_its_file(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, store = collector(tmp_path, database_url), tmp_path / "store"
    kept, gone = (
        store / rerun(store),
        store / Storage(str(store)).write_table("samples", pa.table({"x": [2]})).path,
    )
    make_old(kept)
    make_old(gone)
    look = garbage.find_garbage

    def look_and_wait(*arguments: object) -> list[garbage.Garbage]:
        found = look(*arguments)  # type: ignore[arg-type]
        assert len(found) == 2
        rerun(store)
        return found

    monkeypatch.setattr(garbage, "find_garbage", look_and_wait)
    removed = garbage.collect(services, HOUR, datetime.now(UTC))
    assert [item.path for item in removed] == [str(gone.relative_to(store))]
    assert kept.exists()
    assert not gone.exists()
    services.close()


def test_a_writer_and_a_collector_at_full_speed_never_lose_a_young_file(tmp_path: Path) -> None:
    storage, table = Storage(str(tmp_path)), pa.table({"x": [1]})
    path = storage.write_table("samples", table).path
    command = [sys.executable, "-c", COLLECTOR, str(tmp_path), path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        looks = 0
        while process.poll() is None:
            started = time.time()
            storage.write_table("samples", table)
            there = (tmp_path / path).exists()
            if time.time() - started < 0.05:
                looks += 1
                assert there
            time.sleep(0.02 if looks % 2 else 0.09)
        removed = int(process.stdout.read())
    assert looks > 10
    assert removed > 5


def test_elsewhere_the_age_is_looked_at_right_before_the_removal() -> None:
    storage = Storage("memory://removal")
    path = storage.write_table("samples", pa.table({"x": [1]})).path
    assert not storage.remove_older(path, datetime.now(UTC) - HOUR)
    assert storage.exists(path)
    assert storage.remove_older(path, datetime.now(UTC) + HOUR)
    assert not storage.remove_older(path, datetime.now(UTC) + HOUR)
