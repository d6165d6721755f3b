"""Configs, rows and GPT-3.5's own proposals from the recorded Hub."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dynosaur_etl.domain.models import Config


def recorded_tasks(hub: Path) -> list[dict[str, Any]]:
    with (hub / "recorded_tasks.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_config(hub: Path, dataset: str, name: str) -> tuple[Config, list[dict[str, Any]]] | None:
    """Read a config's features and its first 100 rows; None where no rows are recorded."""
    files = sorted((hub / "datasets" / dataset / name).glob("*.parquet"))
    if not files:
        return None
    metadata = pq.read_schema(files[0]).metadata[b"huggingface"]
    features = json.loads(metadata)["info"]["features"]
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    return Config(dataset, "0" * 40, name, features, {}), rows[:100]


def configs_with_rows(hub: Path, limit: int) -> Iterator[tuple[Config, list[dict[str, Any]]]]:
    """The first configs of the recording, one a dataset."""
    found = 0
    for folder in sorted((hub / "datasets").iterdir()):
        config = next((c for c in sorted(folder.iterdir()) if any(c.glob("*.parquet"))), None)
        read = read_config(hub, folder.name, config.name) if config else None
        if read is not None:
            yield read
            found += 1
        if found == limit:
            return
