"""Folders for what is on its way: a killed process leaves none for good."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dynosaur_etl.store.scratch import PREFIX, SETTLED_SECONDS, remove_left, scratch_folder

CODE = """
import time
from dynosaur_etl.store.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "half").write_text("a version")
    print(folder.parent, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def age(folder: Path) -> None:
    then = folder.stat().st_mtime - SETTLED_SECONDS - 1
    os.utime(folder, (then, then))


def test_a_folder_goes_with_its_block(place: Path) -> None:
    with scratch_folder() as folder:
        assert list(folder.iterdir()) == []
        (folder / "file").write_text("x")
        assert folder.is_relative_to(place)
    assert list(place.iterdir()) == []
    with pytest.raises(ValueError, match="of the block"), scratch_folder():
        raise ValueError("of the block")
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_lives_is_not(place: Path) -> None:
    environment = os.environ | {"TMPDIR": str(place)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", CODE], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        left, alive = [Path(p.stdout.readline().strip()) for p in running if p.stdout]
        running[0].send_signal(signal.SIGKILL)
        running[0].wait()
        assert remove_left(place) == [], "it may be one that is being made"
        for folder in (left, alive):
            age(folder)
        assert remove_left(place) == [left]
        assert (alive / "content" / "half").read_text() == "a version"
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_folders_of_others_stay(place: Path) -> None:
    other = place / "dynosaur-demo-x"
    other.mkdir()
    age(other)
    old = place / f"{PREFIX}old"
    old.mkdir()
    age(old)
    assert remove_left(place) == [old]
    assert other.exists()
