"""The Hub's converted Parquet as a source: only of the pinned revision, and tied to it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.models import Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub import parquet_rows, remote_file
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.converted import converted_configs, sample_converted_config
from tests.demo.hub_support import FEATURES, Hub, serve, write_hub
from tests.demo.hub_support import SHA as COMMITS
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json
from tests.hub.test_rows import numbered, parquet
from tests.hub.test_viewer import REVIEWS, REVISION, viewed

PARQUET = "/viewer/parquet"
REFS = "/api/datasets/owner/name/refs"
MADE = "c" * 40
OTHER = "b" * 40


def entry(path: str, config: str = "default", split: str = "train", **more: Any) -> dict[str, Any]:
    url = f"https://elsewhere.example/datasets/owner/name/resolve/refs%2Fconvert%2Fparquet/{path}"
    return {"config": config, "split": split, "url": url, "size": 9, **more}


def told(*entries: Any, sha: str = SHA, **more: Any) -> Answer:
    return viewed({"parquet_files": list(entries), **more}, sha=sha)


def refs(main: str = SHA, *converts: str) -> Answer:
    def branch(name: str, ref: str, commit: str) -> dict[str, str]:
        return {"name": name, "ref": ref, "targetCommit": commit}

    made = [branch(ref.rpartition("/")[2], ref, MADE) for ref in converts]
    branches = [branch("main", "refs/heads/main", main)]
    return Answer(body=as_json({"branches": branches, "converts": made, "tags": []}))


CONVERTED = "refs/convert/parquet"


def put_converted(hub: FaultyHub, content: bytes, **more: Any) -> None:
    hub.answers[PARQUET] = [told(entry("default/train/0000.parquet", size=len(content)), **more)]
    hub.answers[REFS] = [refs(SHA, CONVERTED)]
    hub.further[MADE] = {"default/train/0000.parquet": content}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    write_hub(folder / "root")
    with serve(folder / "root", folder / "log.jsonl") as running:
        yield running


def test_rows_are_drawn_over_the_whole_split(demo: Hub) -> None:
    client = HubClient(demo.endpoint, None, f"{demo.endpoint}/viewer", timeout=5, concurrency=4)
    [config] = converted_configs(client, REVIEWS)
    assert client.requests == {"viewer": 1, "refs": 1}
    sample = sample_converted_config(client, REVIEWS, config, 40, 0)
    assert sample.config.revision == COMMITS[5]
    assert dict(sample.config.features) == FEATURES
    assert dict(sample.config.splits) == {"train": 250}
    places = sample.table.column("__row__").to_pylist()
    assert max(places) - min(places) > 150
    assert sample.table.column("text").to_pylist() == [f"row {place}" for place in places]
    files = [line["path"] for line in demo.requests() if "/resolve/" in line["path"]]
    assert files
    assert not any("refs" in path or COMMITS[5] in path for path in files)  # its commit's sha


def test_only_the_drawn_row_groups_are_read(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_file, "WHOLE", 4_096)
    monkeypatch.setattr(parquet_rows, "MAX_GROUPS", 2)
    words = {"text": [f"{n}" * 500 for n in range(2_000)], "more": ["x"] * 2_000}
    content = parquet(words, group=20)
    put_converted(hub, content)
    [config] = converted_configs(client, REVISION)
    table = sample_converted_config(client, REVISION, config, 30, 0).table
    assert len({place // 20 for place in table.column("__row__").to_pylist()}) == 2
    spans = [headers["range"][6:].split("-") for _, headers in hub.asked if "range" in headers]
    assert sum(int(stop) - int(start) + 1 for start, stop in spans) < len(content) / 4


def test_a_revision_of_the_past_has_no_converted_parquet(demo: Hub) -> None:
    client = HubClient(demo.endpoint, None, f"{demo.endpoint}/viewer", timeout=5, concurrency=4)
    older = Revision(REVIEWS.dataset_id, COMMITS[3], datetime(2021, 3, 1, tzinfo=UTC))
    assert converted_configs(client, older) == []
    assert client.requests == {"viewer": 1}


@pytest.mark.parametrize(
    ("parquet", "heads"),
    [
        (told(entry("default/train/0.parquet"), sha=OTHER), refs(SHA, CONVERTED)),
        (told(entry("default/train/0.parquet")), refs(OTHER, CONVERTED)),  # pushed since
        (told(entry("default/train/0.parquet")), refs(SHA)),
        (told(entry("default/train/0.parquet")), refs(SHA, "refs/convert/duckdb")),
        (told(), refs(SHA, CONVERTED)),
        (viewed({}, status=500, X_Error_Code="ResponseNotReady"), refs(SHA, CONVERTED)),
        (viewed([1]), refs(SHA, CONVERTED)),
        (viewed({"parquet_files": {"a": 1}}), refs(SHA, CONVERTED)),
    ],
)
def test_what_is_not_of_this_revision_is_not_used(
    hub: FaultyHub, client: HubClient, parquet: Answer, heads: Answer
) -> None:
    hub.answers[PARQUET], hub.answers[REFS] = [parquet], [heads]
    assert converted_configs(client, REVISION) == []


def test_entries_that_cannot_be_read_are_left_out(hub: FaultyHub, client: HubClient) -> None:
    good = entry("b%20c/train/0.parquet", "b c")
    bad = [
        7,
        {},
        entry("x/train/0.parquet", size=-1),
        entry("x/train/0.parquet", size="9"),
        entry("x" * 400, "y" * 400),
        {**entry("x"), "url": "https://elsewhere.example/other/x.parquet"},
        {**entry("x"), "url": None},
        entry(""),
    ]
    hub.answers[PARQUET] = [told(*bad, good, entry("b%20c/test/0.parquet", "b c", "test"))]
    hub.answers[REFS] = [refs(SHA, CONVERTED)]
    [config] = converted_configs(client, REVISION)
    assert config.files.name == "b c"
    assert config.files.commit == MADE
    [(split, [file])] = config.files.splits.items()
    assert (split, file.path) == ("train", "b c/train/0.parquet")


def test_files_are_read_from_the_settings_hub_at_the_branchs_commit(
    hub: FaultyHub, client: HubClient
) -> None:
    put_converted(hub, numbered(6), partial=True)
    [config] = converted_configs(client, REVISION)
    sample = sample_converted_config(client, REVISION, config, 10, 0)
    assert sample.table.column("label").to_pylist() == [None, 0, 1, None, 0, 1]
    assert dict(sample.config.splits) == {"train": -1}  # the first rows only
    assert hub.paths()[-1].startswith(f"/datasets/owner/name/resolve/{MADE}/")


def test_another_commit_in_the_answer_is_an_outage(hub: FaultyHub, client: HubClient) -> None:
    put_converted(hub, numbered(6))
    path = f"/datasets/owner/name/resolve/{MADE}/default/train/0000.parquet"
    hub.answers[path] = [Answer(206, numbered(6), {"X-Repo-Commit": OTHER})]
    [config] = converted_configs(client, REVISION)
    with pytest.raises(HubUnavailable, match=OTHER):
        sample_converted_config(client, REVISION, config, 10, 0)


def test_a_branch_that_was_overwritten_is_refused(hub: FaultyHub, client: HubClient) -> None:
    put_converted(hub, numbered(6))
    path = f"/datasets/owner/name/resolve/{MADE}/default/train/0000.parquet"
    hub.answers[path] = [Answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})]
    [config] = converted_configs(client, REVISION)
    with pytest.raises(HubRefused) as refusal:
        sample_converted_config(client, REVISION, config, 10, 0)
    assert refusal.value.reason is Reason.GONE


@pytest.mark.parametrize("path", [PARQUET, REFS])
def test_an_outage_is_one(hub: FaultyHub, client: HubClient, path: str) -> None:
    put_converted(hub, numbered(6))
    hub.answers[path] = [Answer(503, b"x")]
    with pytest.raises(HubUnavailable):
        converted_configs(client, REVISION)
