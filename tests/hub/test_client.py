"""The client over the demonstration Hub: what it reads, and how many requests that takes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Commit
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.client import HubClient
from tests.demo.hub_support import SHA, Hub, serve, write_hub

REVIEWS = "legacy-datasets/reviews"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    write_hub(folder / "root")
    with serve(folder / "root", folder / "log.jsonl", page_size=2) as running:
        yield running


@pytest.fixture
def client(demo: Hub) -> HubClient:
    return HubClient(demo.endpoint, None, f"{demo.endpoint}/viewer", timeout=5, concurrency=4)


def test_the_listing_is_whole_and_full(client: HubClient) -> None:
    listings = {item.id: item for item in client.list_datasets(None)}
    bare = {"reviews", "card_only", "locked", "closed", "uncommitted"}
    assert set(listings) == {f"legacy-datasets/{name}" for name in bare} | {"org/owned"}
    assert client.requests == {"list": 3}  # pages of two
    reviews = listings[REVIEWS]
    assert reviews.owner == "legacy-datasets"
    assert reviews.sha == SHA[5]
    assert reviews.last_modified == datetime(2021, 5, 1, 10, tzinfo=UTC)
    assert reviews.tags == ("license:apache-2.0", "language:no")
    assert reviews.likes == 5
    assert listings["legacy-datasets/locked"].gated
    assert listings["legacy-datasets/closed"].disabled


def test_commits_are_newest_first(client: HubClient) -> None:
    commits = client.commits(REVIEWS)
    assert [commit.sha for commit in commits] == [SHA[n] for n in (5, 4, 3, 2, 1)]
    assert commits[0] == Commit(SHA[5], datetime(2021, 5, 1, 10, tzinfo=UTC), "commit 5")
    assert client.requests == {"commits": 3}  # pages of two


def test_cards_and_files_are_those_of_the_revision(client: HubClient) -> None:
    assert b"new card" in (client.card_bytes(REVIEWS, SHA[5]) or b"")
    assert b"old card" in (client.card_bytes(REVIEWS, SHA[3]) or b"")
    files = {file.path: file.size for file in client.files(REVIEWS, SHA[5])}
    assert set(files) >= {"README.md", "small/train.parquet", "small/test.parquet"}
    path = "small/train.parquet"
    for size in (files[path], None):
        with client.open(REVIEWS, SHA[5], path, size) as file:
            assert file.read(4) == b"PAR1"
            file.seek(-4, 2)
            assert file.read() == b"PAR1"
    assert client.requests == {"resolve": 4, "tree": client.requests["tree"], "info": 1}


def test_a_small_file_takes_one_request(client: HubClient) -> None:
    with client.open(REVIEWS, SHA[5], "small/test.parquet", 1_000) as file:
        file.seek(-8, 2)
        file.read()
        file.seek(0)
        file.read(4)
    assert client.requests == {"resolve": 1}


@pytest.mark.parametrize(
    ("dataset_id", "reason"),
    [
        ("legacy-datasets/locked", Reason.GATED),
        ("legacy-datasets/closed", Reason.DISABLED),
        ("legacy-datasets/secret", Reason.GONE),  # looks missing, so that names do not leak
        ("nobody/nothing", Reason.GONE),
        ("../etc/passwd", Reason.GONE),
        ("a b", Reason.GONE),
    ],
)
def test_refusals_have_a_reason(client: HubClient, dataset_id: str, reason: Reason) -> None:
    with pytest.raises(HubRefused) as refusal:
        client.card_bytes(dataset_id, SHA[1])
    assert refusal.value.reason is reason
    assert client.requests["retries"] == 0


def test_a_revision_that_is_gone_is_refused(client: HubClient) -> None:
    for ask in (client.card_bytes, client.files):
        with pytest.raises(HubRefused) as refusal:
            ask(REVIEWS, "f" * 40)
        assert refusal.value.reason is Reason.GONE


def test_a_missing_file_is_refused(client: HubClient) -> None:
    with pytest.raises(HubRefused) as refusal, client.open(REVIEWS, SHA[5], "no.csv", 9) as file:
        file.read()
    assert refusal.value.reason is Reason.GONE


@pytest.mark.recording
def test_the_recorded_hub_is_listed_down_to_a_moment(recorded_hub: Path, tmp_path: Path) -> None:
    with serve(recorded_hub, tmp_path / "log.jsonl", page_size=1_000) as hub:
        client = HubClient(hub.endpoint, None, "", timeout=30, concurrency=2)
        listings = list(client.list_datasets(None))
        assert len({listing.id for listing in listings}) == len(listings) == 551
        assert client.requests == {"list": 1}
        since = datetime(2022, 8, 1, tzinfo=UTC)
        newer = list(client.list_datasets(since))
        assert newer == [item for item in listings if item.last_modified >= since]
        assert newer == sorted(newer, key=lambda item: item.last_modified, reverse=True)
