"""Fixtures of the tests that push versions to a Hub."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.utils._xet import abort_xet_session

from dynosaur_etl.net.retry import RetryPolicy
from dynosaur_etl.snapshots import hub_calls
from dynosaur_etl.snapshots.hub_calls import HubTarget
from tests.demo.hub_support import serve, write_hub
from tests.snapshots.factories import PLAIN, snapshot
from tests.snapshots.faulty_proxy import Faults, proxy
from tests.snapshots.push_support import REPO, client_environment


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def way(request: pytest.FixtureRequest) -> str:
    """By which large files go up, `xet` or `lfs`."""
    return str(getattr(request, "param", "lfs"))


@pytest.fixture
def target(
    tmp_path: Path, faults: Faults, way: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HubTarget]:
    monkeypatch.setattr(hub_calls, "POLICY", RetryPolicy(4, first_wait=0.0))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", way == "lfs")
    for name, value in client_environment(way, tmp_path).items():
        monkeypatch.setenv(name, value)
    abort_xet_session()  # the next one reads the environment anew
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    write_hub(tmp_path / "root")
    with serve(tmp_path / "root", tmp_path / "log.jsonl", uploads=tmp_path / "up") as hub:
        server = proxy(hub.endpoint, faults)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield HubTarget(REPO, f"http://127.0.0.1:{server.server_port}", "hf_demo", True, 20)
        server.shutdown()
        server.server_close()


@pytest.fixture
def api(target: HubTarget) -> HfApi:
    return HfApi(endpoint=target.endpoint, token=target.token)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return snapshot(tmp_path / "one")


@pytest.fixture
def second(tmp_path: Path, first: Path) -> Path:
    return snapshot(tmp_path / "two", PLAIN[0], version=2, parent=first)
