"""Whatever is changed in a snapshot is found, and the file is named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.snapshots.layout import SELECTED, json_bytes
from dynosaur_etl.snapshots.manifest import FileEntry, read_manifest
from dynosaur_etl.snapshots.relations import _surely_distinct
from dynosaur_etl.snapshots.shards import write_features_parquet
from dynosaur_etl.snapshots.verify import Discrepancy, verify_snapshot
from dynosaur_etl.store.checksums import file_sha256
from tests.snapshots.factories import snapshot, with_cell

TRAIN = "data/train-00000-of-00001.parquet"
FILES = (
    "README.md",
    TRAIN,
    "citations.bib",
    "diff.json",
    "figures/growth.png",
    "rejects.parquet",
    "selection.parquet",
    "sources.csv",
    "sources.parquet",
    "tasks.parquet",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return snapshot(tmp_path / "v0001")


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest and write it in its own form, as a careful forger would."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_bytes(json_bytes(manifest))


def rewrite(folder: Path, name: str, column: str, row: int, value: Any) -> None:
    """Change a cell of a table and make the manifest agree with the new bytes."""
    path = folder / name
    schema = {TRAIN: SELECTED, "selection.parquet": schemas.SELECTION}.get(name, schemas.TASKS)
    table = with_cell(pq.read_table(path, partitioning=None), column, row, value)
    write_features_parquet(table, schema, path)
    entry = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
    edit_manifest(folder, lambda manifest: manifest["files"][name].update(entry))


def names(problems: list[Discrepancy]) -> set[str]:
    return {problem.file for problem in problems}


def test_a_sound_snapshot_has_no_problem(folder: Path) -> None:
    assert verify_snapshot(folder, read_manifest(folder).sha256) == []


@pytest.mark.parametrize("name", FILES)
def test_finds_a_flipped_byte(folder: Path, name: str) -> None:
    path = folder / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    problems = verify_snapshot(folder)
    wanted = read_manifest(folder).files[name].sha256
    assert names(problems) == {name}
    assert Discrepancy(name, f"SHA-256 {file_sha256(path)}", wanted) in problems


@pytest.mark.parametrize("name", FILES)
def test_finds_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert verify_snapshot(folder) == [
        Discrepancy(name, "no file", "the file that the manifest lists")
    ]


@pytest.mark.parametrize("name", ["notes.txt", "data/train-00001-of-00002.parquet", ".hidden"])
def test_finds_an_extra_file(folder: Path, name: str) -> None:
    (folder / name).touch()
    assert names(verify_snapshot(folder)) == {name}


def test_finds_a_link_in_place_of_a_file(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "tasks.parquet", tmp_path / "elsewhere")
    (folder / "tasks.parquet").symlink_to(tmp_path / "elsewhere")
    assert verify_snapshot(folder) == [Discrepancy("tasks.parquet", "a link", "a plain file")]


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".parquet")])
def test_finds_a_truncated_table(folder: Path, name: str) -> None:
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(raw[:-100])
    problems = verify_snapshot(folder)
    assert names(problems) == {name}
    assert Discrepancy(name, f"{len(raw) - 100} bytes", f"{len(raw)} bytes") in problems
    assert any("cannot be read" in problem.found for problem in problems)


@pytest.mark.parametrize("name", [TRAIN, "selection.parquet", "tasks.parquet", "rejects.parquet"])
def test_finds_a_row_that_was_taken_out(folder: Path, name: str) -> None:
    path = folder / name
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.slice(1), path)
    found = Discrepancy(name, f"{table.num_rows - 1} rows", f"{table.num_rows} rows")
    assert found in verify_snapshot(folder)


def test_finds_a_row_count_that_was_edited_in_the_manifest(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest["files"]["tasks.parquet"].update(rows=9))
    assert verify_snapshot(folder) == [Discrepancy("tasks.parquet", "2 rows", "9 rows")]


def test_finds_an_edited_manifest_by_its_checksum(folder: Path) -> None:
    before = read_manifest(folder).sha256
    edit_manifest(folder, lambda manifest: manifest["parameters"].update(alpha=0.9))
    after = read_manifest(folder).sha256
    assert verify_snapshot(folder, before) == [
        Discrepancy("manifest.json", f"SHA-256 {after}", before)
    ]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda m: m["counts"].update(selected=6), "6 selected in counts"),
        (lambda m: m["files"].pop("rejects.parquet"), "no entry for rejects.parquet"),
        (lambda m: m["files"].update({"../x": {}}), "files.../x"),
        (lambda m: m.update(format=3), "found format 3"),
        (lambda m: m.update(version="1"), "version"),
        (lambda m: m.update(more=1), "found other bytes"),
        (lambda m: m.pop("days"), "days"),
    ],
)
def test_finds_a_manifest_that_contradicts_itself(
    folder: Path, edit: Callable[[dict[str, Any]], object], told: str
) -> None:
    edit_manifest(folder, edit)
    problem = verify_snapshot(folder)[0]
    assert problem.file == "manifest.json"
    assert told in problem.found


def test_refuses_a_file_name_that_leads_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    entry = FileEntry("0" * 64, 1, None).__dict__
    edit_manifest(folder, lambda manifest: manifest["files"].update({"../secret": entry}))
    assert "which no snapshot has" in verify_snapshot(folder)[0].found


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"format": 1}'])
def test_a_manifest_that_is_none_is_a_problem(folder: Path, raw: bytes) -> None:
    (folder / "manifest.json").write_bytes(raw)
    assert names(verify_snapshot(folder)) == {"manifest.json"}


def test_a_missing_manifest_is_a_problem(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    assert "the file is missing" in verify_snapshot(folder)[0].found


@pytest.mark.parametrize(
    ("name", "column", "row", "value", "found"),
    [
        (TRAIN, "task_key", 2, "nowhere", "'nowhere' in row 2"),
        (TRAIN, "instance_key", 1, "other", "instance 'other' in row 1"),
        (TRAIN, "growth_day", 4, "", "an empty growth_day in row 4"),
        ("selection.parquet", "rank", 3, 7, "rank 7 in row 3"),
        ("selection.parquet", "coverage", 0, float("nan"), "coverage nan in row 0"),
        ("tasks.parquet", "revision", 1, "0" * 40, f"'bob/weather@{'0' * 40}' in row 1"),
    ],
)
def test_finds_broken_relations_behind_right_checksums(
    folder: Path, name: str, column: str, row: int, value: Any, found: str
) -> None:
    rewrite(folder, name, column, row, value)
    assert [(problem.file, problem.found) for problem in verify_snapshot(folder)] == [(name, found)]


def test_finds_a_source_that_was_renamed_and_blames_no_other_file(folder: Path) -> None:
    path = folder / "sources.csv"
    path.write_text(path.read_text().replace("bob/weather", "bob/other"))
    problems = verify_snapshot(folder)
    assert names(problems) == {"sources.csv"}


def test_a_table_that_was_rewritten_puts_no_other_in_the_wrong(folder: Path) -> None:
    path = folder / "tasks.parquet"
    table = with_cell(pq.read_table(path), "task_key", 0, "another")
    write_features_parquet(table, schemas.TASKS, path)
    assert names(verify_snapshot(folder)) == {"tasks.parquet"}


def test_finds_a_table_with_another_column(folder: Path) -> None:
    path = folder / "rejects.parquet"
    pq.write_table(pq.read_table(path).rename_columns(["a", "b", "c", "d", "e", "f"]), path)
    assert any("columns {'a'" in problem.found for problem in verify_snapshot(folder))


digests = st.integers(0, 30).map(lambda number: digest("key", number))


@given(
    st.lists(st.lists(digests | st.text(max_size=9), max_size=20), max_size=4), st.integers(0, 5)
)
def test_keys_that_repeat_are_never_taken_for_distinct_ones(
    chunks: list[list[str]], left_out: int
) -> None:
    keys = pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())
    shown = keys.slice(left_out)
    if _surely_distinct(shown):
        assert len(set(shown.to_pylist())) == len(shown)


@given(st.sets(digests, min_size=1))
def test_distinct_digests_are_known_at_once(keys: set[str]) -> None:
    whole = pa.array([*keys, *keys], pa.string())
    assert _surely_distinct(pa.chunked_array([whole.slice(len(keys))]))


def test_a_problem_reads_as_a_sentence() -> None:
    problem = Discrepancy("tasks.parquet", "2 rows", "9 rows")
    assert str(problem) == "tasks.parquet: found 2 rows; expected 9 rows"
