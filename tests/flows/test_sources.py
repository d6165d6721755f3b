"""Where rows come from: one dataset for each source, through the whole of a day's poll."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.store.tables import ConfigRow, VerdictRow
from tests.flows.hubs import notes, write_converted, write_dataset
from tests.flows.support import POLL_STEPS, environment, serving, settings

DAY = "2026-10-05"


@pytest.fixture
def sources_hub(tmp_path: Path) -> Path:
    root = tmp_path / "hub"
    root.mkdir()
    packed = gzip.compress("".join(json.dumps(row) + "\n" for row in notes().to_pylist()).encode())
    write_dataset(root, "a/of-files", DAY, data__train_dot_parquet=notes())
    write_dataset(root, "b/of-a-script", DAY, dataset_infos_dot_json="{}")
    write_converted(root, "b/of-a-script", notes())
    not_ready = {"viewer_not_ready": ["rows"]}
    write_dataset(root, "c/without-a-viewer", DAY, facts=not_ready, dataset_infos_dot_json="{}")
    write_converted(root, "c/without-a-viewer", notes())
    write_dataset(root, "d/packed", DAY, train_dot_jsonl_dot_gz=packed)
    write_dataset(root, "e/nowhere", DAY, train_dot_jsonl_dot_gz=b"not packed at all")
    return root


@pytest.fixture
def services(sources_hub: Path, database_url: str, tmp_path: Path) -> Iterator[Services]:
    with serving(sources_hub, tmp_path / "logs") as running:
        values = environment(running, database_url, tmp_path / "home")
        with open_services(settings(values)) as opened:
            yield opened


def poll(services: Services) -> StepReport:
    return [step(GrowthDay.parse(DAY), services) for step in POLL_STEPS][-1]


def read(services: Services, dataset_id: str) -> list[dict[str, Any]]:
    with Session(services.engine) as session:
        path = session.scalar(
            select(ConfigRow.sample_path).where(ConfigRow.dataset_id == dataset_id)
        )
    rows = pq.read_table(Path(services.settings.storage) / str(path)).to_pylist()
    return [{name: row[name] for name in ("note", "mood", "__row__")} for row in rows]


def test_each_source_serves_where_those_before_it_cannot_and_is_told(services: Services) -> None:
    report = poll(services)
    with Session(services.engine) as session:
        verdicts = {row.dataset_id: row for row in session.scalars(select(VerdictRow))}
    told = {name: (row.reason, row.detail) for name, row in verdicts.items()}
    refused = told.pop("e/nowhere")
    assert told == {
        "a/of-files": (None, ""),
        "b/of-a-script": (None, "from the dataset viewer: default"),
        "c/without-a-viewer": (None, "from converted Parquet: default"),
        "d/packed": (None, "from streaming: default"),
    }
    assert refused[0] == "rows_unreadable"
    assert "BadGzipFile" in refused[1]
    assert report.facts["configs_from_viewer"] == 1
    assert report.facts["configs_from_converted"] == 1
    assert report.facts["configs_from_streaming"] == 1
    assert report.facts["configs"] == 4
    with Session(services.engine) as session:
        seeds = session.scalars(select(ConfigRow.sample_seed)).all()
    assert list(seeds) == [services.settings.seed] * 4
    whole = [{**row, "__row__": at} for at, row in enumerate(notes().to_pylist())]
    for name in told:
        assert read(services, name) == whole
