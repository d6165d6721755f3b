"""Files read with the card's options and features, held against `datasets` on the same folder."""

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.models import Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles, plan_configs
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.formats import READ_HERE
from dynosaur_etl.hub.rows import ConfigSample, sample_config, sample_streamed_config
from tests.demo.hub_support import serve
from tests.flows.hubs import write_dataset
from tests.hub.faulty_hub import SHA, FaultyHub

REVISION = Revision("owner/name", SHA, datetime(2023, 1, 1, tzinfo=UTC))
Files = Mapping[str, bytes]


def planned(files: Files, yaml: str) -> ConfigFiles:
    card = parse_card(f"---\nlicense: mit\n{yaml}---\n".encode())
    listed = [RepoFile(path, len(content)) for path, content in files.items()]
    [config], rejects = plan_configs(card, listed, 10)
    assert rejects == []
    return config


def ours(hub: FaultyHub, client: HubClient, files: Files, yaml: str = "") -> ConfigSample:
    hub.files.update(files)
    config = planned(files, yaml)
    assert config.format in READ_HERE
    return sample_config(client, REVISION, config, 200, 0)


def rows_of(sample: ConfigSample) -> list[dict[str, Any]]:
    names = [field.name for field in sample.config.fields]
    return list(sample.table.select(names).to_pylist())


def theirs(folder: Path, files: Files, yaml: str = "") -> Any:
    from datasets import load_dataset

    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "README.md").write_text(f"---\nlicense: mit\n{yaml}---\n")
    return load_dataset(str(folder), split="train", cache_dir=str(folder / ".cache"))


def config(options: str, data_files: str = "x.csv") -> str:
    return f"configs:\n- config_name: default\n  data_files: {data_files}\n{options}"


WORDS = "a harbour, grey|an orchard|a tannery"
CSV = {
    "sep": (b"text|n\none, two|1\nthree|2\n", '  sep: "|"\n'),
    "delimiter": (b"text;n\none, two;1\nthree;2\n", '  delimiter: ";"\n'),
    "a tab in words": (b"text\tn\none, two\t1\nthree\t2\n", "  sep: '\\t'\n"),
    "names": (b"one,1\ntwo,2\n", "  names: [text, n]\n"),
    "column_names": (b"one,1\ntwo,2\n", "  column_names:\n  - text\n  - n\n"),
    "names in place of a header": (b"a,b\none,1\ntwo,2\n", "  header: 0\n  names: [text, n]\n"),
    "no header": (b"one,1\ntwo,2\n", "  header: null\n"),
    "a header below": (b"made by hand,\ntext,n\none,1\ntwo,2\n", "  header: 1\n"),
    "skiprows": (b"# by hand\n# in spring\ntext,n\none,1\ntwo,2\n", "  skiprows: 2\n"),
    "quotechar": (b"text,n\n'one, two',1\nthree,2\n", '  quotechar: "\'"\n'),
    "escapechar": (b"text,n\none\\, two,1\nthree,2\n", "  escapechar: '\\'\n"),
    "latin-1": ("text,n\n\u00e9t\u00e9,1\nna\u00ef,2\n".encode("latin-1"), "  encoding: latin-1\n"),
    "utf-16": ("text,n\nd\u00e9j\u00e0 vu,1\nthree,2\n".encode("utf-16"), "  encoding: utf-16\n"),
    "errors": (b"text,n\nd\xe9j\xe0 vu,1\nthree,2\n", "  encoding_errors: replace\n"),
    "skipinitialspace": (b"text, n\none, 1\ntwo, 2\n", "  skipinitialspace: true\n"),
    "quoting": (b'text,n\n"one,1\ntwo",2\n', "  quoting: 3\n"),
    "a mark before": (b"\xef\xbb\xbftext,n\none,1\ntwo,2\n", ""),
    "short lines": (b"text,n,more\none,1\ntwo,2,x\n", ""),
    "two names alike": (b"text,text,n\none,uno,1\ntwo,due,2\n", ""),
    "an index without a name": (b",text,n\n0,one,1\n1,two,2\n", ""),
    "an index beside the header": (b"text,n\nr1,one,1\nr2,two,2\n", ""),
    "blank lines": (b"text,n\n\none,1\n\n\ntwo,2\n", ""),
    "lines in quotes": (b'text,n\n"one\ntwo",1\n"a ""b""",2\n', ""),
    "an unknown word": (b"text,n\none,1\ntwo,2\n", "  colour: blue\n"),
}  # fmt: skip
WRITERS = {"Unnamed: 0", "__index_level_0__"}


@pytest.mark.parametrize(("content", "options"), CSV.values(), ids=CSV)
def test_csv(
    hub: FaultyHub, client: HubClient, tmp_path: Path, content: bytes, options: str
) -> None:
    files, yaml = {"x.csv": content}, config(options)
    found, expected = ours(hub, client, files, yaml), theirs(tmp_path, files, yaml)
    assert len(found.table) == len(expected) == 2
    left = [{k: v for k, v in row.items() if k not in WRITERS} for row in expected]
    assert rows_of(found) == left


def test_tsv_with_options(hub: FaultyHub, client: HubClient, tmp_path: Path) -> None:
    files, yaml = {"x.tsv": b"one\t1\ntwo\t2\n"}, config("  names: [text, n]\n", "x.tsv")
    assert rows_of(ours(hub, client, files, yaml)) == list(theirs(tmp_path, files, yaml))


RECORDS = [{"text": f"note {n}", "n": n} for n in range(4)]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


def lines(*records: Any) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def beside(*records: dict[str, Any]) -> dict[str, bytes]:
    """Give a file of records that two fields of text stand beside."""
    texts = {"text": "x", "more": "y"}
    return {"x.jsonl": lines(*[texts | record for record in records])}


JSON = {
    "field": ({"x.json": json.dumps({"v": 1, "data": RECORDS}).encode()}, "  field: data\n"),
    "field of columns": (
        {"x.json": json.dumps({"d": {"text": ["a", "b"], "n": [1, 2]}}).encode()},
        "  field: d\n",
    ),
    "latin-1": (
        {"x.jsonl": '{"text": "d\u00e9j\u00e0", "n": 1}\n'.encode("latin-1")},
        "  encoding: latin-1\n",
    ),
    "a list": ({"x.json": json.dumps(RECORDS).encode()}, ""),
    "a list in lines' clothes": ({"x.jsonl": json.dumps(RECORDS).encode()}, ""),
    "a mark before": ({"x.jsonl": b"\xef\xbb\xbf" + LINES}, ""),
    "an empty first shard": ({"a.json": b"", "b.json": LINES}, ""),
    "an empty first shard of lines": ({"a.jsonl": b"", "b.jsonl": LINES}, ""),
    "a field that comes later": (beside({}, {"b": 1}), ""),
    "nothing but null": (beside({"b": None}, {"b": None}), ""),
    "whole and broken numbers": (beside({"b": 1}, {"b": 2.5}), ""),
    "structures": (beside({"b": {"k": 1, "l": "u"}}, {"b": {"k": 2, "l": None}}), ""),
    "lists of structures": (beside({"b": [{"r": "u"}]}, {"b": [{"r": "v"}, {"r": "w"}]}), ""),
    "numbers and words": (beside({"b": 1}, {"b": "u"}), ""),
    "truth and numbers": (beside({"b": True}, {"b": 1}), ""),
    "words and lists": (beside({"b": "u"}, {"b": ["v"]}), ""),
    "lists of numbers and words": (beside({"b": [1, 2]}, {"b": ["v"]}), ""),
    "objects of other keys": (beside({"b": {"k": 1}}, {"b": {"l": 2}}), ""),
    "objects inside lists of other keys": (beside({"b": [{"k": 1}, {"l": "x"}]}, {"b": []}), ""),
    "empty objects": (beside({"b": {}}, {"b": {}}), ""),
    "empty lists": (beside({"b": []}, {"b": []}), ""),
    "objects and nothing": (beside({"b": {"k": 1}}, {"b": None}), ""),
}


@pytest.mark.parametrize(("files", "options"), JSON.values(), ids=JSON)
def test_json(
    hub: FaultyHub, client: HubClient, tmp_path: Path, files: Files, options: str
) -> None:
    yaml = config(options, json.dumps(sorted(files))) if options else ""
    found, expected = ours(hub, client, files, yaml), theirs(tmp_path, files, yaml)
    told = json.loads(json.dumps(expected.features.to_dict()))
    assert dict(found.config.features) == told
    decoded = [_decoded(row, found.config.features) for row in rows_of(found)]
    assert decoded == list(expected)


def _decoded(value: Any, feature: Any) -> Any:
    """Read what is kept as the text of its JSON, as `datasets` gives it."""
    if isinstance(feature, dict) and feature.get("_type") == "Json":
        return None if value is None else json.loads(value)
    if isinstance(value, dict):
        return {name: _decoded(part, feature[name]) for name, part in value.items()}
    if isinstance(value, list):
        return [_decoded(item, feature["feature"]) for item in value]
    return value


LABELS = """dataset_info:
  features:
  - name: text
    dtype: string
  - name: mood
    dtype:
      class_label:
        names:
          '0': calm
          '1': busy
"""
MOODS = {"text": ["one", "two", "three"], "mood": [0, 1, 0]}


def parquet(columns: Mapping[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink)
    return bytes(sink.getvalue())


LABELLED = {
    "parquet": {"data/train.parquet": parquet(MOODS)},
    "jsonl": {"train.jsonl": lines(*pa.table(MOODS).to_pylist())},
    "csv": {"train.csv": b"text,mood\none,0\ntwo,1\nthree,0\n"},
    "csv of names": {"train.csv": b"text,mood\none,calm\ntwo,busy\nthree,calm\n"},
}  # fmt: skip


@pytest.mark.parametrize("files", LABELLED.values(), ids=LABELLED)
@pytest.mark.parametrize("where", ["dataset_info", "configs"])
def test_class_names_of_the_card_hold(
    hub: FaultyHub, client: HubClient, tmp_path: Path, files: Files, where: str
) -> None:
    in_configs = config(LABELS.partition("\n")[2], next(iter(files)))
    yaml = LABELS if where == "dataset_info" else in_configs
    found = ours(hub, client, files, yaml)
    assert found.config.features["mood"]["names"] == ["calm", "busy"]
    assert found.table["mood"].to_pylist() == [0, 1, 0]
    assert rows_of(found) == list(theirs(tmp_path, files, yaml))


@pytest.mark.parametrize("name", ["other", "default"])
def test_class_names_of_the_one_info_hold_whatever_its_name(
    hub: FaultyHub, client: HubClient, name: str
) -> None:
    yaml = LABELS.replace("  features", f"- config_name: {name}\n  features")
    found = ours(hub, client, LABELLED["parquet"], yaml)
    assert found.config.features["mood"]["names"] == ["calm", "busy"]


def test_declared_texts_keep_their_zeros(hub: FaultyHub, client: HubClient) -> None:
    """As they stand in the file, though pandas makes them numbers first."""
    features = "  - {name: code, dtype: string}\n  - {name: n, dtype: int32}\n"
    files = {"train.csv": b"code,n\n007,1\n010,2\n"}
    found = ours(hub, client, files, f"dataset_info:\n  features:\n{features}")
    assert rows_of(found) == [{"code": "007", "n": 1}, {"code": "010", "n": 2}]


@pytest.mark.parametrize(
    "features",
    [
        "  - {name: other, dtype: string}\n  - {name: n, dtype: int64}\n",
        "  - {name: text, dtype: int64}\n  - {name: mood, dtype: int64}\n",
        "  - {name: text, dtype: nonsense}\n  - {name: mood, dtype: int64}\n",
        "  - text\n",
        "  - {name: text, list: {list: {list: 7}}}\n",
    ],
)
def test_declared_features_that_do_not_fit_are_a_reject(
    hub: FaultyHub, client: HubClient, features: str
) -> None:
    with pytest.raises(HubRefused) as refusal:
        ours(hub, client, LABELLED["parquet"], f"dataset_info:\n  features:\n{features}")
    assert refusal.value.reason in {Reason.FEATURES_UNREADABLE, Reason.ROWS_UNREADABLE}


PARQUET = {
    "columns in another order": [{"text": ["x"], "n": [1]}, {"n": [2], "text": ["y"]}],
    "whole numbers of two widths": [{"text": ["x"], "n": pa.array([1], pa.int64())},
                                    {"text": ["y"], "n": pa.array([2], pa.int32())}],
    "a column that is missing": [{"text": ["x"], "n": [1]}, {"text": ["y"]}],
    "numbers where texts were": [{"text": ["x"], "n": ["a"]}, {"text": ["y"], "n": [2]}],
}  # fmt: skip


@pytest.mark.parametrize("shards", PARQUET.values(), ids=PARQUET)
def test_parquet_files_that_differ(
    hub: FaultyHub, client: HubClient, tmp_path: Path, shards: list[dict[str, Any]]
) -> None:
    files = {f"train-{n}.parquet": parquet(shard) for n, shard in enumerate(shards)}
    assert rows_of(ours(hub, client, files)) == list(theirs(tmp_path, files))


@pytest.mark.parametrize(
    "empty",
    [
        {"text": pa.array([], pa.string()), "n": pa.array([], pa.int64())},
        {"text": pa.nulls(0), "n": pa.nulls(0)},
    ],
    ids=["of the same types", "as an empty DataFrame is written"],
)
def test_a_first_shard_without_rows_is_passed_over(
    hub: FaultyHub, client: HubClient, empty: dict[str, Any]
) -> None:
    """`datasets` itself fails over a row group without rows, and over the other types."""
    filled = parquet({"text": ["x"], "n": [1]})
    files = {"train-0.parquet": parquet(empty), "train-1.parquet": filled}
    assert rows_of(ours(hub, client, files)) == [{"text": "x", "n": 1}]


def test_a_column_that_is_text_in_one_file_and_a_list_in_another_is_a_reject(
    hub: FaultyHub, client: HubClient
) -> None:
    shards = [{"text": ["x"], "n": ["a"]}, {"text": ["y"], "n": [["a", "b"]]}]
    files = {f"train-{n}.parquet": parquet(shard) for n, shard in enumerate(shards)}
    with pytest.raises(HubRefused, match=r"train-1\.parquet") as refusal:
        ours(hub, client, files)
    assert refusal.value.reason is Reason.ROWS_UNREADABLE


STREAMED = {
    "comment": ("x.csv", b"text,n\n# by hand\none,1\ntwo,2\n", '  comment: "#"\n'),
    "na_values": ("x.csv", b"text,n\none,1\ngone,2\n", "  na_values: [gone]\n"),
    "blanks": ("x.csv", b"text n\none    1\ntwo 2\n", "  sep: '\\s+'\n"),
    "decimal": ("x.csv", b"text;n\none;1,5\ntwo;2\n", '  sep: ";"\n  decimal: ","\n'),
    "packed": ("x.csv.gz", gzip.compress(b"text|n\none|1\ntwo|2\n"), '  sep: "|"\n'),
    "field": ("x.json.gz", gzip.compress(b'{"d": [{"text": "a", "n": 1}]}'), "  field: d\n"),
    "packed names": ("x.csv.gz", gzip.compress(b"text,mood\none,1\ntwo,0\n"), ""),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "options"), STREAMED.values(), ids=STREAMED)
def test_what_is_not_read_here_is_read_by_datasets_with_the_cards_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, options: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    root = tmp_path / "hub"
    root.mkdir()
    write_dataset(root, "s/one", "2026-01-01")
    (root / "datasets" / "s" / "one" / name).write_bytes(content)
    yaml = config(options, name) + ("" if options else LABELS)
    files = {name: content}
    with serve(root, tmp_path / "log.jsonl") as running:
        client = HubClient(running.endpoint, None, "", timeout=5, concurrency=2)
        revision = Revision("s/one", client.commits("s/one")[0].sha, REVISION.committed_at)
        found = sample_streamed_config(client, revision, planned(files, yaml), 200, 0, 60)
    assert rows_of(found) == list(theirs(tmp_path / "theirs", files, yaml))


@pytest.mark.parametrize(
    "name", ["__index_level_0__", "Unnamed: 0", "__null_dask_index__", "index", "level_0", "...1"]
)
def test_a_writers_column_is_no_field(hub: FaultyHub, client: HubClient, name: str) -> None:
    content = parquet({name: range(5, 25), "text": ["x"] * 20, "n": range(20)})
    found = ours(hub, client, {"train.parquet": content})
    assert [field.name for field in found.config.fields] == ["text", "n"]
    assert found.unreadable == ()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("index", [3, 1, 2]), ("index", ["a", "b", "c"]), ("index", [1, 1, 1]), ("idx", [0, 1, 2]),
        ("number", [0, 1, 2]), ("Unnamed", [0, 1, 2]), ("level_0", [1.5, 2.5, 3.5]),
    ],
)  # fmt: skip
def test_a_field_of_such_a_name_stays_one(
    hub: FaultyHub, client: HubClient, name: str, values: list[Any]
) -> None:
    content = parquet({name: values, "text": ["x", "y", "z"]})
    found = ours(hub, client, {"train.parquet": content})
    assert [field.name for field in found.config.fields] == [name, "text"]
