"""The dataset viewer of the demonstration Hub."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.demo.hub_support import FEATURES, ROWS, SHA, Hub, serve, write_hub, write_parquet

REVIEWS = "dataset=legacy-datasets/reviews"
TRAIN = f"{REVIEWS}&config=small&split=train"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("viewer")
    write_hub(folder / "root")
    odd = folder / "root/datasets/org/owned/odd"
    odd.mkdir()
    table = pa.table(
        {
            "when": [datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)],
            "number": [float("nan")],
            "image": [{"bytes": b"\x89PNG", "path": "a.png"}],
            "nested": [{"words": ["a"], "raw": b"\x00"}],
        }
    )
    pq.write_table(table, odd / "train.parquet")
    with serve(folder / "root", folder / "log.jsonl") as running:
        yield running


def test_every_answer_names_the_newest_commit(hub: Hub) -> None:
    for name in ("is-valid", "splits", "info", "parquet", "size", "statistics"):
        assert hub.raw("GET", f"/viewer/{name}?{REVIEWS}")[1]["x-revision"] == SHA[5]


def test_is_valid_and_splits(hub: Hub) -> None:
    assert hub.json(f"/viewer/is-valid?{REVIEWS}")["viewer"] is True
    assert hub.json("/viewer/is-valid?dataset=legacy-datasets/card_only")["viewer"] is False
    named = {"dataset": "legacy-datasets/reviews", "config": "small"}
    assert hub.json(f"/viewer/splits?{REVIEWS}") == {
        "splits": [{**named, "split": "test"}, {**named, "split": "train"}],
        "pending": [],
        "failed": [],
    }


def test_rows_are_a_window_with_class_labels_as_integers(hub: Hub) -> None:
    page = hub.json(f"/viewer/rows?{TRAIN}&offset=249&length=100")
    row = {"text": "row 249", "label": 1}
    assert page["rows"] == [{"row_idx": 249, "row": row, "truncated_cells": []}]
    assert (page["num_rows_total"], page["num_rows_per_page"]) == (ROWS, 100)
    assert [feature["type"] for feature in page["features"]] == list(FEATURES.values())
    assert len(hub.json(f"/viewer/rows?{TRAIN}")["rows"]) == 100


def test_first_rows_tell_that_more_follow(hub: Hub) -> None:
    page = hub.json(f"/viewer/first-rows?{TRAIN}")
    assert (len(page["rows"]), page["truncated"]) == (100, True)
    page = hub.json(f"/viewer/first-rows?{REVIEWS}&config=small&split=test")
    assert (len(page["rows"]), page["truncated"]) == (3, False)


def test_info_and_size_describe_the_served_rows(hub: Hub) -> None:
    info = hub.json(f"/viewer/info?{REVIEWS}")["dataset_info"]["small"]
    assert info["features"] == FEATURES
    assert {name: split["num_examples"] for name, split in info["splits"].items()} == {
        "test": 3,
        "train": ROWS,
    }
    size = hub.json(f"/viewer/size?{REVIEWS}")["size"]
    assert size["dataset"]["num_rows"] == size["configs"][0]["num_rows"] == ROWS + 3
    assert len(size["splits"]) == 2


def test_parquet_urls_lead_to_the_files_of_the_branch_of_converted_parquet(hub: Hub) -> None:
    [branch] = hub.json("/api/datasets/legacy-datasets/reviews/refs")["converts"]
    assert (branch["name"], branch["ref"]) == ("parquet", "refs/convert/parquet")
    files = hub.json(f"/viewer/parquet?{REVIEWS}")["parquet_files"]
    for file in files:
        path = file["url"].removeprefix(hub.endpoint)
        for asked in (path, path.replace("refs%2Fconvert%2Fparquet", branch["targetCommit"])):
            status, headers, body = hub.raw("GET", asked)
            assert (status, len(body)) == (200, file["size"])
            assert headers["x-repo-commit"] == branch["targetCommit"]
    assert [file["filename"] for file in files] == ["0000.parquet"] * 2
    assert [file["split"] for file in files] == ["test", "train"]


def test_a_repository_without_rows_has_no_branch_of_converted_parquet(hub: Hub) -> None:
    assert hub.json("/api/datasets/legacy-datasets/card_only/refs")["converts"] == []
    path = (
        "/datasets/legacy-datasets/card_only/resolve/refs%2Fconvert%2Fparquet/a/train/0000.parquet"
    )
    assert hub.raw("GET", path)[1]["x-error-code"] == "RevisionNotFound"


def test_what_the_index_names_is_not_ready(tmp_path: Path) -> None:
    write_hub(tmp_path / "root")
    index = tmp_path / "root/index.jsonl"
    lines = [json.loads(line) for line in index.read_text().splitlines()]
    lines[0]["viewer_not_ready"] = ["rows"]
    index.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with serve(tmp_path / "root", tmp_path / "log.jsonl") as hub:
        status, headers, _ = hub.raw("GET", f"/viewer/rows?{TRAIN}")
        assert (status, headers["x-error-code"]) == (500, "ResponseNotReady")
        assert headers["x-revision"] == SHA[5]
        assert hub.raw("GET", f"/viewer/info?{REVIEWS}")[0] == 200


def test_rows_that_were_made_of_other_files_are_shown_and_stay_out_of_the_tree(
    tmp_path: Path,
) -> None:
    write_hub(tmp_path / "root")
    write_parquet(tmp_path / "root/converted/card_only/plain/train.parquet", 4)
    card_only = "dataset=legacy-datasets/card_only"
    with serve(tmp_path / "root", tmp_path / "log.jsonl") as hub:
        [split] = hub.json(f"/viewer/splits?{card_only}")["splits"]
        assert (split["config"], split["split"]) == ("plain", "train")
        tree = hub.json("/api/datasets/legacy-datasets/card_only/tree/main?recursive=true")
        assert [entry["path"] for entry in tree] == ["README.md"]
        branch = "/api/datasets/legacy-datasets/card_only/tree/refs%2Fconvert%2Fparquet"
        assert [entry["path"] for entry in hub.json(branch)] == ["plain"]


def test_values_that_json_lacks(hub: Hub) -> None:
    page = hub.json("/viewer/rows?dataset=org/owned&config=odd&split=train")
    assert page["rows"][0]["row"] == {
        "when": "2020-01-02T00:00:00+00:00",
        "number": None,
        "image": {"src": None},
        "nested": {"words": ["a"], "raw": "AA=="},
    }
    assert page["features"][1]["type"] == {"dtype": "double", "_type": "Value"}


@pytest.mark.parametrize(
    ("request_path", "status", "code"),
    [
        ("rows?config=small&split=train", 422, "MissingRequiredParameter"),
        (f"rows?{REVIEWS}&config=small", 422, "MissingRequiredParameter"),
        (f"rows?{TRAIN}&length=101", 422, "InvalidParameter"),
        (f"rows?{TRAIN}&offset=-1", 422, "InvalidParameter"),
        (f"rows?{REVIEWS}&config=none&split=train", 404, "ResponseNotFound"),
        (f"first-rows?{REVIEWS}&config=small&split=none", 404, "ResponseNotFound"),
        ("splits?dataset=legacy-datasets/card_only", 500, "EmptyDatasetError"),
        ("splits?dataset=legacy-datasets/none", 401, "ExternalUnauthenticatedError"),
        ("splits?dataset=legacy-datasets/locked", 401, "ExternalUnauthenticatedError"),
        ("splits?dataset=legacy-datasets/secret", 401, "ExternalUnauthenticatedError"),
        (f"statistics?{TRAIN}", 501, "NotImplemented"),
    ],
)
def test_refusals(hub: Hub, request_path: str, status: int, code: str) -> None:
    answered, headers, _ = hub.raw("GET", f"/viewer/{request_path}")
    assert (answered, headers["x-error-code"]) == (status, code)
