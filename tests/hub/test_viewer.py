"""The dataset viewer as a source: only of the pinned revision, the same rows, few requests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.models import Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub import client as client_module
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.rows import ConfigSample, sample_viewed_config
from dynosaur_etl.hub.viewer import ViewedConfig, draw_viewed_rows, view_configs
from tests.demo.hub_support import FEATURES, Hub, serve, write_hub
from tests.demo.hub_support import SHA as COMMITS
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json

REVISION = Revision("owner/name", SHA, datetime(2023, 1, 1, tzinfo=UTC))
REVIEWS = Revision("legacy-datasets/reviews", COMMITS[5], datetime(2021, 5, 1, tzinfo=UTC))
TEXT = {"dtype": "string", "_type": "Value"}
INFO, ROWS = "/viewer/info", "/viewer/rows"


def viewed(content: Any, sha: str = SHA, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, as_json(content), {"X-Revision": sha, **named})


def info(features: dict[str, Any], rows: int = 2, **more: Any) -> dict[str, Any]:
    splits = {"train": {"num_examples": rows}, "test": {"num_examples": 9}}
    return {"dataset_info": {"default": {"features": features, "splits": splits}}, **more}


def rows(*cells: dict[str, Any], first: int = 0) -> dict[str, Any]:
    entries = [
        {"row_idx": first + place, "row": row, "truncated_cells": []}
        for place, row in enumerate(cells)
    ]
    return {"rows": entries}


def sampled(hub: FaultyHub, client: HubClient, features: dict[str, Any]) -> ConfigSample:
    hub.answers[INFO] = [viewed(info(features))]
    [config] = view_configs(client, REVISION)
    return sample_viewed_config(client, REVISION, config, 200, 0)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    write_hub(folder / "root")
    with serve(folder / "root", folder / "log.jsonl") as running:
        yield running


def test_configs_features_and_rows_are_those_of_the_repository(demo: Hub) -> None:
    client = HubClient(demo.endpoint, "hf_x", f"{demo.endpoint}/viewer", timeout=5, concurrency=4)
    [config] = view_configs(client, REVIEWS)
    assert config == ViewedConfig("small", FEATURES, {"train": 250}, False, ("test",))
    drawn = draw_viewed_rows(client, REVIEWS, config, 40, Random(0))
    assert client.requests == {"viewer": 5}  # info and four windows of ten
    indices = [record.index for record in drawn.records]
    assert len(set(indices)) == 40
    assert indices == sorted(indices)
    assert max(indices) - min(indices) > 60
    assert [record.values["text"] for record in drawn.records] == [f"row {i}" for i in indices]


def test_a_small_config_is_read_whole_by_pages_of_a_hundred(demo: Hub) -> None:
    client = HubClient(demo.endpoint, None, f"{demo.endpoint}/viewer", timeout=5, concurrency=4)
    [config] = view_configs(client, REVIEWS)
    sample = sample_viewed_config(client, REVIEWS, config, 300, 0)
    assert client.requests == {"viewer": 4}
    assert sample.table.column("__row__").to_pylist() == list(range(250))
    assert dict(sample.config.splits) == {"train": 250}


def test_the_viewer_of_another_commit_says_nothing(demo: Hub) -> None:
    client = HubClient(demo.endpoint, None, f"{demo.endpoint}/viewer", timeout=5, concurrency=4)
    older = Revision(REVIEWS.dataset_id, COMMITS[3], REVIEWS.committed_at)
    assert view_configs(client, older) == []


@pytest.mark.parametrize(
    "answer",
    [
        viewed({"error": "x"}, status=500, X_Error_Code="EmptyDatasetError"),
        viewed({"error": "x"}, status=500, X_Error_Code="ResponseNotReady"),
        viewed({"error": "x"}, status=501),
        viewed({"error": "x"}, status=404, X_Error_Code="ResponseNotFound"),
        viewed({"error": "x"}, status=401, X_Error_Code="ExternalUnauthenticatedError"),
        viewed([1]),
        viewed({"dataset_info": ["a"]}),
        viewed({"dataset_info": {"a": 7, "b": {"features": {}}, "c" * 400: {}}}),
        Answer(200, as_json(info({"a": TEXT}))),
    ],
)
def test_having_nothing_to_show_is_no_outage(
    hub: FaultyHub, client: HubClient, answer: Answer
) -> None:
    hub.answers[INFO] = [answer]
    assert view_configs(client, REVISION) == []
    assert client.requests == {"viewer": 1}


@pytest.mark.parametrize(
    "answer", [Answer(503, b"x"), Answer(429, b"x"), Answer(200, b"<html>", kind="text/html")]
)
def test_an_outage_of_the_viewer_is_one(hub: FaultyHub, client: HubClient, answer: Answer) -> None:
    hub.answers[INFO] = [answer]
    with pytest.raises(HubUnavailable):
        view_configs(client, REVISION)


def test_the_viewer_gets_no_token(hub: FaultyHub) -> None:
    hub.answers[INFO] = [viewed(info({"a": TEXT}))]
    client = HubClient(hub.endpoint, "hf_given", f"{hub.endpoint}/viewer", 1, 1)
    view_configs(client, REVISION)
    assert [headers.get("authorization") for _, headers in hub.asked] == [None]


def test_labels_times_lists_and_nulls(hub: FaultyHub, client: HubClient) -> None:
    label = {"names": ["bad", "good"], "_type": "ClassLabel"}
    features = {
        "text": TEXT,
        "label": label,
        "at": {"dtype": "timestamp[s]", "_type": "Value"},
        "words": {"feature": TEXT, "_type": "Sequence"},
    }
    hub.answers[ROWS] = [
        viewed(
            rows(
                {"text": "a", "label": -1, "at": "2020-01-02T03:04:05", "words": []},
                {"text": None, "label": 1, "at": None, "words": ["x", "y"]},
            )
        )
    ]
    sample = sampled(hub, client, features)
    assert sample.table.to_pydict() == {
        "text": ["a", None],
        "label": [None, 1],
        "at": [datetime(2020, 1, 2, 3, 4, 5), None],  # noqa: DTZ001 - the field has no zone
        "words": [[], ["x", "y"]],
        "__split__": ["train", "train"],
        "__row__": [0, 1],
    }
    assert sample.table.schema.field("label").type == pa.int64()
    assert sample.config.features["label"] == label


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({"a": TEXT, "b": TEXT, "c": {"_type": "Image"}}, Reason.MODALITY),
        ({"a": TEXT, "t": {"languages": ["de", "en"], "_type": "Translation"}}, Reason.TRANSLATION),
        ({"a": TEXT}, Reason.TOO_FEW_FIELDS),
    ],
)
def test_no_row_is_asked_for_of_what_its_features_drop(
    hub: FaultyHub, client: HubClient, features: dict[str, Any], reason: Reason
) -> None:
    sample = sampled(hub, client, features)
    assert examine_config(sample.config).reason is reason
    assert sample.table.num_rows == 0
    assert client.requests == {"viewer": 1}


def test_a_row_whose_cells_are_cut_is_left_out_and_counted(
    hub: FaultyHub, client: HubClient
) -> None:
    content = rows({"a": "x", "b": "y"}, {"a": "very lo", "b": "y"})
    content["rows"][1]["truncated_cells"] = ["a"]
    hub.answers[ROWS] = [viewed(content)]
    sample = sampled(hub, client, {"a": TEXT, "b": TEXT})
    assert sample.table.column("a").to_pylist() == ["x"]
    assert sample.oversized == 1


def test_counts_of_a_part_are_unknown(hub: FaultyHub, client: HubClient) -> None:
    hub.answers[INFO] = [viewed(info({"a": TEXT, "b": TEXT}, partial=True))]
    hub.answers[ROWS] = [viewed(rows({"a": "x", "b": "y"}, {"a": "x", "b": "y"}))]
    [config] = view_configs(client, REVISION)
    sample = sample_viewed_config(client, REVISION, config, 200, 0)
    assert dict(sample.config.splits) == {"train": -1}


PAIR = {"a": "x", "b": "y"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (viewed(rows(PAIR, PAIR), sha="b" * 40), Reason.ROWS_UNREADABLE),  # it has moved on
        (viewed(rows(PAIR)), Reason.ROWS_UNREADABLE),
        (viewed(rows(PAIR, PAIR, first=7)), Reason.ROWS_UNREADABLE),
        (viewed({"rows": [1, 2]}), Reason.ROWS_UNREADABLE),
        (viewed({"rows": [{"row_idx": 0, "row": 1}] * 2}), Reason.ROWS_UNREADABLE),
        (viewed(rows({"a": {"x": 1}, "b": "y"}, PAIR)), Reason.ROWS_UNREADABLE),
        (viewed({}, status=500), Reason.ROWS_UNREADABLE),
    ],
)
def test_rows_that_are_not_those_asked_for_are_refused(
    hub: FaultyHub, client: HubClient, answer: Answer, reason: Reason
) -> None:
    hub.answers[ROWS] = [answer]
    with pytest.raises(HubRefused) as refusal:
        sampled(hub, client, {"a": TEXT, "b": TEXT})
    assert refusal.value.reason is reason


@pytest.mark.parametrize(
    "features",
    [
        {"a": {"_type": "os.system"}, "b": TEXT},
        {"a": 7, "b": TEXT},
        {"__row__": TEXT, "b": TEXT},
        {f"f{n}": TEXT for n in range(2_000)},
    ],
)
def test_hostile_features_are_refused(
    hub: FaultyHub, client: HubClient, features: dict[str, Any]
) -> None:
    with pytest.raises(HubRefused) as refusal:
        sampled(hub, client, features)
    assert refusal.value.reason is Reason.FEATURES_UNREADABLE


def test_an_endless_answer_is_refused(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_ANSWER_BYTES", 1_000)
    hub.answers[INFO] = [viewed({"pad": "x" * 5_000})]
    with pytest.raises(HubRefused, match="over 1000 bytes"):
        client.view("info", "owner/name")
