"""A task that is proposed for two datasets and on two days stands in the pool once."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.select.pool import load_pool
from tests.flows.hubs import notes, write_dataset
from tests.flows.scripted_llm import Answer, Body, scripted_llm
from tests.flows.support import environment, run_day, serving, settings

DAYS = ("2026-10-05", "2026-10-06")


TASK = {
    "instruction": "Decide in which mood the note was written.",
    "input_fields": ["note"],
    "output_field": "mood",
}


def answer(_: Body) -> Answer:
    """Say the same of every dataset."""
    return {"content": json.dumps({"tasks": [TASK]})}


def other_notes(word: str) -> pa.Table:
    table = notes()
    texts = [note.replace("boat", word) for note in table["note"].to_pylist()]
    return table.set_column(0, "note", pa.array(texts))


@pytest.mark.parametrize("strictness", ["strict", "paper"])
def test_repeats_are_left_out_of_the_pool_and_counted(
    database_url: str, tmp_path: Path, strictness: str
) -> None:
    hub = tmp_path / "hub"
    for name, day, word in zip(
        ("a/first", "b/second", "c/later"), (DAYS[0], DAYS[0], DAYS[1]), ("boat", "ship", "ferry"),
        strict=True,
    ):  # fmt: skip
        write_dataset(hub, name, day, **{"train.parquet": other_notes(word)})
    with serving(hub, tmp_path / "logs") as servers, scripted_llm(answer) as llm:
        here = replace(servers, llm=llm.url)
        values = environment(here, database_url, tmp_path, DYNOSAUR_VALIDITY=strictness)
        with open_services(settings(values)) as services:
            for day in DAYS:
                run_day(day, services)
            pool = load_pool(services, DAYS)
            report = training_set.select(GrowthDay.parse(DAYS[1]), services)
            with services.engine.connect() as connection:
                tasks = connection.execute(text("select day, dataset_id from tasks")).all()

    assert {tuple(row) for row in tasks} == {
        (DAYS[0], "a/first"), (DAYS[0], "b/second"), (DAYS[1], "c/later"),
    }, "every day's own tables hold all of its tasks"  # fmt: skip
    sources: set[Any] = set(pool.instances["dataset"].to_pylist())
    left_out = report.reasons.get("duplicate_elsewhere", 0)
    assert report.counts.kept == pool.instances.num_rows
    if strictness == "strict":
        assert sources == {"a/first"}
        assert left_out == sum(pool.repeated.values()) == 2 * report.counts.kept
        assert all("a/first/default of 2026-10-05" in words for words in pool.repeats.values())
    else:
        assert sources == {"a/first", "b/second", "c/later"}
        assert left_out == 0
