"""Pushing a version to a Hub that fails, hangs and forgets, and from a process that is killed."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from huggingface_hub import HfApi

from dynosaur_etl.domain.errors import Corrupt, HubUnavailable
from dynosaur_etl.net import hub_session
from dynosaur_etl.net.retry import RetryPolicy
from dynosaur_etl.snapshots import hub_calls
from dynosaur_etl.snapshots.hub_calls import HubTarget
from dynosaur_etl.snapshots.push import push_snapshot
from tests.snapshots.faulty_proxy import HANGING, Faults
from tests.snapshots.push_support import BOTH_WAYS, ROOT, tags, titles

STEPS = [
    ("POST", "/api/repos/create"),
    ("GET", "/refs"),
    ("GET", "/tree/"),
    ("POST", "/preupload/"),
    ("POST", "/commit/main"),
    ("HEAD", "/resolve/"),
    ("GET", "/resolve/"),
    ("POST", "/tag/"),
]
STEPS_OF_WAY = {
    "lfs": [("POST", "/info/lfs/objects/batch"), ("PUT", "/large-files/")],
    "xet": [("GET", "/xet-write-token/"), ("POST", "/cas/v1/xorbs/"), ("POST", "/cas/v2/shards")],
}


@pytest.mark.parametrize("name", ["README.md", "manifest.json", "tasks.parquet"])
def test_a_hub_that_gives_back_other_bytes_gets_no_tag(
    target: HubTarget, api: HfApi, faults: Faults, first: Path, name: str
) -> None:
    faults.add("GET", f"/{name}", "spoil", times=2)
    for _ in range(2):
        with pytest.raises(Corrupt, match=rf"team/set at \w+: found another {name} than was sent"):
            push_snapshot(first, target)
        assert tags(api) == []
    assert push_snapshot(first, target).new
    assert titles(api) == ["Version 1", "initial commit"]


@BOTH_WAYS
@pytest.mark.parametrize("fault", ["429", "500", "drop", "lose-answer"])
def test_what_passes_is_tried_again_and_done_once(
    target: HubTarget,
    api: HfApi,
    faults: Faults,
    first: Path,
    way: str,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    steps = STEPS + STEPS_OF_WAY[way]
    for method, part in steps:
        faults.add(method, part, fault)
    monkeypatch.setattr(hub_calls, "POLICY", RetryPolicy(len(steps) + 1, first_wait=0.0))
    assert push_snapshot(first, target).tag == "v0001"
    assert not [rule for rule in faults.rules if rule[3]], "a fault was not met"
    assert titles(api) == ["Version 1", "initial commit"]
    assert tags(api) == ["v0001"]


@pytest.mark.parametrize("seed", range(6))
def test_a_hub_of_which_a_tenth_of_all_requests_fails_gets_the_version_once(
    target: HubTarget,
    api: HfApi,
    faults: Faults,
    first: Path,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    monkeypatch.setattr(hub_session, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(hub_calls, "POLICY", replace(hub_calls.POLICY, first_wait=0.001))
    faults.rate, faults.random = 0.1, Random(seed)
    pushed = push_snapshot(first, target)
    assert push_snapshot(first, target).commit == pushed.commit
    faults.rate = 0.0
    assert titles(api) == ["Version 1", "initial commit"]
    assert tags(api) == ["v0001"]


@BOTH_WAYS
def test_a_single_failure_costs_no_second_look_at_the_repository(
    target: HubTarget, faults: Faults, first: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del way
    monkeypatch.setattr(hub_session, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(hub_calls, "POLICY", RetryPolicy(1))
    for method, part in STEPS[1:4] + STEPS[5:7]:
        faults.add(method, part, "503")
        faults.add(method, part, "drop")
    assert push_snapshot(first, target).new
    assert not [rule for rule in faults.rules if rule[3]], "a fault was not met"


@BOTH_WAYS
def test_a_hub_that_hangs_is_given_up_and_asked_again(
    target: HubTarget, api: HfApi, faults: Faults, first: Path, way: str
) -> None:
    steps = [("GET", "/refs"), ("POST", "/commit/main"), STEPS_OF_WAY[way][-1]]
    for method, part in steps:
        faults.add(method, part, "hang")
    started = time.monotonic()
    push_snapshot(first, replace(target, timeout=1))
    assert time.monotonic() - started < HANGING * len(steps)
    assert not [rule for rule in faults.rules if rule[3]], "a fault was not met"
    assert titles(api) == ["Version 1", "initial commit"]


@BOTH_WAYS
def test_a_hub_that_stays_away_is_told(
    target: HubTarget, faults: Faults, first: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    for method, part in (STEPS_OF_WAY[way][-1], ("POST", "/commit/main")):
        faults.rules.clear()
        faults.add(method, part, "500", times=999)
        with pytest.raises(HubUnavailable, match="500"):
            push_snapshot(first, target)


KILLED = """
import os, signal, sys
from pathlib import Path
from random import Random
from huggingface_hub import HfApi
from dynosaur_etl.snapshots.hub_calls import HubTarget
from dynosaur_etl.snapshots.push import push_snapshot

def deadly(function, moment):
    def call(*arguments, **options):
        if moment == "after":
            function(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    return call

folder, endpoint, name, moment = sys.argv[1:]
setattr(HfApi, name, deadly(getattr(HfApi, name), moment))
push_snapshot(Path(folder), HubTarget("team/set", endpoint, "hf_demo", True, 20))
"""


@BOTH_WAYS
@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("create_repo", "after"),
        ("preupload_lfs_files", "after"),
        ("create_commit", "after"),
        ("create_tag", "before"),
        ("create_tag", "after"),
    ],
)
def test_killed_at_any_step_and_run_again(
    target: HubTarget, api: HfApi, first: Path, name: str, moment: str
) -> None:
    command = [sys.executable, "-c", KILLED, str(first), target.endpoint, name, moment]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    push_snapshot(first, target)
    assert titles(api) == ["Version 1", "initial commit"]
    assert tags(api) == ["v0001"]
