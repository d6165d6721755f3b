"""Which source a config is read from, and how many requests that takes."""

import gzip
from typing import Any

import pytest

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.models import Card
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.ladder import sample_dataset
from dynosaur_etl.hub.sources import ConfigOutcome, SampleRules
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json
from tests.hub.test_converted import put_converted
from tests.hub.test_rows import numbered
from tests.hub.test_streaming import put_streamed
from tests.hub.test_viewer import INFO, REVISION, ROWS, TEXT, info, rows, viewed

TREE = f"/api/datasets/owner/name/tree/{SHA}"
RULES = SampleRules(configs=2, rows=50, seed=0, stream_seconds=20)
FIELDS = {"a": TEXT, "b": TEXT}
PAIRS = rows({"a": "x", "b": "y"}, {"a": "v", "b": "w"})


def card(*configs: dict[str, Any]) -> Card:
    return Card(("mit",), ("en",), (), "", "", (), configs, "0" * 64)


def put_files(hub: FaultyHub, contents: dict[str, bytes]) -> None:
    hub.files.update(contents)
    entries = [
        {"type": "file", "path": path, "size": len(content), "oid": SHA}
        for path, content in contents.items()
    ]
    hub.answers[TREE] = [Answer(body=as_json(entries))]


def outcomes(
    client: HubClient, *configs: dict[str, Any], is_newest: bool = True
) -> list[ConfigOutcome]:
    files = client.files(REVISION.dataset_id, REVISION.sha)
    return list(sample_dataset(client, REVISION, card(*configs), files, RULES, is_newest))


def told(found: list[ConfigOutcome]) -> list[tuple[str, str, Reason | None]]:
    return [(item.name, item.source, item.verdict.reason) for item in found]


def test_files_that_can_be_read_leave_the_viewer_alone(hub: FaultyHub, client: HubClient) -> None:
    put_files(hub, {"train.parquet": numbered(9)})
    assert told(outcomes(client)) == [("default", "repository", None)]
    assert client.requests == {"tree": 1, "resolve": 1}


def test_a_repository_of_a_script_is_read_from_the_viewer(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"name.py": b"raise SystemExit"})
    described = {name: info(FIELDS)["dataset_info"]["default"] for name in ("z", "default", "a")}
    hub.answers[INFO] = [viewed({"dataset_info": described})]
    hub.answers[ROWS] = [viewed(PAIRS)]
    found = outcomes(client)
    assert told(found) == [
        ("default", "viewer", None),
        ("a", "viewer", None),
        ("z", "viewer", Reason.OVER_CONFIG_CAP),
    ]
    assert found[0].sample is not None
    assert found[0].sample.table.column("a").to_pylist() == ["x", "v"]
    assert client.requests == {"tree": 1, "viewer": 3}
    assert not any("name.py" in path for path in hub.paths())


def test_a_config_whose_files_cannot_be_read_is_read_from_the_viewer(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"train.parquet": b"PAR1 but not really"})
    hub.answers[INFO] = [viewed(info(FIELDS))]
    hub.answers[ROWS] = [viewed(PAIRS)]
    assert told(outcomes(client)) == [("default", "viewer", None)]


def test_files_of_no_readable_format_are_read_from_the_viewer(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"x.arrow": b"x"})
    declared = [{"config_name": name, "data_files": "*.arrow"} for name in ("default", "other")]
    hub.answers[INFO] = [viewed(info(FIELDS))]
    hub.answers[ROWS] = [viewed(PAIRS)]
    assert told(outcomes(client, *declared)) == [
        ("default", "viewer", None),
        ("other", "streaming", Reason.ROWS_UNREADABLE),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        viewed({}, status=500, X_Error_Code="EmptyDatasetError"),
        viewed(info(FIELDS), sha="b" * 40),
        viewed(info({"a": {"_type": "os"}})),
    ],
)
def test_where_the_viewer_cannot_either_the_files_reason_stands(
    hub: FaultyHub, client: HubClient, answer: Answer
) -> None:
    put_files(hub, {"train.parquet": b"PAR1 but not really"})
    hub.answers[INFO] = [answer]
    assert told(outcomes(client)) == [("default", "repository", Reason.ROWS_UNREADABLE)]


def test_no_source_at_all_is_a_refusal(hub: FaultyHub, client: HubClient) -> None:
    put_files(hub, {"README.md": b"x"})
    hub.answers[INFO] = [viewed({}, status=500, X_Error_Code="ResponseNotReady")]
    with pytest.raises(HubRefused) as refusal:
        outcomes(client)
    assert refusal.value.reason is Reason.NO_DATA_FILES


def test_a_silent_viewer_is_an_outage_and_no_verdict(hub: FaultyHub, client: HubClient) -> None:
    put_files(hub, {"name.py": b""})
    hub.answers[INFO] = [Answer(503, b"x")]
    with pytest.raises(HubUnavailable):
        outcomes(client)


def test_the_viewer_is_not_asked_about_a_revision_of_the_past(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"name.py": b""})
    with pytest.raises(HubRefused):
        outcomes(client, is_newest=False)
    assert client.requests == {"tree": 1}


def test_where_the_viewer_shows_no_rows_the_converted_parquet_is_read(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"name.py": b""})
    hub.answers[INFO] = [viewed(info(FIELDS))]
    hub.answers[ROWS] = [viewed({}, status=500, X_Error_Code="ResponseNotReady")]
    put_converted(hub, numbered(9))
    [found] = outcomes(client)
    assert told([found]) == [("default", "converted", None)]
    assert found.sample is not None
    assert found.sample.config.revision == SHA
    assert client.requests == {"tree": 1, "viewer": 3, "refs": 1, "resolve": 1}


def test_where_the_viewer_cuts_every_row_the_converted_parquet_has_them_whole(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"name.py": b""})
    cut = {"rows": [{**row, "truncated_cells": ["a"]} for row in PAIRS["rows"]]}
    hub.answers[INFO] = [viewed(info(FIELDS))]
    hub.answers[ROWS] = [viewed(cut)]
    put_converted(hub, numbered(9))
    assert told(outcomes(client)) == [("default", "converted", None)]


def test_a_dataset_that_the_viewer_does_not_show_may_still_be_converted(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"train.parquet": b"PAR1 but not really"})
    hub.answers[INFO] = [viewed({}, status=500, X_Error_Code="ResponseNotReady")]
    put_converted(hub, numbered(9))
    assert told(outcomes(client)) == [("default", "converted", None)]


def test_where_the_hub_shows_nothing_a_format_that_is_not_read_here_is_streamed(
    hub: FaultyHub, client: HubClient
) -> None:
    packed = gzip.compress(b'{"a": "x", "b": "y"}\n')
    put_files(hub, {"train.jsonl.gz": packed})
    put_streamed(hub, "train.jsonl.gz", packed)
    [found] = outcomes(client, is_newest=False)
    assert told([found]) == [("default", "streaming", None)]
    assert not any(path.startswith("/viewer") for path in hub.paths())


def test_broken_files_of_a_format_that_is_read_here_are_not_streamed(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"train.csv": b"a,b\n1,2\n3,4,5\n", "more.csv.gz": b"x"})
    assert told(outcomes(client, is_newest=False)) == [
        ("default", "repository", Reason.ROWS_UNREADABLE)
    ]
    assert client.requests["stream"] == 0


def test_nothing_is_asked_about_a_repository_that_is_only_a_card(
    hub: FaultyHub, client: HubClient
) -> None:
    put_files(hub, {"README.md": b"x", ".gitattributes": b"x", "LICENSE.txt": b"x"})
    with pytest.raises(HubRefused) as refusal:
        outcomes(client)
    assert refusal.value.reason is Reason.NO_DATA_FILES
    assert client.requests == {"tree": 1}
