"""The demonstration Hub over the whole recording, where it lies beside the checkout."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.hub_server import create_app
from tests.demo.hub_support import Hub, serve

CHECKOUT = Path(__file__).resolve().parents[2]
RECORDING = (CHECKOUT / "../shared/hub").resolve()

pytestmark = [
    pytest.mark.recording,
    pytest.mark.skipif(not (RECORDING / "index.jsonl").is_file(), reason="no recording here"),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with serve(RECORDING, tmp_path_factory.mktemp("recording") / "log.jsonl") as running:
        yield running


@pytest.fixture(scope="module")
def entries() -> list[dict[str, object]]:
    lines = (RECORDING / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_starting_takes_under_two_seconds() -> None:
    start = time.monotonic()
    create_app(RECORDING)
    assert time.monotonic() - start < 2


def test_the_module_starts_as_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo.hub_server", "--help"]
    helped = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert "--uploads" in helped.stdout


def test_all_datasets_are_listed_over_pages(hub: Hub, entries: list[dict[str, object]]) -> None:
    listed = hub.client(
        "from huggingface_hub import HfApi\n"
        "result = [[d.id, len(d.siblings)] for d in HfApi().list_datasets(full=True)]"
    )
    assert [name for name, _ in listed] == [f"legacy-datasets/{e['id']}" for e in entries]
    assert all(files >= 1 for _, files in listed)


def test_every_recorded_split_shows_its_rows(hub: Hub, entries: list[dict[str, object]]) -> None:
    named = [f"legacy-datasets/{entry['id']}" for entry in entries if entry["has_rows"]]
    shown = 0
    for name in named:
        for split in hub.json(f"/viewer/splits?dataset={name}")["splits"]:
            query = f"config={split['config']}&split={split['split']}"
            page = hub.json(f"/viewer/first-rows?dataset={name}&{query}")
            assert page["rows"], split
            names = [feature["name"] for feature in page["features"]]
            assert list(page["rows"][0]["row"]) == names
            shown += 1
    assert shown > len(named)


def test_hard_datasets_are_streamed_at_an_old_revision(hub: Hub) -> None:
    result = hub.client(
        "from datasets import load_dataset\n"
        "from huggingface_hub import HfApi\n"
        "def first(name, path):\n"
        "    full = HfApi().dataset_info(name).id\n"
        "    commits = HfApi().list_repo_commits(full, repo_type='dataset')\n"
        "    rows = load_dataset(full, data_files={'train': path}, split='train',"
        " revision=commits[-1].commit_id, streaming=True)\n"
        "    return sorted(next(iter(rows)))\n"
        "result = [first('glue', 'sst2/train.parquet'), first('disfl_qa', 'default/train.parquet'),"
        " first('alt', 'alt-parallel/train.parquet')]"
    )
    assert result[0] == ["idx", "label", "sentence"]
    assert "disfluent question" in result[1]
    assert "SNT.URLID.SNTID" in result[2]
