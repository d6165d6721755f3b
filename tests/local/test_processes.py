"""Supervised processes: ours are found and ended whatever happened, a stranger's never."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dynosaur_etl.local.processes import Command, ProcessFolder

SLEEPER = "import time; time.sleep(600)"
PARENT = (
    "import os, subprocess, sys, time, pathlib\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " process_group=0)\n"
    "pathlib.Path('child.tmp').write_text(str(child.pid)); os.rename('child.tmp', 'child')\n"
    "time.sleep(600)\n"
)
STUBBORN = (
    "import signal, time, pathlib\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path('ready').touch()\n"
    "time.sleep(600)\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[ProcessFolder]:
    processes = ProcessFolder(tmp_path / "run")
    yield processes
    processes.stop(processes.names(), grace=1)


def python(code: str, fingerprint: str = "") -> Command:
    return Command("worker", [sys.executable, "-c", code], dict(os.environ), fingerprint)


def pid_of(folder: ProcessFolder) -> int:
    record = folder.record("worker")
    assert record is not None
    return record.pid


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def child_of(folder: ProcessFolder) -> int:
    file = folder.folder / "child"
    wait_for(file.exists)
    return int(file.read_text())


def test_a_process_is_started_once(folder: ProcessFolder) -> None:
    assert folder.start(python(SLEEPER))
    first = pid_of(folder)
    assert not ProcessFolder(folder.folder).start(python(SLEEPER))
    assert pid_of(folder) == first
    assert folder.is_running("worker")


def test_a_changed_command_is_restarted(folder: ProcessFolder) -> None:
    folder.start(python(SLEEPER, "old"))
    first = pid_of(folder)
    assert folder.start(python(SLEEPER, "new"))
    assert not is_alive(first)
    assert is_alive(pid_of(folder))


def test_stop_ends_a_process_that_ignores_sigterm(folder: ProcessFolder) -> None:
    folder.start(python(STUBBORN))
    pid = pid_of(folder)
    wait_for((folder.folder / "ready").exists)
    assert folder.stop(["worker"], grace=0.3) == ["worker"]
    assert not is_alive(pid)
    assert folder.names() == []


def test_stop_ends_children_in_groups_of_their_own(folder: ProcessFolder) -> None:
    folder.start(python(PARENT))
    child = child_of(folder)
    folder.stop(["worker"], grace=5)
    assert not is_alive(child)


def test_children_of_a_killed_leader_are_ended_by_the_next_start(folder: ProcessFolder) -> None:
    folder.start(python(PARENT))
    child, leader = child_of(folder), pid_of(folder)
    os.kill(leader, signal.SIGKILL)
    wait_for(lambda: not folder.is_running("worker"))
    assert is_alive(child)
    assert folder.start(python(SLEEPER))
    assert not is_alive(child)


def test_a_stranger_with_the_recorded_number_is_left_alone(
    folder: ProcessFolder, tmp_path: Path
) -> None:
    folder.start(python(SLEEPER))
    folder.stop(["worker"], grace=5)
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], cwd=tmp_path, start_new_session=True
    ) as stranger:
        record = {"pid": stranger.pid, "started": time.time() - 3600, "fingerprint": ""}
        (folder.folder / "worker.process").write_text(json.dumps(record))
        assert not folder.is_running("worker")
        assert folder.stop(["worker"], grace=0.2) == []
        assert stranger.poll() is None
        stranger.kill()


def test_a_record_that_cannot_be_read_counts_as_none(folder: ProcessFolder) -> None:
    folder.folder.mkdir(parents=True)
    (folder.folder / "worker.process").write_text("{")
    assert not folder.is_running("worker")
    assert folder.start(python(SLEEPER))


def test_the_log_holds_both_streams_and_the_last_run(folder: ProcessFolder) -> None:
    code = "import sys; print('to out', flush=True); print('to err', file=sys.stderr); sys.exit(3)"
    folder.start(python(code))
    wait_for(lambda: not folder.is_running("worker"))
    assert folder.tail("worker") == "to out\nto err"
    folder.start(python("print('again')"))
    wait_for(lambda: not folder.is_running("worker"))
    assert folder.tail("worker") == "again"
    assert "to out" in folder.log("worker").with_suffix(".log.1").read_text()
