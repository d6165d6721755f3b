import errno
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from dynosaur_etl.domain.errors import Corrupt, StoreUnavailable
from dynosaur_etl.store.checksums import file_sha256
from dynosaur_etl.store.storage import Storage

TABLE = pa.table({"x": list(range(50_000))})


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_file_is_named_by_its_content_and_the_same_content_is_one_file(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    first, second = storage.write_table("k", TABLE), storage.write_table("k", TABLE)
    assert first == second
    [path] = files(tmp_path)
    assert path == tmp_path / first.path
    assert file_sha256(path) == first.sha256
    assert path.stat().st_size == first.bytes
    assert storage.read_table(first.path) == TABLE


def test_a_writer_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail(target: Path) -> int:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreUnavailable, match="the disk is full"):
        Storage(str(tmp_path)).write("k", ".bin", fail)
    assert files(tmp_path) == []


def test_a_full_disk_is_said_and_nothing_is_visible(tmp_path: Path) -> None:
    """A real write past a real limit: the kernel refuses the bytes, as a full disk does."""
    script = (
        "import resource, signal, sys, os, pyarrow as pa\n"
        "from dynosaur_etl.store.storage import Storage\n"
        "storage = Storage(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "storage.write_table('k', pa.table({'x': [os.urandom(9) for _ in range(50000)]}))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True
    )
    assert "StoreUnavailable" in result.stderr
    assert str(tmp_path) in result.stderr
    assert files(tmp_path) == []


def test_a_missing_file_and_a_damaged_one_are_told_by_name(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    stored = storage.write_table("k", TABLE)
    (tmp_path / stored.path).write_bytes(b"PAR1 no longer")
    with pytest.raises(Corrupt, match=stored.sha256):
        storage.read_table(stored.path)
    (tmp_path / stored.path).unlink()
    with pytest.raises(Corrupt, match="missing"):
        storage.read_table(stored.path)


def test_other_file_systems_serve_through_the_same_interface() -> None:
    storage = Storage("memory://dynosaur-test")
    stored = storage.write_table("k", TABLE)
    assert storage.exists(stored.path)
    assert storage.read_table(stored.path) == TABLE
    storage.prove_writable()


@pytest.mark.parametrize("url", ["nosuch://x", "/proc/none/store"])
def test_a_storage_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match=url.split("/", maxsplit=1)[0] or "proc"):
        Storage(url)
