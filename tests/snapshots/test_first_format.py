"""Versions of the first format: read, verified, compared, and followed by new ones."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.diff import diff_folders, read_diff
from dynosaur_etl.snapshots.layout import (
    DIFF,
    FIRST_SELECTED,
    FIRST_SINGLE_FILES,
    MANIFEST,
    README,
    REJECTS,
    SELECTION,
    SOURCES,
    TASKS,
    json_bytes,
)
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.verify import verify_snapshot
from dynosaur_etl.store.storage import file_sha256
from tests.snapshots.factories import Source, content, snapshot

TRAIN = "data/train-00000-of-00001.parquet"
OLD = (Source("ann/news"), Source("bob/weather", rows=(5, 6, 7)))
TABLES = (TRAIN, SELECTION, TASKS, REJECTS)


def first_format(folder: Path, version: int = 1) -> Path:
    """Write a version as the first release did: fewer files, no `pii`, tasks without authors."""
    newer = snapshot(folder.with_name(f"{folder.name}-newer"), *OLD, version=version)
    (folder / "data").mkdir(parents=True)
    for name in TABLES:
        table = pq.read_table(newer / name, partitioning=None)
        if name == TRAIN:
            table = table.select(FIRST_SELECTED.names)
        if name == TASKS:
            table = table.drop_columns(["model", "provider", "written_on"])
        pq.write_table(table, folder / name, compression="zstd")
    for name in (SOURCES, DIFF, README):
        (folder / name).write_bytes((newer / name).read_bytes())
    told = json.loads((newer / MANIFEST).read_bytes())
    told |= {"format": 1, "files": {name: entry(folder, name) for name in (*TABLES, SOURCES)}}
    told["files"] |= {name: entry(folder, name) for name in (DIFF, README)}
    (folder / MANIFEST).write_bytes(json_bytes(told))
    return folder


def entry(folder: Path, name: str) -> dict[str, object]:
    path = folder / name
    rows = pq.ParquetFile(path).metadata.num_rows if path.suffix == ".parquet" else None
    rows = len(OLD) if name == SOURCES else rows
    return {"sha256": file_sha256(path), "bytes": path.stat().st_size, "rows": rows}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return first_format(tmp_path / "v0001")


def test_it_is_read_and_sound(old: Path) -> None:
    manifest = read_manifest(old)
    assert (manifest.format, manifest.rows) == (1, 5)
    assert manifest.files.keys() == {TRAIN, *FIRST_SINGLE_FILES}
    assert manifest.sha256 == file_sha256(old / MANIFEST)
    assert verify_snapshot(old, manifest.sha256) == []


@pytest.mark.parametrize("name", [*TABLES, SOURCES, DIFF, README])
def test_a_changed_file_of_it_is_found(old: Path, name: str) -> None:
    raw = bytearray((old / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (old / name).write_bytes(raw)
    assert name in {problem.file for problem in verify_snapshot(old)}


def test_rows_of_it_that_belong_to_nothing_are_found(old: Path) -> None:
    table = pq.read_table(old / TASKS).slice(1)
    pq.write_table(table, old / TASKS)
    told = json.loads((old / MANIFEST).read_bytes())
    told["files"][TASKS] = entry(old, TASKS)
    (old / MANIFEST).write_bytes(json_bytes(told))
    assert {problem.file for problem in verify_snapshot(old)} == {TRAIN}


def test_the_next_version_is_built_on_it(old: Path, tmp_path: Path) -> None:
    whole = content(OLD[0], Source("cy/maps", rows=(8,)))
    manifest = write_snapshot(whole, 2, ParentSnapshot.read(old), tmp_path / "v0002")
    assert manifest.parent is not None
    assert manifest.parent.manifest_sha256 == file_sha256(old / MANIFEST)
    assert verify_snapshot(tmp_path / "v0002", manifest.sha256) == []
    changes = read_diff(tmp_path / "v0002")
    assert (changes.kept.number, changes.added.number, changes.dropped.number) == (2, 1, 3)
    assert diff_folders(old, tmp_path / "v0002") == changes


def test_a_format_of_the_future_is_refused_with_those_that_are_read(old: Path) -> None:
    told = json.loads((old / MANIFEST).read_bytes())
    (old / MANIFEST).write_bytes(json_bytes(told | {"format": 3}))
    with pytest.raises(Corrupt, match="found format 3; this version reads 1 and 2"):
        read_manifest(old)
