"""The real Hub clients against the demonstration Hub."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.hub_server import create_app, main
from tests.demo.hub_support import COMMITS, ROWS, SHA, Hub, serve, write_hub

REVIEWS = "legacy-datasets/reviews"
PUBLIC = [
    REVIEWS,
    "org/owned",
    "legacy-datasets/card_only",
    "legacy-datasets/locked",
    "legacy-datasets/closed",
    "legacy-datasets/uncommitted",
]
API = "from huggingface_hub import HfApi\nfrom huggingface_hub.errors import *\napi = HfApi()\n"
NAME_OF_ERROR = """
def name_of_error(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except Exception as error:
        return type(error).__name__
"""


def git_hash(file: Path) -> str:
    command = ["git", "hash-object", "--no-filters", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    write_hub(folder / "root")
    with serve(folder / "root", folder / "log.jsonl", page_size=2) as running:
        yield running


def test_listing_goes_over_several_pages(hub: Hub) -> None:
    before = len(hub.requests())
    result = hub.client(
        API
        + "result = {'all': [d.id for d in api.list_datasets()],"
        + "'three': [d.id for d in api.list_datasets(limit=3)]}"
    )
    assert result == {"all": PUBLIC, "three": PUBLIC[:3]}
    asked = [r for r in hub.requests()[before:] if r["path"] == "/api/datasets"]
    assert len(asked) == 3 + 2
    assert all(request["status"] == 200 for request in asked)


def test_listing_filters_and_sorts(hub: Hub) -> None:
    result = hub.client(
        API
        + "ids = lambda **asked: [d.id.split('/')[1] for d in api.list_datasets(**asked)]\n"
        + "result = dict("
        + "both=ids(filter=['license:apache-2.0', 'language:no']),"
        + "neither=ids(filter=['license:apache-2.0', 'language:de']),"
        + "author=ids(author='org'), search=ids(search='REV'), gated=ids(gated=True),"
        + "created=ids(sort='created_at', limit=2), likes=ids(sort='likes', limit=3))"
    )
    assert result == {
        "both": ["reviews"],
        "neither": [],
        "author": ["owned"],
        "search": ["reviews"],
        "gated": ["locked"],
        "created": ["owned", "closed"],
        "likes": ["card_only", "reviews", "owned"],
    }


def test_expand_blanks_all_other_fields_and_full_adds_cards_and_files(hub: Hub) -> None:
    result = hub.client(
        API
        + "one = next(iter(api.list_datasets(search='reviews', expand=['sha', 'likes'])))\n"
        + "full = next(iter(api.list_datasets(search='reviews', full=True)))\n"
        + "result = [one.sha, one.likes, one.tags, one.created_at, full.card_data.to_dict(),"
        + "[s.rfilename for s in full.siblings]]"
    )
    card = {"license": "apache-2.0", "language": ["no"], "date": "2021-01-01"}
    files = ["README.md", "dataset_infos.json", "small/test.parquet", "small/train.parquet"]
    assert result == [SHA[5], 5, None, None, card, files]


def test_info_follows_the_revision(hub: Hub) -> None:
    result = hub.client(
        API
        + NAME_OF_ERROR
        + f"now = api.dataset_info('{REVIEWS}', files_metadata=True)\n"
        + f"then = api.dataset_info('{REVIEWS}', revision='{SHA[3]}')\n"
        + "result = [now.sha, now.card_data.license, now.created_at.isoformat(),"
        + "now.siblings[0].blob_id, now.siblings[3].lfs.size == now.siblings[3].size,"
        + "then.sha, then.card_data.license,"
        + f"name_of_error(api.dataset_info, '{REVIEWS}', revision='{'f' * 40}')]"
    )
    assert result == [
        SHA[5],
        "apache-2.0",
        "2021-01-01T10:00:00+00:00",
        git_hash(hub.root / "datasets/reviews/README.md"),
        True,
        SHA[3],
        "mit",
        "RevisionNotFoundError",
    ]


def test_history_refs_and_tree(hub: Hub) -> None:
    result = hub.client(
        API
        + f"commits = api.list_repo_commits('{REVIEWS}', repo_type='dataset')\n"
        + f"old = api.list_repo_commits('{REVIEWS}', repo_type='dataset', revision='{SHA[2]}')\n"
        + f"refs = api.list_repo_refs('{REVIEWS}', repo_type='dataset')\n"
        + "tree = lambda **a: [e.path for e in api.list_repo_tree("
        + f"'{REVIEWS}', repo_type='dataset', **a)]\n"
        + f"paths = api.get_paths_info('{REVIEWS}', ['small', 'README.md', 'no'],"
        + f" repo_type='dataset', revision='{SHA[3]}', expand=True)\n"
        + "result = [[[c.commit_id, c.created_at.strftime('%Y-%m-%dT%H:%M:%SZ'), c.title]"
        + " for c in commits], [c.commit_id for c in old],"
        + "[[b.name, b.target_commit] for b in refs.branches], tree(), tree(recursive=True),"
        + "tree(path_in_repo='small'), [[p.path, p.last_commit.oid] for p in paths]]"
    )
    small = ["small/test.parquet", "small/train.parquet"]
    assert result == [
        [[commit["sha"], commit["date"], commit["title"]] for commit in COMMITS],
        [SHA[2], SHA[1]],
        [["main", SHA[5]]],
        ["README.md", "dataset_infos.json", "small"],
        ["README.md", "dataset_infos.json", "small", *small],
        small,
        [["small", SHA[1]], ["README.md", SHA[2]]],
    ]


def test_download_gives_the_newest_stored_card_that_is_not_newer(hub: Hub) -> None:
    result = hub.client(
        "from huggingface_hub import hf_hub_download\n"
        + "from pathlib import Path\n"
        + f"card = lambda sha: Path(hf_hub_download('{REVIEWS}', 'README.md',"
        + " repo_type='dataset', revision=sha)).read_text().splitlines()[-1]\n"
        + f"result = [card(sha) for sha in {[SHA[n] for n in (5, 4, 3, 2, 1)]}]"
    )
    assert result == ["new card", "new card", "old card", "old card", "old card"]


def test_parquet_is_read_by_ranges_at_a_revision(hub: Hub) -> None:
    before = len(hub.requests())
    result = hub.client(
        "from huggingface_hub import HfFileSystem\n"
        + "import pyarrow.parquet as pq\n"
        + f"path = 'datasets/{REVIEWS}@{SHA[3]}/small/train.parquet'\n"
        + "with HfFileSystem(block_size=1024).open(path) as f:\n"
        + "    result = pq.ParquetFile(f).read(columns=['label'], use_threads=False).num_rows"
    )
    assert result == ROWS
    reads = [r for r in hub.requests()[before:] if "/resolve/" in r["path"]]
    assert {r["status"] for r in reads if r["method"] == "GET"} == {206}
    assert all(f"/resolve/{SHA[3]}/" in r["path"] for r in reads)


def test_streaming_with_the_datasets_library(hub: Hub) -> None:
    result = hub.client(
        "from datasets import load_dataset\n"
        + f"rows = load_dataset('{REVIEWS}', data_files={{'train': 'small/train.parquet'}},"
        + f" revision='{SHA[2]}', split='train', streaming=True)\n"
        + "result = [list(rows.take(2)), rows.features['label'].names]"
    )
    rows = [{"text": "row 0", "label": 0}, {"text": "row 1", "label": 1}]
    assert result == [rows, ["bad", "good"]]


def test_refusals_are_the_errors_that_the_clients_know(hub: Hub) -> None:
    result = hub.client(
        API
        + NAME_OF_ERROR
        + "card = lambda name, **a: name_of_error(api.hf_hub_download, f'legacy-datasets/{name}',"
        + " a.get('file', 'README.md'), repo_type='dataset')\n"
        + "info = lambda name: name_of_error(api.dataset_info, name)\n"
        + "result = dict("
        + "bare=api.dataset_info('reviews').id, missing=info('legacy-datasets/none'),"
        + "private=info('legacy-datasets/secret'), bare_private=info('secret'),"
        + "gated=api.dataset_info('legacy-datasets/locked').gated,"
        + "gated_file=card('locked'), disabled_info=info('legacy-datasets/closed'),"
        + "disabled_tree=name_of_error(lambda: list(api.list_repo_tree("
        + "'legacy-datasets/closed', repo_type='dataset'))),"
        + "no_file=card('reviews', file='none.md'))"
    )
    assert result == {
        "bare": REVIEWS,
        "missing": "RepositoryNotFoundError",
        "private": "RepositoryNotFoundError",
        "bare_private": "RepositoryNotFoundError",
        "gated": "manual",
        "gated_file": "GatedRepoError",
        "disabled_info": None,
        "disabled_tree": "DisabledRepoError",
        "no_file": "RemoteEntryNotFoundError",
    }


def test_a_bare_id_is_answered_with_the_full_path(hub: Hub) -> None:
    for path, target in (
        ("/api/datasets/reviews?blobs=true", f"/api/datasets/{REVIEWS}?blobs=true"),
        (
            "/datasets/reviews/resolve/refs%2Fx/README.md",
            f"/datasets/{REVIEWS}/resolve/refs%2Fx/README.md",
        ),
    ):
        status, headers, _ = hub.raw("GET", path)
        assert (status, headers["location"]) == (307, target)


def test_a_dataset_without_commits_is_served(hub: Hub) -> None:
    result = hub.client(
        API
        + "name = 'legacy-datasets/uncommitted'\n"
        + "info = api.dataset_info(name)\n"
        + "result = [len(info.sha), info.siblings, info.card_data,"
        + "api.list_repo_commits(name, repo_type='dataset')]"
    )
    assert result == [40, [], None, []]


def test_file_answers_carry_commit_etag_and_length(hub: Hub) -> None:
    path = f"/datasets/{REVIEWS}/resolve/main/small/train.parquet"
    status, headers, body = hub.raw("HEAD", path)
    size = (hub.root / "datasets/reviews/small/train.parquet").stat().st_size
    assert (status, body, headers["x-repo-commit"]) == (200, b"", SHA[5])
    assert headers["content-length"] == headers["x-linked-size"] == str(size)
    assert headers["etag"] == headers["x-linked-etag"]
    status, headers, body = hub.raw("GET", path, Range="bytes=0-3")
    assert (status, body, headers["content-range"]) == (206, b"PAR1", f"bytes 0-3/{size}")
    assert hub.raw("GET", path, Range=f"bytes={size}-")[0] == 416


def test_side_requests_are_answered_quietly(hub: Hub) -> None:
    assert hub.json("/api/agent-harnesses") == {"standardEnvVars": [], "harnesses": {}}
    assert hub.raw("POST", "/v1/telemetry")[0] == 200
    assert hub.raw("HEAD", "/api/telemetry/datasets/x")[0] == 200


@pytest.mark.parametrize(
    "query", ["sort=name", "limit=-1", "cursor=%21", "expand=password", "limit=9999999999"]
)
def test_queries_that_the_hub_does_not_know_are_refused(hub: Hub, query: str) -> None:
    assert hub.raw("GET", f"/api/datasets?{query}")[0] == 400


def test_other_host_names_and_addresses_are_refused(hub: Hub, tmp_path: Path) -> None:
    assert hub.raw("GET", "/api/datasets", Host="hub.example")[0] == 400
    with pytest.raises(SystemExit):
        main(["--root", str(tmp_path), "--port", "0", "--host", "192.0.2.1"])


def test_an_index_with_a_hostile_or_doubled_id_is_refused(tmp_path: Path) -> None:
    for lines in ('{"id": "../etc"}\n', '{"id": "a/b/c"}\n', '{"id": "a"}\n{"id": "a"}\n'):
        (tmp_path / "index.jsonl").write_text(lines)
        with pytest.raises(ValueError, match=r"not a dataset id|twice"):
            create_app(tmp_path)
