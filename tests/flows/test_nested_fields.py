"""A field of nested text from the Hub's file to the instance, beside names that nearly coincide."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.select.pool import read_all
from dynosaur_etl.store.kinds import FileKind
from tests.flows import growth
from tests.flows.hubs import write_dataset
from tests.flows.scripted_llm import Answer, Body, ScriptedLlm, fenced, scripted_llm
from tests.flows.support import POLL_STEPS, environment, serving, settings

DAY = GrowthDay.parse("2026-10-05")
ROWS = 12
INPUTS = ["talk", "talk.by", "Talk", "talk "]
NAMES = [*INPUTS, "tone"]


def talks() -> pa.Table:
    """Talks as a structure, and fields whose names are nearly those of its parts."""
    said = pa.struct([("by", pa.string()), ("words", pa.list_(pa.string())), ("a.b", pa.string())])
    columns = [
        pa.array(
            [{"by": f"Ann {n}", "words": ["Hi", f"ho {n}"], "a.b": "dot"} for n in range(ROWS)],
            said,
        ),
        pa.array([f"by field {n}" for n in range(ROWS)]),
        pa.array([f"capital {n}" for n in range(ROWS)]),
        pa.array([f"blank {n}" for n in range(ROWS)]),
        pa.array([f"tone {n}" for n in range(ROWS)]),
    ]
    return pa.table(columns, names=NAMES)


def answer(body: Body) -> Answer:
    task = {
        "instruction": "Say in which tone the talk was held.",
        "input_fields": INPUTS,
        "output_field": "tone",
    }
    return {"content": json.dumps({"tasks": [task]})}


@pytest.fixture
def grown(database_url: str, tmp_path: Path) -> Iterator[tuple[dict[str, str], ScriptedLlm]]:
    write_dataset(tmp_path / "hub", "a/talks", str(DAY), **{"train.parquet": talks()})
    with serving(tmp_path / "hub", tmp_path / "logs") as servers, scripted_llm(answer) as llm:
        here = replace(servers, llm=llm.url)
        yield environment(here, database_url, tmp_path, DYNOSAUR_NEAR_DUPLICATES="0"), llm


def test_a_structure_is_offered_proposed_and_filled_and_no_name_stands_for_another(
    grown: tuple[dict[str, str], ScriptedLlm],
) -> None:
    values, llm = grown
    with open_services(settings(values)) as services:
        for step in (*POLL_STEPS, growth.propose_all):
            step(DAY, services)
        validated = growth.validate(DAY, services)
        growth.fill(DAY, services)
        rows = pa.concat_tables(read_all(services, FileKind.INSTANCES, [str(DAY)])).to_pylist()

    asked: dict[str, Any] = llm.bodies[0]
    schema = asked["response_format"]["json_schema"]["schema"]
    task = schema["properties"]["tasks"]["items"]["properties"]
    assert sorted(task["input_fields"]["items"]["enum"]) == sorted(NAMES)
    assert sorted(task["output_field"]["enum"]) == sorted(NAMES[1:])
    assert {"name": "talk", "type": "structure"} in fenced(asked)["fields"]
    assert validated.counts.kept == 1
    assert {row["prompt_version"] for row in rows} == {"tight-3"}
    assert len(rows) == 8
    for row in rows:
        n = row["row"]
        assert row["output"] == f"tone {n}"
        assert row["input"] == (
            f"talk.by is 'Ann {n}'. talk.words is 'Hi', 'ho {n}'. talk['a.b'] is 'dot'. "
            f"talk.by is 'by field {n}'. Talk is 'capital {n}'. talk  is 'blank {n}'."
        )
