"""What ends the system that all tests of this folder share, so it comes last."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from dynosaur_etl.local.system import process_folder, system_status
from tests.airflow.conftest import Demo, run_demo, run_module

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]


def test_a_second_demo_is_quick_and_adds_nothing(demo: Demo) -> None:
    demo.wait_until_quiet()
    before, began = demo.contents(), time.monotonic()
    processes = {name: process_folder(demo.home).record(name) for name in _names(demo)}
    run_demo(demo.home)
    assert time.monotonic() - began < 45
    assert demo.contents() == before
    assert {name: process_folder(demo.home).record(name) for name in _names(demo)} == processes


def test_a_half_dead_system_is_healed_by_the_next_start(demo: Demo) -> None:
    before = demo.contents()
    folder = process_folder(demo.home)
    for name in ("scheduler", "demo-hub"):
        record = folder.record(name)
        assert record is not None
        os.kill(record.pid, signal.SIGKILL)
    server = int((demo.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(server, signal.SIGKILL)
    time.sleep(1)
    assert not system_status(demo.home).is_up
    run_demo(demo.home)
    assert system_status(demo.home).is_up
    assert demo.contents() == before


def test_stop_leaves_no_process_behind(demo: Demo) -> None:
    url, names = demo.url, _names(demo)
    ended = run_module("dynosaur_etl.local.stop", str(demo.home))
    assert ended.returncode == 0
    for name in [*names, "postgres"]:
        assert name in ended.stdout
    assert _processes_of(demo.home) == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    assert "nothing was running" in run_module("dynosaur_etl.local.stop", str(demo.home)).stdout


def _names(demo: Demo) -> list[str]:
    return process_folder(demo.home).names()


def _processes_of(home: Path) -> list[Any]:
    return [
        process.info
        for process in psutil.process_iter(["pid", "cmdline", "cwd", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and str(home) in " ".join([*(process.info["cmdline"] or []), process.info["cwd"] or ""])
    ]
