"""Versions in S3, through a server that `DYNOSAUR_TEST_S3_URL` names; without one they are skipped.

Such a server is `moto_server`, which needs packages that do not go with the product's own, and an
environment of its own: `s3://bucket?endpoint_override=127.0.0.1:5000&scheme=http` and on.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from dynosaur_etl.domain.errors import Corrupt, StoreUnavailable
from dynosaur_etl.snapshots.publish import latest_version, open_snapshot, publish_copy
from dynosaur_etl.snapshots.verify import verify_snapshot
from dynosaur_etl.store.storage import Storage
from tests.snapshots.factories import PLAIN, snapshot

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("DYNOSAUR_TEST_S3_URL", "")
pytestmark = pytest.mark.skipif(not SERVER, reason="DYNOSAUR_TEST_S3_URL names no server")

KILLED = """
import sys
from pathlib import Path
from dynosaur_etl.snapshots.publish import publish_copy
from dynosaur_etl.store.storage import Storage
from tests.flows.killed_run import arm

folder, url, target, nth = sys.argv[1:]
arm(target, int(nth), "before")
publish_copy(Path(folder), Storage(url), 2)
"""


@pytest.fixture
def url() -> str:
    place, _, query = SERVER.partition("?")
    return f"{place}/{uuid4().hex}?{query}"


def test_a_store_in_s3_keeps_lists_and_removes_files(url: str, tmp_path: Path) -> None:
    storage = Storage(url)
    storage.prove_writable()
    storage.write_bytes("a/latest.json", b"1")
    storage.write_bytes("a/latest.json", b"2")
    with storage.open("a/latest.json") as file:
        assert file.read() == b"2"
    [found] = storage.list_files()
    assert (found.path, found.bytes, found.modified is not None) == ("a/latest.json", 1, True)
    storage.remove_file("a/latest.json")
    assert not storage.exists("a/latest.json")
    with pytest.raises(Corrupt, match="the file is missing"), storage.open("a/latest.json"):
        pass


@pytest.mark.parametrize(
    ("target", "nth"),
    [
        ("fsspec.implementations.arrow:ArrowFSWrapper.put_file", 1),
        ("fsspec.implementations.arrow:ArrowFSWrapper.put_file", 5),
        ("dynosaur_etl.snapshots.publish:_check_copy", 1),
        ("dynosaur_etl.store.storage:Storage.write_bytes", 1),
    ],
)
def test_killed_while_publishing_to_s3_and_run_again(
    url: str, tmp_path: Path, target: str, nth: int
) -> None:
    first = snapshot(tmp_path / "one")
    second = snapshot(tmp_path / "two", PLAIN[0], version=2, parent=first)
    assert publish_copy(first, Storage(url), 1)
    command = [sys.executable, "-c", KILLED, str(second), url, target, str(nth)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert latest_version(Storage(url)) == 1
    assert verify_snapshot(open_snapshot(storage := Storage(url), 1)) == []
    assert publish_copy(second, storage, 2)
    assert latest_version(storage) == 2
    assert verify_snapshot(open_snapshot(storage, 2)) == []
    assert publish_copy(second, storage, 2) is False


def test_a_server_that_is_not_there_is_told() -> None:
    nowhere = "s3://bucket/x?endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1"
    with pytest.raises(StoreUnavailable, match="bucket"):
        Storage(nowhere)
