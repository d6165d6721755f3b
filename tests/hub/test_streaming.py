"""Streaming by `datasets` as a source: its formats, its limits, and what its process may know."""

import bz2
import gzip
import io
import json
import tarfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.models import Card, Revision
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub import streaming
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import ConfigFiles, plan_configs
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.filters import examine_config
from dynosaur_etl.hub.rows import ConfigSample, sample_streamed_config
from tests.demo.hub_support import Hub, serve
from tests.flows.hubs import write_dataset
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json
from tests.hub.test_rows import LABEL, TEXT
from tests.hub.test_viewer import REVISION

ROWS = [{"note": f"note {n}", "mood": n % 2} for n in range(30)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
TABLE = b"note\tmood\n" + b"".join(b"note %d\t%d\n" % (n, n % 2) for n in range(30))
API = "/api/datasets/owner/name"


def put_streamed(hub: FaultyHub, name: str, content: bytes) -> None:
    """Let a scripted Hub answer what streaming asks of one file."""
    hub.files[name] = content
    told = {"type": "file", "path": name, "size": len(content), "oid": SHA}
    hub.answers[f"{API}/revision/{SHA}"] = [Answer(body=as_json({"id": "owner/name", "sha": SHA}))]
    for listing in ("tree", "paths-info"):
        hub.answers[f"{API}/{listing}/{SHA}"] = [Answer(body=as_json([told]))]


def files(name: str, *more: str) -> ConfigFiles:
    listed = [RepoFile(path, 1) for path in (name, *more)]
    [planned], _ = plan_configs(Card((), (), (), "", "", (), (), ""), listed, 1)
    return planned


def stream(
    client: HubClient, revision: Revision, planned: ConfigFiles, seconds: float = 30
) -> ConfigSample:
    return sample_streamed_config(client, revision, planned, 20, 0, seconds)


def archive() -> bytes:
    """Give a WebDataset: two files an example, and one that would have to be unpickled."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for row in ROWS:
            for ending, content in (("txt", row["note"]), ("cls", row["mood"])):
                data = str(content).encode()
                member = tarfile.TarInfo(f"{str(row['note'])[5:]:0>4}.{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return sink.getvalue()


def arrow() -> bytes:
    features = json.dumps({"info": {"features": {"note": TEXT, "mood": LABEL}}})
    schema = pa.schema([("note", pa.string()), ("mood", pa.int64())], {"huggingface": features})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.Table.from_pylist([*ROWS[:-1], {"note": "x", "mood": -1}], schema))
    return bytes(sink.getvalue())


def packed(name: str, content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as files:
        files.writestr(name, content)
    return sink.getvalue()


CONTENTS = {
    "s/jsonl-zst": ("train.jsonl.zst", zstandard.compress(LINES)),
    "s/tsv-bz2": ("train.tsv.bz2", bz2.compress(TABLE)),
    "s/zip": ("train.zip", packed("inner/rows.tsv", TABLE)),
    "s/tar": ("train.tar", archive()),
    "s/arrow": ("train.arrow", arrow()),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    for name, (path, content) in CONTENTS.items():
        write_dataset(folder, name, "2026-01-01")
        (folder / "datasets" / name / path).write_bytes(content)
    with serve(folder, folder / "log.jsonl") as running:
        yield running


@pytest.mark.parametrize("name", ["s/jsonl-zst", "s/zip", "s/tar", "s/arrow"])
def test_formats(demo: Hub, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    client = HubClient(demo.endpoint, None, "", timeout=5, concurrency=2)
    revision = replace(REVISION, dataset_id=name, sha=client.commits(name)[0].sha)
    found = stream(client, revision, files(CONTENTS[name][0]))
    assert examine_config(found.config).keep
    assert dict(found.config.splits) == {"train": 30}
    [note, mood, *_] = found.table.column_names
    assert found.table.num_rows == 20
    for row in found.table.to_pylist():
        at = row["__row__"]
        last = name == "s/arrow" and at == 29
        assert (row[note], row[mood]) == (("x", None) if last else (f"note {at}", at % 2))
    if name == "s/arrow":
        assert found.config.features["mood"] == LABEL
    assert 0 < client.requests["stream"] < 40


@pytest.fixture
def gz(hub: FaultyHub) -> ConfigFiles:
    put_streamed(hub, "train.jsonl.gz", gzip.compress(LINES))
    return files("train.jsonl.gz")


def test_reading_ends_at_its_bound_and_says_so(
    hub: FaultyHub, client: HubClient, gz: ConfigFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MAX_RECORDS", 7)
    found = stream(client, REVISION, gz)
    assert found.table.column("__row__").to_pylist() == list(range(7))
    assert dict(found.config.splits) == {"train": -1}
    assert client.requests == {"stream": len(hub.asked)}
    assert not any("README" in path or path.endswith(".py") for path in hub.paths())


def test_no_row_is_kept_of_what_its_features_drop(hub: FaultyHub, client: HubClient) -> None:
    put_streamed(hub, "train.jsonl.gz", gzip.compress(b'{"one": "field"}\n'))
    found = stream(client, REVISION, files("train.jsonl.gz"))
    assert examine_config(found.config).reason is Reason.TOO_FEW_FIELDS
    assert found.table.num_rows == 0


def test_a_silent_hub_ends_with_the_time_limit(hub: FaultyHub, gz: ConfigFiles) -> None:
    hub.answers[f"{API}/revision/{SHA}"] = [Answer(hang=True)]
    patient = HubClient(hub.endpoint, None, "", timeout=60, concurrency=1)
    started = time.monotonic()
    with pytest.raises(HubRefused, match="2 seconds") as refusal:
        stream(patient, REVISION, gz, seconds=2)
    assert refusal.value.reason is Reason.ROWS_UNREADABLE
    assert time.monotonic() - started < 10
    with patient.permits:
        pass  # the permit is free again


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        (f"{API}/tree/{SHA}", Answer(503, b"x"), "503"),
        (
            f"/datasets/owner/name/resolve/{SHA}/train.jsonl.gz",
            Answer(206, b"stale", {"X-Repo-Commit": "b" * 40}),
            "b" * 40,
        ),
    ],
    ids=["outage", "another revision"],
)
def test_an_outage_while_streaming_is_no_refusal(
    hub: FaultyHub, client: HubClient, gz: ConfigFiles, path: str, answer: Answer, words: str
) -> None:
    hub.answers[path] = [answer]
    with pytest.raises(HubUnavailable, match=words):
        stream(client, REVISION, gz)


def test_a_repository_that_has_gone_is_told_as_such(
    hub: FaultyHub, client: HubClient, gz: ConfigFiles
) -> None:
    hub.answers[f"{API}/revision/{SHA}"] = [Answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})]
    with pytest.raises(HubRefused) as refusal:
        stream(client, REVISION, gz)
    assert refusal.value.reason is Reason.GONE


@pytest.mark.parametrize(
    "name",
    [
        "a::http://169.254.169.254/x.csv.gz",
        "train[0-9].csv.gz",
        "*.csv.gz",
        "a/../../other.csv.gz",
        "a?.csv.gz",
        "a\n.csv.gz",
    ],
)
def test_a_name_that_means_more_than_one_file_is_refused_before_anything_is_asked(
    hub: FaultyHub, client: HubClient, name: str
) -> None:
    planned = ConfigFiles("default", "packed csv", {"train": (RepoFile(name, 1),)})
    with pytest.raises(HubRefused, match="allowed: letters") as refusal:
        stream(client, REVISION, planned)
    assert refusal.value.reason is Reason.ROWS_UNREADABLE
    assert hub.asked == []


def test_a_name_inside_an_archive_cannot_lead_elsewhere(hub: FaultyHub, client: HubClient) -> None:
    put_streamed(hub, "train.zip", packed(f"a::{hub.endpoint}/secret.csv", TABLE))
    with pytest.raises(HubRefused, match="ZIP archive"):
        stream(client, REVISION, files("train.zip"))
    assert "/secret.csv" not in hub.paths()


def test_the_process_knows_no_secret_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("DYNOSAUR_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    told = streaming._environment(tmp_path, "https://hub.example")
    assert not any("secret" in value for value in told.values())
    assert told["https_proxy"] == "http://proxy.example:3128"
    assert told["HF_ENDPOINT"] == "https://hub.example"
