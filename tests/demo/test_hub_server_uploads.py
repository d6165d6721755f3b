"""Publishing to the demonstration Hub with the real client."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.hub_support import Hub, serve, write_hub, write_parquet

CLIENT = {"HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_demo"}
PUBLISH = """
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
api = HfApi()
def status(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except HfHubHTTPError as error:
        return error.response.status_code
NAME = 'team/snapshots'
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    write_hub(tmp_path / "root")
    with serve(tmp_path / "root", tmp_path / "log.jsonl", uploads=tmp_path / "up") as running:
        yield running


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    folder = tmp_path / "snapshot"
    write_parquet(folder / "data/train-00000-of-00001.parquet", 20)
    (folder / "README.md").write_text("---\nlicense: mit\n---\nfirst\n")
    (folder / "empty.csv").write_text("")
    return folder


def publish(snapshot: Path) -> str:
    return (
        PUBLISH
        + "api.create_repo(NAME, repo_type='dataset')\n"
        + f"first = api.upload_folder(repo_id=NAME, folder_path={str(snapshot)!r},"
        + " repo_type='dataset', commit_message='version 1')\n"
    )


def test_a_folder_is_published_tagged_and_read_back(hub: Hub, snapshot: Path) -> None:
    result = hub.client(
        publish(snapshot)
        + "api.create_tag(NAME, tag='v1', repo_type='dataset', revision=first.oid)\n"
        + "info = api.dataset_info(NAME, revision='v1', files_metadata=True)\n"
        + "from datasets import load_dataset\n"
        + "rows = load_dataset(NAME, revision='v1', split='train', streaming=True)\n"
        + "result = [first.oid == info.sha, info.card_data.license, info.tags,"
        + "{s.rfilename: s.lfs and s.lfs.sha256 for s in info.siblings}, len(list(rows)),"
        + "[c.title for c in api.list_repo_commits(NAME, repo_type='dataset')],"
        + "[t.name for t in api.list_repo_refs(NAME, repo_type='dataset').tags]]",
        **CLIENT,
    )
    parquet = "data/train-00000-of-00001.parquet"
    digest = hashlib.sha256((snapshot / parquet).read_bytes()).hexdigest()
    files = {".gitattributes": None, "README.md": None, parquet: digest, "empty.csv": None}
    titles = ["version 1", "initial commit"]
    assert result == [True, "mit", ["license:mit"], files, 20, titles, ["v1"]]


def test_conflicts_have_the_status_that_the_hub_gives(hub: Hub, snapshot: Path) -> None:
    result = hub.client(
        publish(snapshot)
        + "add = lambda text, **a: api.upload_file(path_or_fileobj=text, path_in_repo='a.txt',"
        + " repo_id=NAME, repo_type='dataset', **a)\n"
        + "second = add(b'one')\n"
        + "tag = lambda: api.create_tag(NAME, tag='v1', repo_type='dataset')\n"
        + "tag()\n"
        + "result = dict("
        + "repo=status(api.create_repo, NAME, repo_type='dataset'),"
        + "recorded=status(api.create_repo, 'legacy-datasets/reviews', repo_type='dataset'),"
        + "tag=status(tag), stale=status(add, b'two', parent_commit=first.oid),"
        + "fresh=status(add, b'two', parent_commit=second.oid),"
        + "unchanged=add(b'two').oid == api.dataset_info(NAME).sha,"
        + "read_only=status(api.upload_file, path_or_fileobj=b'x', path_in_repo='x',"
        + " repo_id='legacy-datasets/reviews', repo_type='dataset'),"
        + "anonymous=status(HfApi(token=False).create_repo, 'team/other', repo_type='dataset'))",
        **CLIENT,
    )
    assert result == {
        "repo": 409,
        "recorded": 409,
        "tag": 409,
        "stale": 412,
        "fresh": None,
        "unchanged": True,
        "read_only": 403,
        "anonymous": 401,
    }


def test_deletions_and_old_revisions(hub: Hub, snapshot: Path) -> None:
    result = hub.client(
        publish(snapshot)
        + "api.delete_folder('data', NAME, repo_type='dataset')\n"
        + "files = lambda **a: len(api.list_repo_files(NAME, repo_type='dataset', **a))\n"
        + "result = [files(), files(revision=first.oid),"
        + "status(api.delete_file, 'none.txt', NAME, repo_type='dataset')]",
        **CLIENT,
    )
    assert result == [3, 4, 404]


def test_private_uploads_open_to_tokens_only_and_outlive_the_server(
    tmp_path: Path, snapshot: Path
) -> None:
    write_hub(tmp_path / "root")
    folders = (tmp_path / "root", tmp_path / "log.jsonl")
    with serve(*folders, uploads=tmp_path / "up") as hub:
        sha = hub.client(
            publish(snapshot).replace("'dataset')", "'dataset', private=True)", 1)
            + "api.create_tag(NAME, tag='v1', repo_type='dataset')\nresult = first.oid",
            **CLIENT,
        )
    with serve(*folders, uploads=tmp_path / "up") as hub:
        path = "/api/datasets/team/snapshots/revision/v1"
        assert hub.raw("GET", path)[0] == 401
        status, _, body = hub.raw("GET", path, Authorization="Bearer x")
        assert (status, sha.encode() in body) == (200, True)
        assert all(item["id"] != "team/snapshots" for item in hub.json("/api/datasets"))


def test_only_announced_content_is_kept(hub: Hub, snapshot: Path) -> None:
    oid = hashlib.sha256(b"content").hexdigest()
    assert hub.raw("PUT", f"/large-files/{oid}")[0] == 404
    assert hub.raw("PUT", "/large-files/..%2f..%2findex.jsonl")[0] == 404
    result = hub.client(
        PUBLISH
        + "from huggingface_hub.utils import get_session\n"
        + "api.create_repo(NAME, repo_type='dataset')\n"
        + f"objects = [{{'oid': '{oid}', 'size': 7}}]\n"
        + "batch = lambda: get_session().post(api.endpoint + '/datasets/team/snapshots.git/info/"
        + "lfs/objects/batch', json={'objects': objects}, headers=api._build_hf_headers()"
        + ").json()['objects'][0].get('actions', {}).get('upload', {}).get('href')\n"
        + "url = batch()\n"
        + "put = lambda content: get_session().put(url, content=content).status_code\n"
        + "result = [put(b'other!!'), put(b'content and more'), put(b'content'), batch()]",
        **CLIENT,
    )
    assert result == [400, 400, 200, None]


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "a/../../b", ".git/config", ""])
def test_paths_that_leave_the_repository_are_refused(hub: Hub, path: str) -> None:
    result = hub.client(
        PUBLISH
        + "import json\n"
        + "from huggingface_hub.utils import get_session\n"
        + "api.create_repo(NAME, repo_type='dataset')\n"
        + "lines = [{'key': 'header', 'value': {'summary': 's'}},"
        + f" {{'key': 'file', 'value': {{'path': {path!r}, 'content': 'YQ=='}}}}]\n"
        + "result = get_session().post(api.endpoint + '/api/datasets/team/snapshots/commit/main',"
        + " content='\\n'.join(map(json.dumps, lines)), headers=api._build_hf_headers()"
        + ").status_code",
        **CLIENT,
    )
    assert result == 400


def test_a_card_whose_head_is_not_yaml_is_refused_before_the_upload(hub: Hub) -> None:
    result = hub.client(
        PUBLISH
        + "api.create_repo(NAME, repo_type='dataset')\n"
        + "try:\n"
        + "    api.upload_file(path_or_fileobj=b'---\\na: [\\n---\\n', path_in_repo='README.md',"
        + " repo_id=NAME, repo_type='dataset')\n"
        + "except ValueError as error:\n"
        + "    result = str(error)",
        **CLIENT,
    )
    assert "Invalid YAML metadata" in result


def test_without_an_uploads_folder_nothing_can_be_created(tmp_path: Path) -> None:
    write_hub(tmp_path / "root")
    with serve(tmp_path / "root", tmp_path / "log.jsonl") as hub:
        result = hub.client(
            PUBLISH + "result = status(api.create_repo, NAME, repo_type='dataset')", **CLIENT
        )
        assert result == 404
