"""Versions in S3, over HTTP to a real server in an environment of its own (`make` installs it)."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from dynosaur_etl.domain.errors import Corrupt, StoreUnavailable
from dynosaur_etl.snapshots.publish import latest_version, open_snapshot, publish_copy
from dynosaur_etl.snapshots.verify import verify_snapshot
from dynosaur_etl.store.storage import Storage
from tests.flows.support import free_port
from tests.snapshots.factories import PLAIN, snapshot

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / ".venv" / "s3" / "bin" / "moto_server"

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


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a running server that has a bucket."""
    if not SERVER.is_file():
        pytest.skip("the S3 server is not installed: `make test` installs it")
    address = f"127.0.0.1:{free_port()}"
    host, port = address.split(":")
    process = subprocess.Popen([SERVER, "-H", host, "-p", port], stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            client.put(f"http://{address}/bucket", timeout=60).raise_for_status()
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def url(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place of the test's own in the bucket."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    where = f"endpoint_override={server}&scheme=http&region=us-east-1"
    return f"s3://bucket/{uuid4().hex}?{where}"


def test_a_store_in_s3_keeps_lists_and_removes_files(url: str, tmp_path: Path) -> None:
    storage = Storage(url)
    storage.prove_writable()
    storage.write_bytes("a/latest.json", b"1")
    storage.write_bytes("a/latest.json", b"2")
    with storage.open("a/latest.json") as file:
        assert file.read() == b"2"
    [found] = storage.list_files()
    assert (found.path, found.bytes, found.modified is not None) == ("a/latest.json", 1, True)
    storage.remove_older("a/latest.json", datetime.now(UTC) + timedelta(hours=1))
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
    assert publish_copy(first, Storage(url), 1).new
    command = [sys.executable, "-c", KILLED, str(second), url, target, str(nth)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert latest_version(Storage(url)) == 1
    assert verify_snapshot(open_snapshot(storage := Storage(url), 1)) == []
    assert publish_copy(second, storage, 2).new
    assert latest_version(storage) == 2
    assert verify_snapshot(open_snapshot(storage, 2)) == []
    assert not publish_copy(second, storage, 2).new


def test_a_server_that_is_not_there_is_told() -> None:
    nowhere = "s3://bucket/x?endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1"
    with pytest.raises(StoreUnavailable, match="bucket"):
        Storage(nowhere)
