"""Publishing with the Hub's real client over HTTP: once, whole, and whatever gets in the way."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.utils._xet import abort_xet_session

from dynosaur_etl.domain.errors import Corrupt, HubRefused, HubUnavailable, InvalidInput
from dynosaur_etl.net import hub_session
from dynosaur_etl.net.retry import RetryPolicy
from dynosaur_etl.snapshots import hub_calls, push
from dynosaur_etl.snapshots.hub_calls import HubTarget
from dynosaur_etl.snapshots.layout import expected_files
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.push import plan_push, push_candidate, push_snapshot
from tests.demo.hub_support import serve, write_hub
from tests.snapshots.factories import PLAIN, snapshot
from tests.snapshots.faulty_proxy import HANGING, Faults, proxy

ROOT = Path(__file__).resolve().parents[2]
REPO = "team/set"


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def way(request: pytest.FixtureRequest) -> str:
    """By which large files go up, `xet` or `lfs`."""
    return str(getattr(request, "param", "lfs"))


BOTH_WAYS = pytest.mark.parametrize("way", ["lfs", "xet"], indirect=True)


def client_environment(way: str, home: Path) -> dict[str, str]:
    """What the real client reads when it starts, or when it first uploads by Xet."""
    return {
        "HF_HUB_DISABLE_XET": "1" if way == "lfs" else "0",
        "HF_XET_CACHE": str(home / "xet"),
        "HF_XET_CLIENT_RETRY_BASE_DELAY": "10ms",
        "HF_XET_CLIENT_READ_TIMEOUT": "1s",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


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


def titles(api: HfApi) -> list[str]:
    return [commit.title for commit in api.list_repo_commits(REPO, repo_type="dataset")]


def tags(api: HfApi) -> list[str]:
    return [tag.name for tag in api.list_repo_refs(REPO, repo_type="dataset").tags]


@BOTH_WAYS
def test_a_version_is_one_commit_and_one_tag_with_every_file(
    target: HubTarget, api: HfApi, first: Path, second: Path
) -> None:
    made = push_snapshot(first, target)
    assert (made.tag, made.new) == ("v0001", True)
    info = api.dataset_info(REPO, revision="v0001", files_metadata=True)
    assert info.private
    assert info.sha == made.commit
    names = {file.rfilename for file in info.siblings or ()} - {".gitattributes"}
    assert names == {*read_manifest(first).files, "manifest.json"}
    large = {file.rfilename for file in info.siblings or () if file.lfs}
    assert large == {name for name in names if name.endswith(".parquet")}
    assert push_snapshot(second, target).new
    assert titles(api) == ["Version 2", "Version 1", "initial commit"]
    assert tags(api) == ["v0001", "v0002"]


def test_a_second_time_nothing_is_sent(target: HubTarget, faults: Faults, first: Path) -> None:
    before = push_snapshot(first, target)
    faults.seen.clear()
    assert push_snapshot(first, target) == replace(before, new=False)
    assert not [line for line in faults.seen if line.startswith(("POST", "PUT"))]


def test_a_dry_run_tells_all_and_sends_nothing(
    target: HubTarget, faults: Faults, first: Path, second: Path
) -> None:
    plan = plan_push(first, target)
    names = {*expected_files({"data/train": 5}), "manifest.json"}
    assert (plan.tag, plan.creates_repo, set(plan.added)) == ("v0001", True, names)
    assert not [line for line in faults.seen if not line.startswith("GET")]
    push_snapshot(first, target)
    assert plan_push(first, target).published
    assert plan_push(second, target).deleted == ()
    assert "README.md" in plan_push(second, target).added


def test_a_file_that_the_version_lacks_is_deleted(
    target: HubTarget, api: HfApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dynosaur_etl.snapshots.layout.SHARD_ROWS", 2)
    three = snapshot(tmp_path / "three", *PLAIN)
    one = snapshot(tmp_path / "one", PLAIN[0], version=2, parent=three)
    push_snapshot(three, target)
    push_snapshot(one, target)
    files = api.list_repo_files(REPO, revision="v0002", repo_type="dataset")
    assert [name for name in files if name.startswith("data/")] == [
        "data/train-00000-of-00001.parquet"
    ]


def test_a_tag_that_holds_something_else_is_never_moved(
    target: HubTarget, api: HfApi, first: Path, tmp_path: Path
) -> None:
    made = push_snapshot(first, target)
    other = snapshot(tmp_path / "other", PLAIN[1])
    for act in (push_snapshot, plan_push, push_candidate):
        with pytest.raises(InvalidInput, match=r"v0001 of team/set, with another README\.md"):
            act(other, target)
    assert api.dataset_info(REPO, revision="v0001").sha == made.commit


def test_a_main_branch_that_somebody_changed_is_not_overwritten(
    target: HubTarget, api: HfApi, first: Path, second: Path
) -> None:
    push_snapshot(first, target)
    api.upload_file(
        path_or_fileobj=b"edited", path_in_repo="README.md", repo_id=REPO, repo_type="dataset"
    )
    with pytest.raises(InvalidInput, match=r"the files of v0001; main was changed since"):
        push_snapshot(second, target)
    assert tags(api) == ["v0001"]


def squash(api: HfApi, *lost_tags: str) -> None:
    """Squash the history of main; the files are the same, every commit is another one."""
    before = api.dataset_info(REPO).sha
    api.super_squash_history(REPO, repo_type="dataset")
    for tag in lost_tags:
        api.delete_tag(REPO, tag=tag, repo_type="dataset")
    assert api.dataset_info(REPO).sha != before


@pytest.mark.parametrize("lost_tags", [(), ("v0001",)], ids=["tags kept", "tags gone"])
def test_after_a_squash_the_next_version_follows(
    target: HubTarget, api: HfApi, first: Path, second: Path, lost_tags: tuple[str, ...]
) -> None:
    push_snapshot(first, target)
    squash(api, *lost_tags)
    plan = plan_push(second, target)
    assert (plan.published, "README.md" in plan.added) == (False, True)
    assert push_candidate(second, target).new
    assert push_snapshot(second, target).new
    assert titles(api)[0] == "Version 2"
    assert "v0002" in tags(api)
    squash(api)
    assert not push_snapshot(second, target).new, "what is tagged is there"


@pytest.mark.parametrize("lost_tags", [(), ("v0001",)], ids=["tags kept", "tags gone"])
@pytest.mark.parametrize("change", ["another file", "an edit", "a deletion", "the manifest"])
def test_a_squash_hides_no_change_of_somebody_else(
    target: HubTarget, api: HfApi, first: Path, second: Path, lost_tags: tuple[str, ...],
    change: str,
) -> None:  # fmt: skip
    push_snapshot(first, target)
    place: dict[str, Any] = {"repo_id": REPO, "repo_type": "dataset"}
    if change == "a deletion":
        api.delete_file("sources.csv", **place)
    else:
        name = {"an edit": "README.md", "the manifest": "manifest.json"}.get(change, "notes.txt")
        api.upload_file(path_or_fileobj=b"edited", path_in_repo=name, **place)
    squash(api, *lost_tags)
    with pytest.raises(InvalidInput, match="main was changed since"):
        push_snapshot(second, target)
    with pytest.raises(InvalidInput, match="main was changed since"):
        plan_push(second, target)
    proposed = push_candidate(second, target)
    assert proposed.new, "the way out that the operator is told of"
    assert not push_candidate(second, target).new


def test_a_version_with_the_files_of_another_has_its_own_tag(
    target: HubTarget, api: HfApi, first: Path, second: Path
) -> None:
    push_snapshot(first, target)
    push_snapshot(second, target)
    made = push_snapshot(first, target, version=3)
    assert (made.tag, made.new) == ("v0003", True)
    assert titles(api)[0] == "Version 3"
    one, three = (
        {entry.path: entry.blob_id for entry in api.list_repo_tree(
            REPO, recursive=True, revision=tag, repo_type="dataset"
        ) if hasattr(entry, "blob_id")}
        for tag in ("v0001", "v0003")
    )  # fmt: skip
    assert one == three
    assert not push_snapshot(first, target, version=3).new
    assert not push_candidate(first, target, version=3).new


def test_a_change_between_looking_and_committing_is_a_stale_parent(
    target: HubTarget, api: HfApi, first: Path, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_snapshot(first, target)
    look, edits = push._check_untouched, [b"edited"]

    def look_then_lose(*arguments: Any) -> None:
        look(*arguments)
        if edits:
            place = {"path_in_repo": "README.md", "repo_id": REPO, "repo_type": "dataset"}
            api.upload_file(path_or_fileobj=edits.pop(), **place)

    monkeypatch.setattr(push, "_check_untouched", look_then_lose)
    with pytest.raises(InvalidInput, match="main was changed since"):
        push_snapshot(second, target)
    assert tags(api) == ["v0001"]


def test_a_tag_that_another_publisher_has_just_set_is_found(
    target: HubTarget, api: HfApi, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = push._commit

    def commit_and_lose(*arguments: Any, **options: Any) -> Any:
        made = commit(*arguments, **options)
        api.create_tag(REPO, tag="v0001", revision=made.oid, repo_type="dataset")
        return made

    monkeypatch.setattr(push, "_commit", commit_and_lose)
    made = push_snapshot(first, target)
    assert (made.new, made.commit) == (False, api.dataset_info(REPO, revision="v0001").sha)


def test_an_older_version_does_not_follow_a_newer_one(
    target: HubTarget, first: Path, second: Path
) -> None:
    push_snapshot(second, target)
    with pytest.raises(InvalidInput, match="version: received 1; allowed: 3 or more"):
        push_snapshot(first, target)


def test_a_repository_with_other_things_in_it_is_left_alone(
    target: HubTarget, api: HfApi, first: Path
) -> None:
    api.create_repo(REPO, repo_type="dataset")
    api.upload_file(
        path_or_fileobj=b"x", path_in_repo="model.bin", repo_id=REPO, repo_type="dataset"
    )
    with pytest.raises(InvalidInput, match="a new repository; main was changed"):
        push_snapshot(first, target)


def test_a_candidate_is_one_pull_request(
    target: HubTarget, api: HfApi, first: Path, second: Path
) -> None:
    push_snapshot(first, target)
    proposed = push_candidate(second, target)
    assert proposed.new
    assert str(proposed.pull_request).endswith(f"/datasets/{REPO}/discussions/1")
    again = push_candidate(second, target)
    assert (again.new, again.pull_request) == (False, proposed.pull_request)
    assert (tags(api), titles(api)[0]) == (["v0001"], "Version 1")


def test_without_a_token_the_hub_refuses(target: HubTarget, first: Path) -> None:
    with pytest.raises(HubRefused, match="401"):
        push_snapshot(first, replace(target, token=""))


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


@BOTH_WAYS
def test_it_opens_from_the_hub_by_its_tag(target: HubTarget, first: Path, tmp_path: Path) -> None:
    push_snapshot(first, replace(target, private=False))
    script = (
        "from datasets import load_dataset; import sys\n"
        f"rows = load_dataset({REPO!r}, revision='v0001', split='train')\n"
        f"tasks = load_dataset({REPO!r}, 'tasks', revision='v0001', split='train')\n"
        "print(len(rows), rows.column_names[:2], len(tasks))"
    )
    env = {
        **os.environ, "HF_ENDPOINT": target.endpoint, "HF_HOME": str(tmp_path / "hf"),
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, cwd=tmp_path
    )
    assert ended.stdout.strip() == "5 ['instance_key', 'instruction'] 2", ended.stderr
