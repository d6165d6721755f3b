"""Publishing with the Hub's real client over HTTP: once, whole, and whatever gets in the way."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from dynosaur_etl.domain.errors import HubRefused, InvalidInput
from dynosaur_etl.snapshots import push
from dynosaur_etl.snapshots.hub_calls import HubTarget
from dynosaur_etl.snapshots.layout import expected_files
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.push import plan_push, push_candidate, push_snapshot
from tests.snapshots.factories import PLAIN, snapshot
from tests.snapshots.faulty_proxy import Faults
from tests.snapshots.push_support import BOTH_WAYS, REPO, tags, titles


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
