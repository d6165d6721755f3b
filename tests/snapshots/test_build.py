"""What is written opens everywhere, and depends on the content alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, StoreUnavailable
from dynosaur_etl.snapshots import layout
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.verify import verify_snapshot
from tests.snapshots.factories import PLAIN, Source, content, rejects, snapshot

OPEN = {config.name: config for config in layout.CONFIGS}


@pytest.fixture
def hub_datasets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The `datasets` library, cut off from the network."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    yield datasets
    datasets.enable_progress_bars()


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_writes_the_files_of_the_layout_and_no_other(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "one")
    assert bytes_of(folder).keys() == layout.expected_files({layout.TRAIN: 5}) | {"manifest.json"}
    assert verify_snapshot(folder) == []


SOMETIMES = {"full", "preferences"}


@pytest.mark.parametrize("name", [name for name in OPEN if name not in SOMETIMES])
def test_each_config_opens_in_datasets_with_its_features(
    tmp_path: Path, hub_datasets: Any, name: str
) -> None:
    folder = snapshot(tmp_path / "one")
    opened = hub_datasets.load_dataset(
        str(folder), name, split="train", cache_dir=str(tmp_path / "c")
    )
    assert opened.features.to_dict() == layout.features_json(OPEN[name].schema)
    assert opened.features == hub_datasets.Features.from_arrow_schema(OPEN[name].schema)


def test_the_default_config_holds_the_rows_in_selection_order(
    tmp_path: Path, hub_datasets: Any
) -> None:
    sources = (
        Source("日本/ニュース", label_space=(), inputs={0: "naïve 🦖 \u202e text", 1: ""}),
        *PLAIN,
    )
    folder = snapshot(tmp_path / "one", *sources)
    opened = hub_datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "c"))
    assert opened["train"].to_list() == content(*sources).selected.to_pylist()


def test_empty_label_spaces_and_no_rejects_open_too(tmp_path: Path, hub_datasets: Any) -> None:
    whole = replace(content(Source("a/b", label_space=())), rejects=rejects())
    write_snapshot(whole, 1, None, tmp_path / "one")
    cache = str(tmp_path / "c")
    tasks = hub_datasets.load_dataset(
        str(tmp_path / "one"), "tasks", split="train", cache_dir=cache
    )
    assert tasks["label_space"][:] == [[]]
    assert hub_datasets.get_dataset_config_names(str(tmp_path / "one")) == [
        "default",
        "tasks",
        "sources",
        "selection",
    ]
    assert verify_snapshot(tmp_path / "one") == []


def test_the_card_tells_the_features_as_datasets_writes_them(hub_datasets: Any) -> None:
    for config in layout.CONFIGS:
        features = hub_datasets.Features.from_arrow_schema(config.schema)
        assert layout.features_yaml(config.schema) == features._to_yaml_list()


def test_pandas_opens_every_table(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "one")
    assert len(pd.read_parquet(folder / "data")) == 5
    assert list(pd.read_parquet(folder / "selection.parquet")["rank"]) == [0, 1, 2, 3, 4]
    assert list(pd.read_csv(folder / "sources.csv")["dataset"]) == ["ann/news", "bob/weather"]
    assert pd.read_parquet(folder / "rejects.parquet")["number"].sum() == 7


def test_parquet_has_what_the_viewer_needs(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "one")
    metadata = pq.read_metadata(folder / layout.shard_names(layout.TRAIN, 1)[0])
    column = metadata.row_group(0).column(0)
    assert column.has_offset_index
    assert column.has_column_index
    assert column.compression == "ZSTD"


@pytest.mark.parametrize("name", ["default", "tasks"])
def test_the_files_carry_their_features_without_the_card(
    tmp_path: Path, hub_datasets: Any, name: str
) -> None:
    folder = snapshot(tmp_path / "one")
    file = layout.shard_names(layout.TRAIN, 1)[0] if name == "default" else "tasks.parquet"
    metadata = pq.read_schema(folder / file).metadata
    features = hub_datasets.Features.from_dict(
        json.loads(metadata[b"huggingface"])["info"]["features"]
    )
    assert features == hub_datasets.Features.from_arrow_schema(OPEN[name].schema)


def test_many_rows_are_split_into_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "SHARD_ROWS", 2)
    folder = snapshot(tmp_path / "one")
    names = sorted(path.name for path in (folder / "data").iterdir())
    assert names == [f"train-0000{index}-of-00003.parquet" for index in range(3)]
    shards = [pq.read_table(folder / "data" / name, partitioning=None) for name in names]
    assert pa.concat_tables(shards).to_pylist() == content().selected.to_pylist()
    assert verify_snapshot(folder) == []


def test_the_same_content_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.snapshots.factories import *; "
        "snapshot(Path(sys.argv[2]), *PLAIN[:1], version=2, "
        "parent=snapshot(Path(sys.argv[1])))"
    )
    for seed in ("1", "2"):
        folders = [str(tmp_path / f"parent{seed}"), str(tmp_path / f"child{seed}")]
        env = {**os.environ, "PYTHONHASHSEED": seed}
        root = Path(__file__).resolve().parents[2]
        subprocess.run([sys.executable, "-c", script, *folders], check=True, env=env, cwd=root)
    assert bytes_of(tmp_path / "child1") == bytes_of(tmp_path / "child2")


def test_chunks_metadata_and_order_of_facts_leave_no_trace(tmp_path: Path) -> None:
    whole = content(days=["2026-11-19", "2026-11-20"])
    halves = [whole.selected.slice(0, 2), whole.selected.slice(2)]
    other = replace(
        whole,
        selected=pa.concat_tables(halves).replace_schema_metadata({"made": "elsewhere"}),
        days=[*reversed(whole.days)],
        counts=dict(reversed(list(whole.counts.items()))),
        parameters=dict(reversed(list(whole.parameters.items()))),
    )
    write_snapshot(whole, 1, None, tmp_path / "one")
    write_snapshot(other, 1, None, tmp_path / "two")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_the_manifest_names_its_parent_by_checksum(tmp_path: Path) -> None:
    first = snapshot(tmp_path / "one")
    second = snapshot(tmp_path / "two", PLAIN[0], version=2, parent=first)
    parent = json.loads((second / "manifest.json").read_text())["parent"]
    assert parent == {"version": 1, "manifest_sha256": read_manifest(first).sha256}


def test_refuses_a_version_that_does_not_follow_its_parent(tmp_path: Path) -> None:
    first = snapshot(tmp_path / "one", version=3)
    with pytest.raises(InvalidInput, match="snapshot version: received 3; allowed: 4 or more"):
        write_snapshot(content(), 3, ParentSnapshot.read(first), tmp_path / "two")


def test_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "notes").touch()
    with pytest.raises(InvalidInput, match="an empty one"):
        write_snapshot(content(), 1, None, tmp_path)


def test_a_parent_without_its_files_is_corrupt(tmp_path: Path) -> None:
    first = snapshot(tmp_path / "one")
    (first / "tasks.parquet").unlink()
    with pytest.raises(Corrupt, match=r"tasks\.parquet"):
        snapshot(tmp_path / "two", version=2, parent=first)


def test_a_disk_that_takes_no_more_is_told_and_leaves_no_manifest(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path; from tests.snapshots.factories import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "from dynosaur_etl.domain.errors import StoreUnavailable\n"
        "try: snapshot(Path(sys.argv[1]))\n"
        "except StoreUnavailable: sys.exit(7)"
    )
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path / "one")], cwd=root)
    assert ended.returncode == 7
    assert not (tmp_path / "one" / "manifest.json").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        write_snapshot(content(), 1, None, tmp_path / "file" / "one")
