"""The parts beside the training set: held-out tasks, the whole pool, the chat form."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.snapshots import layout
from dynosaur_etl.snapshots.build import write_snapshot
from dynosaur_etl.snapshots.citations import write_citations
from dynosaur_etl.snapshots.content import FullPool, SnapshotContent
from dynosaur_etl.snapshots.shards import write_shards
from dynosaur_etl.snapshots.verify import verify_snapshot
from tests.snapshots.factories import (
    PLAIN,
    Source,
    content,
    snapshot,
    with_cell,
    with_full,
    with_held_out,
)
from tests.snapshots.test_verify import edit_manifest

HELD = Source("cal/maths", rows=(1, 2), instruction="Solve it.", label_space=())
TEST = "data/test-00000-of-00001.parquet"
FULL = "full/train-00000-of-00001.parquet"


def whole() -> SnapshotContent:
    """Five selected rows, two held out, and a pool of the five and two more."""
    more = content(replace(PLAIN[0], rows=(8, 9))).selected
    made = with_held_out(content(), HELD)
    return with_full(made, pa.concat_tables([made.selected, more]))


def chat(rows: pa.Table) -> pa.Table:
    turns = [
        [{"role": "user", "content": row["input"]}, {"role": "assistant", "content": row["output"]}]
        for row in rows.to_pylist()
    ]
    field = layout.SELECTED_CHAT.field("messages")
    return rows.append_column(field, pa.array(turns, field.type))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_snapshot(whole(), 1, None, tmp_path / "one")
    return tmp_path / "one"


def test_all_parts_are_written_and_sound(folder: Path) -> None:
    assert verify_snapshot(folder) == []
    assert pq.read_table(folder / TEST).num_rows == 2
    assert pq.read_table(folder / FULL).num_rows == 7


def test_datasets_opens_splits_and_configs_with_their_features(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    cache = str(tmp_path / "cache")
    opened = datasets.load_dataset(str(folder), cache_dir=cache)
    assert {name: len(part) for name, part in opened.items()} == {"train": 5, "test": 2}
    full = datasets.load_dataset(str(folder), "full", cache_dir=cache)
    assert {name: len(part) for name, part in full.items()} == {"train": 7}
    sources = datasets.load_dataset(str(folder), "sources", split="train", cache_dir=cache)
    assert sources["dataset"][:] == ["ann/news", "bob/weather", "cal/maths"]


def test_the_chat_form_has_the_features_that_datasets_writes() -> None:
    import datasets

    features = datasets.Features.from_arrow_schema(layout.SELECTED_CHAT)
    assert layout.features_json(layout.SELECTED_CHAT) == features.to_dict()
    assert layout.features_yaml(layout.SELECTED_CHAT) == features._to_yaml_list()


def test_the_chat_form_is_in_both_splits_and_sound(tmp_path: Path) -> None:
    made = whole()
    made = replace(made, selected=chat(made.selected), held_out=chat(made.held_out))
    write_snapshot(made, 1, None, tmp_path / "one")
    assert verify_snapshot(tmp_path / "one") == []
    assert pq.read_schema(tmp_path / "one" / TEST).names[-1] == "messages"
    with pytest.raises(InvalidInput, match="held_out, columns"):
        replace(made, held_out=whole().held_out)


def test_polars_and_duckdb_open_it(folder: Path) -> None:
    train = polars.read_parquet(folder / "data" / "train-*.parquet")
    assert train["instance_key"].to_list() == content().selected["instance_key"].to_pylist()
    rows = duckdb.read_parquet(f"{folder}/data/train-*.parquet")
    counted = rows.aggregate("dataset, count(*) as n", "dataset").order("dataset").fetchall()
    assert counted == [("ann/news", 2), ("bob/weather", 3)]
    tasks = duckdb.read_parquet(f"{folder}/tasks.parquet").project("label_space").fetchall()
    assert tasks[0] == (["sports", "world"],)
    assert polars.read_csv(folder / "sources.csv")["licence"].to_list() == ["mit"] * 3


def test_a_held_out_task_among_the_selected_is_refused() -> None:
    made = with_held_out(content(), HELD)
    key = PLAIN[0].task_key
    with pytest.raises(InvalidInput, match=f"held_out, row 1: found task '{key}'"):
        replace(made, held_out=with_cell(made.held_out, "task_key", 1, key))


def damaged(made: SnapshotContent, column: str, row: int, value: str) -> SnapshotContent:
    [table] = [pa.concat_tables(list(made.full.tables()))] if made.full else [pa.table({})]
    broken = with_cell(table, column, row, value)
    return replace(made, full=FullPool(len(broken), lambda: iter([broken])))


@pytest.mark.parametrize(
    ("column", "row", "value", "file", "found"),
    [
        ("task_key", 6, "nowhere", FULL, "'nowhere' in row 6"),
        ("task_key", 5, HELD.task_key, FULL, f"task '{HELD.task_key}' in row 5"),
        ("instance_key", 3, "other", layout.shard_names(layout.TRAIN, 5)[0], "in row 3"),
        ("dataset", 6, "bob/weather", FULL, "'bob/weather@"),
    ],
)
def test_a_pool_that_breaks_a_rule_is_found(
    tmp_path: Path, column: str, row: int, value: str, file: str, found: str
) -> None:
    write_snapshot(damaged(whole(), column, row, value), 1, None, tmp_path / "one")
    problems = verify_snapshot(tmp_path / "one")
    assert any(problem.file == file and found in problem.found for problem in problems), problems


def test_sources_that_count_another_pool_are_found(tmp_path: Path) -> None:
    made = whole()
    made = replace(made, sources=with_cell(made.sources, "pool_instances", 1, 9))
    write_snapshot(made, 1, None, tmp_path / "one")
    [problem] = verify_snapshot(tmp_path / "one")
    assert (problem.file, problem.found[:16]) == ("sources.parquet", "9 pool instances")


def flipped(raw: bytes) -> bytes:
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]


def cut_short(raw: bytes) -> bytes:
    return raw[:-50]


@pytest.mark.parametrize("name", [TEST, FULL])
@pytest.mark.parametrize("harm", [flipped, cut_short])
def test_harm_to_a_part_names_that_part_alone(
    folder: Path, name: str, harm: Callable[[bytes], bytes]
) -> None:
    (folder / name).write_bytes(harm((folder / name).read_bytes()))
    assert {problem.file for problem in verify_snapshot(folder)} == {name}


def test_a_changed_row_count_of_a_part_is_found(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest["files"][FULL].update(rows=6))
    assert {problem.file for problem in verify_snapshot(folder)} >= {FULL}


@pytest.mark.parametrize("rows", [4, 6])
def test_a_pool_of_another_length_is_refused(tmp_path: Path, rows: int) -> None:
    table = content().selected
    with pytest.raises(Corrupt, match="full/train"):
        list(write_shards([table], rows, layout.SELECTED, layout.FULL, tmp_path))


def test_however_rows_are_cut_the_shards_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "SHARD_ROWS", 3)
    table = content().selected
    cuts = ([table], [table.slice(0, 1), table.slice(1, 3), table.slice(4)])
    hashes = []
    for number, tables in enumerate(cuts):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "full").mkdir()
        shards = list(write_shards(tables, 5, layout.SELECTED, layout.FULL, folder))
        assert [rows for _, rows, _ in shards] == [3, 2]
        hashes.append(
            [hashlib.sha256((folder / name).read_bytes()).digest() for name, *_ in shards]
        )
    assert hashes[0] == hashes[1]


def test_long_texts_make_small_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynosaur_etl.snapshots.shards.ROW_GROUP_BYTES", 700)
    write_snapshot(content(), 1, None, tmp_path / "one")
    name = layout.shard_names(layout.TRAIN, 5)[0]
    assert pq.read_metadata(tmp_path / "one" / name).num_row_groups > 1


def test_figures_are_the_same_under_another_machines_settings(tmp_path: Path) -> None:
    script = (
        "import matplotlib as mpl, sys; from pathlib import Path\n"
        "mpl.rcParams.update({'font.size': 30, 'savefig.dpi': 20, 'axes.grid': True})\n"
        "from tests.snapshots.factories import *\n"
        "from dynosaur_etl.snapshots.figures import draw_figures\n"
        "list(draw_figures(content(), Path(sys.argv[1])))"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, cwd=root)
    plain = snapshot(tmp_path / "plain")
    for name in layout.FIGURES:
        assert (tmp_path / name).read_bytes() == (plain / name).read_bytes()


def test_every_source_is_cited_and_none_leaves_its_braces(tmp_path: Path) -> None:
    hostile = Source("a}\n@book{x,", pretty_name="}} \\input{x} %", url="https://a.org/}{\\x")
    write_citations(content(*PLAIN, hostile).sources, tmp_path / "citations.bib")
    text = (tmp_path / "citations.bib").read_text()
    assert text.count("@misc{") == 3
    assert text.count("@inproceedings{") == 2
    assert text.count("{") == text.count("}")
    assert "@book" not in text.replace("a @book x,", "")
    assert "\\input" not in text


def told(folder: Path) -> Any:
    return (folder / "README.md").read_text()


def test_the_card_tells_of_the_held_out_part(folder: Path) -> None:
    assert "holds 2 rows that were held out" in told(folder)
    assert "held out" not in told(snapshot(folder.parent / "plain"))
