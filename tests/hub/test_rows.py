"""Sampled rows: features, which rows, how much is read, and files that cannot be read."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.models import Card, Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.training_splits import SplitUse
from dynosaur_etl.hub import file_draw, parquet_rows, remote_file, text_rows
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import plan_configs
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.rows import ConfigSample, sample_config
from dynosaur_etl.hub.text_rows import infer_column
from tests.hub.faulty_hub import SHA, Answer, FaultyHub

ID = "owner/name"
REVISION = Revision(ID, SHA, datetime(2023, 1, 1, tzinfo=UTC))
TEXT = {"dtype": "string", "_type": "Value"}
LABEL = {"names": ["bad", "good"], "_type": "ClassLabel"}


def sample(
    hub: FaultyHub,
    client: HubClient,
    contents: dict[str, bytes],
    rows: int = 200,
    seed: int = 0,
    use: SplitUse = SplitUse.TRAIN,
) -> ConfigSample:
    hub.files.update(contents)
    files = [RepoFile(path, len(content)) for path, content in contents.items()]
    planned, _ = plan_configs(Card((), (), (), "", "", (), (), ""), files, 1, use)
    return sample_config(client, REVISION, planned[0], rows, seed)


def parquet(
    columns: dict[str, Any], features: dict[str, Any] | None = None, group: int = 1_000
) -> bytes:
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    table = pa.table(columns).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=group, compression="none")
    return bytes(sink.getvalue())


def numbered(count: int, first: int = 0, group: int = 1_000) -> bytes:
    numbers = range(first, first + count)
    columns = {
        "text": pa.array([f"row {n}" for n in numbers], pa.string()),
        "label": pa.array([n % 3 - 1 for n in numbers], pa.int64()),
    }
    return parquet(columns, {"text": TEXT, "label": LABEL}, group)


def lines(records: Sequence[object]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def test_features_come_from_the_file_and_hidden_labels_are_null(
    hub: FaultyHub, client: HubClient
) -> None:
    found = sample(hub, client, {"small/train.parquet": numbered(6)})
    assert found.config.name == "small"
    assert dict(found.config.features) == {"text": TEXT, "label": LABEL}
    assert dict(found.config.splits) == {"train": 6}
    assert found.table.to_pydict() == {
        "text": [f"row {n}" for n in range(6)],
        "label": [None, 0, 1, None, 0, 1],
        "__split__": ["train"] * 6,
        "__row__": list(range(6)),
    }
    assert examine_config(found.config).keep


def test_rows_are_spread_over_all_files_and_know_their_place(
    hub: FaultyHub, client: HubClient
) -> None:
    contents = {
        "data/train-00000-of-00002.parquet": numbered(500, group=100),
        "data/train-00001-of-00002.parquet": numbered(300, first=500, group=100),
    }
    table = sample(hub, client, contents, rows=100).table
    places = table.column("__row__").to_pylist()
    assert table.num_rows == 100
    assert places == sorted(set(places))
    assert [f"row {n}" for n in places] == table.column("text").to_pylist()
    assert {place // 100 for place in places} == set(range(8))


def test_the_same_seed_draws_the_same_bytes(hub: FaultyHub, client: HubClient) -> None:
    contents = {"train.parquet": numbered(1_000)}
    first = sample(hub, client, contents, rows=20).table
    again = sample(hub, client, contents, rows=20).table
    other = sample(hub, client, contents, rows=20, seed=1).table
    assert [bytes(batch.serialize()) for batch in first.to_batches()] == [
        bytes(batch.serialize()) for batch in again.to_batches()
    ]
    assert first != other


def test_only_the_drawn_row_groups_are_read(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_file, "WHOLE", 4_096)
    monkeypatch.setattr(parquet_rows, "MAX_GROUPS", 2)
    words = {"text": [f"{n}" * 500 for n in range(2_000)], "more": ["x"] * 2_000}
    content = parquet(words, group=20)
    table = sample(hub, client, {"train.parquet": content}, rows=30).table
    places = table.column("__row__").to_pylist()
    assert len({place // 20 for place in places}) == 2
    assert table.column("text").to_pylist() == [f"{place}" * 500 for place in places]
    spans = [headers["range"][6:].split("-") for _, headers in hub.asked]
    assert sum(int(stop) - int(start) + 1 for start, stop in spans) < len(content) / 4


def test_a_group_that_is_too_large_is_not_read(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "MAX_READ_BYTES", 1_000)
    with pytest.raises(HubRefused, match="allowed: 1000") as refusal:
        sample(hub, client, {"train.parquet": numbered(5_000)})
    assert refusal.value.reason is Reason.ROWS_UNREADABLE


def test_of_too_many_files_some_are_sampled_spread_over_all_and_that_is_said(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_draw, "MOST", 3)
    contents = {f"data/train-{n:05d}-of-00009.parquet": numbered(4, 4 * n) for n in range(9)}
    found = sample(hub, client, contents)
    assert dict(found.config.splits) == {"train": -1}
    assert found.table.column("__row__").to_pylist() == list(range(12))
    reading = found.reading["train"]
    assert (reading.files, len(reading.read), reading.is_whole) == (9, 3, False)
    numbers = [int(file.path[11:16]) for file in reading.read]
    assert [number // 3 for number in numbers] == [0, 1, 2]  # one of each third
    texts = [f"row {4 * number + row}" for number in numbers for row in range(4)]
    assert found.table.column("text").to_pylist() == texts
    assert len(hub.asked) == 3


def test_no_row_is_read_of_what_its_features_drop(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_file, "WHOLE", 1 << 16)
    image = pa.array([{"bytes": b"x" * 200_000, "path": "a.png"}])
    content = parquet(
        {"image": image, "text": ["x"], "more": ["y"]},
        {"image": {"_type": "Image"}, "text": TEXT, "more": TEXT},
    )
    found = sample(hub, client, {"train.parquet": content})
    assert examine_config(found.config).reason is Reason.MODALITY
    assert found.table.num_rows == 0
    assert len(hub.asked) == 1  # the footer


def test_rows_with_an_endless_cell_are_left_out(hub: FaultyHub, client: HubClient) -> None:
    columns = {"text": ["a", "\N{GRINNING FACE}" * 100_000, "b" * 100_001], "n": [1, 2, 3]}
    found = sample(hub, client, {"train.parquet": parquet(columns)})
    assert found.table.column("n").to_pylist() == [1, 2]
    assert found.oversized == 1
    assert found.table.column("text")[1].as_py() == "\N{GRINNING FACE}" * 100_000


def test_no_rows_give_an_empty_table(hub: FaultyHub, client: HubClient) -> None:
    found = sample(hub, client, {"train.parquet": numbered(0)})
    assert examine_config(found.config).keep
    assert found.table.num_rows == 0
    assert found.table.column_names == ["text", "label", "__split__", "__row__"]


GOOD = numbered(50)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.ROWS_UNREADABLE),
        (b"not Parquet at all", Reason.ROWS_UNREADABLE),
        (GOOD[:-20], Reason.ROWS_UNREADABLE),
        (GOOD[:4] + b"\xff" * 300 + GOOD[304:], Reason.ROWS_UNREADABLE),
        (parquet({"a": ["x"], "__row__": [1]}), Reason.FEATURES_UNREADABLE),
        (parquet({"a": ["x"], "b": ["y"]}, {"a": {"_type": "os"}}), Reason.FEATURES_UNREADABLE),
        (parquet({"a": ["x"], "b": ["y"]}, {"a": 7}), Reason.FEATURES_UNREADABLE),
    ],
)
def test_hostile_parquet(hub: FaultyHub, client: HubClient, content: bytes, reason: Reason) -> None:
    with pytest.raises(HubRefused) as refusal:
        sample(hub, client, {"train.parquet": content})
    assert refusal.value.reason is reason


def test_bytes_stay_bytes_whatever_the_metadata_call_them(
    hub: FaultyHub, client: HubClient
) -> None:
    content = parquet({"a": [b"\xff"], "b": ["y"]}, {"a": TEXT, "b": TEXT})
    found = sample(hub, client, {"train.parquet": content})
    assert examine_config(found.config).reason is Reason.MODALITY


def test_files_of_different_columns_are_refused(hub: FaultyHub, client: HubClient) -> None:
    contents = {
        "train-00000-of-00002.parquet": parquet({"a": ["x"], "b": ["y"]}),
        "train-00001-of-00002.parquet": parquet({"a": ["x"], "c": [1]}),
    }
    with pytest.raises(HubRefused):
        sample(hub, client, contents)


def test_an_outage_while_reading_is_no_refusal(hub: FaultyHub, client: HubClient) -> None:
    hub.answers[f"/datasets/{ID}/resolve/{SHA}/train.parquet"] = [Answer(500, b"x")]
    with pytest.raises(HubUnavailable):
        sample(hub, client, {"train.parquet": GOOD})


def test_csv(hub: FaultyHub, client: HubClient) -> None:
    content = (
        '\ufefftext,count,share,flag,code\n"a, ""b""\nc",1,0.5,true,007\n,,,,\nNA,-2,3,False,010\n'
    )
    found = sample(hub, client, {"train.csv": content.encode()})
    assert dict(found.config.splits) == {"train": 3}
    assert found.table.to_pydict() == {
        "text": ['a, "b"\nc', None, "NA"],
        "count": [1, None, -2],
        "share": [0.5, None, 3.0],
        "flag": [True, None, False],
        "code": ["007", None, "010"],
        "__split__": ["train"] * 3,
        "__row__": [0, 1, 2],
    }
    assert found.config.features["count"] == {"dtype": "int64", "_type": "Value"}


def test_tab_separated(hub: FaultyHub, client: HubClient) -> None:
    found = sample(hub, client, {"dev.tsv": b"a\tb\n1,5\tx\n"}, use=SplitUse.ALL)
    assert found.table.column("a").to_pylist() == ["1,5"]
    assert found.table.column("__split__").to_pylist() == ["validation"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.jsonl", lines([{"a": "x", "n": 1}, {"a": "y", "n": 2}])),
        ("train.json", lines([{"a": "x", "n": 1}, {"a": "y", "n": 2}])),
        ("train.json", b'[{"a": "x", "n": 1},\n {"a": "y", "n": 2}]'),
        ("train.json", b'{"data": [\n{"a": "x", "n": 1}, {"a": "y", "n": 2}]}'),
    ],
)
def test_json(hub: FaultyHub, client: HubClient, name: str, content: bytes) -> None:
    table = sample(hub, client, {name: content}).table
    assert table.to_pydict() == {
        "a": ["x", "y"],
        "n": [1, 2],
        "__split__": ["train", "train"],
        "__row__": [0, 1],
    }


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("train.csv", b"a,b\n1,2\n3,4,5\n", Reason.ROWS_UNREADABLE),
        ("train.csv", b'a,b\n"open,1\n2,3\n', Reason.ROWS_UNREADABLE),
        ("train.csv", b"a,b\n\xff\xfe,2\n", Reason.ROWS_UNREADABLE),
        ("train.jsonl", b'{"a": 1}\n{"a":\n', Reason.ROWS_UNREADABLE),
        ("train.jsonl", b"[1]\n", Reason.ROWS_UNREADABLE),
        ("train.jsonl", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", Reason.ROWS_UNREADABLE),
        ("train.jsonl", lines([{"__split__": "x", "b": 1}]), Reason.FEATURES_UNREADABLE),
        ("train.jsonl", lines([{f"f{n}": 1 for n in range(2_000)}]), Reason.FEATURES_UNREADABLE),
    ],
)
def test_hostile_text(
    hub: FaultyHub, client: HubClient, name: str, content: bytes, reason: Reason
) -> None:
    with pytest.raises(HubRefused) as refusal:
        sample(hub, client, {name: content})
    assert refusal.value.reason is reason


def test_a_record_of_columns_is_dropped_for_its_fields(hub: FaultyHub, client: HubClient) -> None:
    found = sample(hub, client, {"train.json": b'{"a": [1], "b": [2]}'})
    assert examine_config(found.config).reason is Reason.TOO_FEW_FIELDS


def test_reading_ends_at_its_bound_and_says_so(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_rows, "MAX_RECORDS", 100)
    content = b"a,b\n" + b"".join(b"x%d,%d\n" % (n, n) for n in range(1_000))
    found = sample(hub, client, {"train.csv": content}, rows=40)
    places = found.table.column("__row__").to_pylist()
    assert dict(found.config.splits) == {"train": -1}
    assert len(places) == 40
    assert 50 < max(places) < 100
    monkeypatch.setattr(text_rows, "MAX_CHARACTERS", 30)
    cut = sample(hub, client, {"train.csv": b'a,b\n1,2\n"an open cell\nand more of it",3\n'})
    assert cut.table.column("a").to_pylist() == [1]
    assert dict(cut.config.splits) == {"train": -1}


def test_splits_share_the_bound(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_rows, "MAX_RECORDS", 20)
    many = lines([{"a": n, "b": "x"} for n in range(50)])
    contents = {"c/train_a.jsonl": many, "c/train_b.jsonl": many}
    splits = sample(hub, client, contents).table.column("__split__").to_pylist()
    assert (splits.count("train_a"), splits.count("train_b")) == (10, 10)


@given(st.lists(st.none() | st.text(max_size=6) | st.integers().map(str), max_size=6))
def test_no_cell_of_a_csv_is_lost(texts: list[str | None]) -> None:
    column = infer_column(texts)
    assert len(column) == len(texts)
    for given_text, value in zip(texts, column.to_pylist(), strict=True):
        assert (value is None) == (not given_text)
        if isinstance(value, str | int) and not isinstance(value, bool) and value:
            assert str(value) == given_text


@pytest.mark.recording
def test_recorded_rows_are_those_of_the_files(
    recorded_hub: Path, hub: FaultyHub, client: HubClient
) -> None:
    for name in (
        "glue/cola",
        "disfl_qa/default",
        "hlgd/default",
        "selqa/answer_selection_analysis",
    ):
        stored = recorded_hub / "datasets" / name / "train.parquet"
        table = sample(hub, client, {f"{Path(name).name}/train.parquet": stored.read_bytes()}).table
        hub.files.clear()
        rows = pq.read_table(stored).to_pylist()
        for row in table.to_pylist():
            assert row.pop("__split__") == "train"
            original = rows[row.pop("__row__")]
            assert row == {k: None if v == -1 and k == "label" else v for k, v in original.items()}
        assert table.num_rows == len(rows)
