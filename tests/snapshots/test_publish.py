"""A version is visible only when it is whole, and never changes."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, StoreUnavailable
from dynosaur_etl.snapshots.layout import TRAIN, expected_files
from dynosaur_etl.snapshots.publish import (
    latest_version,
    open_snapshot,
    place_snapshot,
    publish_copy,
)
from dynosaur_etl.snapshots.verify import verify_snapshot
from dynosaur_etl.store.storage import Storage
from tests.snapshots.factories import PLAIN, snapshot

FILES = len(expected_files({TRAIN: 5})) + 1
ROOT = Path(__file__).resolve().parents[2]

KILLED_WHILE_PLACING = """
import os, signal, sys
from pathlib import Path
from fsspec.implementations.local import LocalFileSystem
from dynosaur_etl.snapshots.publish import place_snapshot
from dynosaur_etl.store.storage import Storage

put, left = LocalFileSystem.put_file, [int(sys.argv[3])]

def put_or_die(self, *args, **kwargs):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return put(self, *args, **kwargs)

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

LocalFileSystem.put_file = put_or_die
Path.rename = die
place_snapshot(Path(sys.argv[1]), Storage(sys.argv[2]), 1)
"""


class FailingFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """An object store whose connection breaks after so many files."""

    protocol = "failing"
    cachable = False
    files_left = FILES
    put_order: list[str] = []  # noqa: RUF012 - shared on purpose, as the store is

    def put_file(self, lpath: Any, rpath: Any, **kwargs: Any) -> None:
        if FailingFileSystem.files_left == 0:
            raise ConnectionError("the connection broke")
        FailingFileSystem.files_left -= 1
        FailingFileSystem.put_order.append(str(rpath))
        super().put_file(lpath, rpath, **kwargs)


fsspec.register_implementation("failing", FailingFileSystem, clobber=True)


@pytest.fixture
def store(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "store"))


@pytest.fixture
def object_store(tmp_path: Path) -> Storage:
    FailingFileSystem.files_left = 10 * FILES
    FailingFileSystem.put_order = []
    return Storage(f"failing://{tmp_path.name}")


@pytest.fixture(params=["store", "object_store"])
def any_store(request: pytest.FixtureRequest) -> Storage:
    storage: Storage = request.getfixturevalue(request.param)
    return storage


def visible(storage: Storage) -> list[str]:
    folder = storage.local_path("snapshots")
    assert folder is not None
    return [path.name for path in folder.glob("v*")]


def test_a_placed_version_opens_and_is_sound(tmp_path: Path, any_store: Storage) -> None:
    folder = snapshot(tmp_path / "one")
    assert place_snapshot(folder, any_store, 1) == "snapshots/v0001"
    opened = open_snapshot(any_store, 1)
    assert opened != folder
    assert verify_snapshot(opened) == []


def test_placing_it_again_changes_nothing(tmp_path: Path, any_store: Storage) -> None:
    folder = snapshot(tmp_path / "one")
    place_snapshot(folder, any_store, 1)
    FailingFileSystem.files_left = 0
    assert place_snapshot(folder, any_store, 1) == "snapshots/v0001"


def test_another_snapshot_under_the_number_is_refused(tmp_path: Path, any_store: Storage) -> None:
    place_snapshot(snapshot(tmp_path / "one"), any_store, 1)
    with pytest.raises(Corrupt, match="found another snapshot under this number"):
        place_snapshot(snapshot(tmp_path / "two", PLAIN[0]), any_store, 1)
    assert verify_snapshot(open_snapshot(any_store, 1)) == []


def test_a_folder_with_another_version_is_refused(tmp_path: Path, store: Storage) -> None:
    with pytest.raises(Corrupt, match="found version 1; expected 2"):
        place_snapshot(snapshot(tmp_path / "one"), store, 2)


def test_an_unfinished_folder_is_refused(tmp_path: Path, store: Storage) -> None:
    folder = snapshot(tmp_path / "one")
    (folder / "manifest.json").unlink()
    with pytest.raises(Corrupt, match=r"manifest\.json: the file is missing"):
        place_snapshot(folder, store, 1)


def test_a_placed_version_that_lost_its_manifest_is_not_replaced(
    tmp_path: Path, store: Storage
) -> None:
    folder = snapshot(tmp_path / "one")
    place_snapshot(folder, store, 1)
    (open_snapshot(store, 1) / "manifest.json").unlink()
    with pytest.raises(Corrupt, match="found a folder; expected none"):
        place_snapshot(folder, store, 1)


def test_a_version_that_was_never_placed_cannot_be_opened(any_store: Storage) -> None:
    with pytest.raises(InvalidInput, match="snapshot version: received 'snapshots/v0009'"):
        open_snapshot(any_store, 9)


@pytest.mark.parametrize("files", [0, 1, FILES - 1, FILES])
def test_killed_between_files_no_version_is_visible(
    tmp_path: Path, store: Storage, files: int
) -> None:
    folder = snapshot(tmp_path / "one")
    arguments = [str(folder), store.url, str(files)]
    ended = subprocess.run([sys.executable, "-c", KILLED_WHILE_PLACING, *arguments], cwd=ROOT)
    assert ended.returncode == -9
    assert visible(store) == []
    place_snapshot(folder, store, 1)
    assert visible(store) == ["v0001"]
    assert verify_snapshot(open_snapshot(store, 1)) == []


@pytest.mark.parametrize("files", [0, 1, FILES - 1])
def test_a_broken_connection_leaves_no_version_and_a_rerun_finishes(
    tmp_path: Path, object_store: Storage, files: int
) -> None:
    folder = snapshot(tmp_path / "one")
    FailingFileSystem.files_left = files
    with pytest.raises(StoreUnavailable, match="the connection broke"):
        place_snapshot(folder, object_store, 1)
    with pytest.raises(InvalidInput):
        open_snapshot(object_store, 1)
    FailingFileSystem.files_left = FILES
    place_snapshot(folder, object_store, 1)
    assert verify_snapshot(open_snapshot(object_store, 1)) == []


def test_the_manifest_goes_last_to_an_object_store(tmp_path: Path, object_store: Storage) -> None:
    place_snapshot(snapshot(tmp_path / "one"), object_store, 1)
    assert FailingFileSystem.put_order[-1].endswith("v0001/manifest.json")
    assert len(FailingFileSystem.put_order) == FILES


@pytest.mark.parametrize("files", [0, 1, FILES - 1])
def test_a_copy_that_breaks_off_leaves_the_pointer_at_the_last_version(
    tmp_path: Path, object_store: Storage, files: int
) -> None:
    first = snapshot(tmp_path / "one")
    second = snapshot(tmp_path / "two", PLAIN[0], version=2, parent=first)
    assert publish_copy(first, object_store, 1).new
    FailingFileSystem.files_left = files
    with pytest.raises(StoreUnavailable):
        publish_copy(second, object_store, 2)
    assert latest_version(object_store) == 1
    FailingFileSystem.files_left = FILES
    assert publish_copy(second, object_store, 2).new
    assert latest_version(object_store) == 2
    assert not publish_copy(first, object_store, 1).new
    assert latest_version(object_store) == 2


KILLED_WHILE_PUBLISHING = """
import sys
from pathlib import Path
from dynosaur_etl.snapshots.publish import publish_copy
from dynosaur_etl.store.storage import Storage
from tests.flows.killed_run import arm

folder, url, target, nth, moment = sys.argv[1:]
arm(target, int(nth), moment)
publish_copy(Path(folder), Storage(url), 2)
"""
PUT = "fsspec.implementations.local:LocalFileSystem.put_file"
STEPS = [
    ("dynosaur_etl.store.storage:Storage.remove_unfinished", 1, "after"),
    *[(PUT, nth, "after") for nth in range(1, FILES + 1)],
    ("pathlib:Path.rename", 1, "before"),
    ("pathlib:Path.rename", 1, "after"),
    ("dynosaur_etl.snapshots.publish:_check_copy", 1, "after"),
    ("pathlib:Path.replace", 1, "before"),
    ("pathlib:Path.replace", 1, "after"),
]


def test_publishing_that_is_killed_at_any_step_leaves_the_last_version_and_goes_on(
    tmp_path: Path, store: Storage
) -> None:
    first = snapshot(tmp_path / "one")
    second = snapshot(tmp_path / "two", PLAIN[0], version=2, parent=first)
    assert publish_copy(first, store, 1).new
    for target, nth, moment in STEPS:
        command = [sys.executable, "-c", KILLED_WHILE_PUBLISHING, str(second), store.url]
        ended = subprocess.run([*command, target, str(nth), moment], cwd=ROOT, capture_output=True)
        is_done = (target, moment) == ("pathlib:Path.replace", "after")
        assert ended.returncode == -signal.SIGKILL, f"{target} {nth}: {ended.stderr[-500:]!r}"
        assert latest_version(store) == (2 if is_done else 1)
        assert verify_snapshot(open_snapshot(store, 1)) == []
        if target != PUT and "v0002" in visible(store) and not is_done:
            assert verify_snapshot(open_snapshot(store, 2)) == []
    assert not publish_copy(second, store, 2).new
    assert verify_snapshot(open_snapshot(store, 2)) == []
    assert not list((tmp_path / "store" / "snapshots").glob(".unfinished-*"))


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from dynosaur_etl.domain.errors import StoreUnavailable
from dynosaur_etl.snapshots.publish import publish_copy
from dynosaur_etl.store.storage import Storage

storage = Storage(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    publish_copy(Path(sys.argv[1]), storage, 2)
except StoreUnavailable:
    sys.exit(4)
"""


@pytest.mark.parametrize("most", [0, 100, 3_000])
def test_publishing_to_a_full_disk_leaves_the_last_version_and_a_rerun_finishes(
    tmp_path: Path, store: Storage, most: int
) -> None:
    first = snapshot(tmp_path / "one")
    second = snapshot(tmp_path / "two", PLAIN[0], version=2, parent=first)
    assert publish_copy(first, store, 1).new
    command = [sys.executable, "-c", FULL_DISK, str(second), store.url, str(most)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert ended.returncode == 4, ended.stderr[-500:]
    assert (latest_version(store), visible(store)) == (1, ["v0001"])
    assert verify_snapshot(open_snapshot(store, 1)) == []
    assert publish_copy(second, store, 2).new
    assert verify_snapshot(open_snapshot(store, 2)) == []


def test_a_copy_that_gives_back_other_bytes_is_not_pointed_to(
    tmp_path: Path, object_store: Storage
) -> None:
    first = snapshot(tmp_path / "one")
    place_snapshot(first, object_store, 1)
    object_store._fs.pipe_file(f"{object_store._root}/snapshots/v0001/tasks.parquet", b"x")
    with pytest.raises(Corrupt, match=r"tasks\.parquet: found SHA-256"):
        publish_copy(first, object_store, 1)
    assert latest_version(object_store) is None


def test_a_copy_from_an_object_store_goes_with_its_storage(tmp_path: Path) -> None:
    FailingFileSystem.files_left = FILES
    storage = Storage(f"failing://{tmp_path.name}")
    place_snapshot(snapshot(tmp_path / "one"), storage, 1)
    copy = open_snapshot(storage, 1)
    assert copy.exists()
    del storage
    assert not copy.exists()
