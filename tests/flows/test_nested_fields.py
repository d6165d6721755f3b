"""Nested text from the Hub's file to the instance: as inputs, and what of it can be an output."""

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
PARTS = ["talk.words[*]", "talk['a.b']"]
WHERE = "The mill of village {n} stands beside the river that is called the {n}th stream."
TASKS: dict[str, tuple[str, list[str], str]] = {
    "a/talks": ("Say in which tone the talk was held.", INPUTS, "tone"),
    "a/mills": (
        "Answer the question about the passage.",
        ["passage", "questions[0].question"],
        "questions[0].answer",
    ),
    "a/notes": ("Name the mood in which the note was written.", ["note"], "facts.mood"),
    "a/quiz": (
        "Read the story and the question, and choose the right answer.",
        ["story", "item.stem", "item.options"],
        "item.answer",
    ),
}


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


def mills() -> pa.Table:
    """Passages with a list of questions: structures in a list."""
    asked = [
        [
            {"question": f"Where does mill {n} stand?", "answer": f"Beside stream {n}."},
            {"question": "What else is there?", "answer": "A bridge."},
        ]
        for n in range(ROWS)
    ]
    return pa.table({"passage": [WHERE.format(n=n) for n in range(ROWS)], "questions": asked})


def notes() -> pa.Table:
    """Notes with JSON in a text, whose objects have different parts."""
    facts = [
        {"mood": ("glad", "sad")[n % 2], "page": n} | ({"pen": "blue"} if n % 3 else {})
        for n in range(ROWS)
    ]
    said = [f"Note {n}: today the {('sun', 'rain')[n % 2]} was with us." for n in range(ROWS)]
    return pa.table({"note": said, "facts": [json.dumps(fact) for fact in facts]})


def quiz() -> pa.Table:
    """Stories with a structure of a question, its options and the right one's number."""
    names = [[f"Ann {n}", f"Bob {n}", f"Cid {n}"] for n in range(ROWS)]
    items = [
        {"stem": f"Who came at {n} o'clock?", "options": names[n], "answer": n % 3 + 1}
        for n in range(ROWS)
    ]
    return pa.table({"story": [f"Tale {n} of three friends." for n in range(ROWS)], "item": items})


def answer(body: Body) -> Answer:
    instruction, inputs, output = TASKS[fenced(body)["dataset"]]
    task = {"instruction": instruction, "input_fields": inputs, "output_field": output}
    return {"content": json.dumps({"tasks": [task]})}


@pytest.fixture
def grown(database_url: str, tmp_path: Path) -> Iterator[tuple[dict[str, str], ScriptedLlm]]:
    sets = {"a/talks": talks(), "a/mills": mills(), "a/notes": notes(), "a/quiz": quiz()}
    for name, table in sets.items():
        write_dataset(tmp_path / "hub", name, str(DAY), **{"train.parquet": table})
    with serving(tmp_path / "hub", tmp_path / "logs") as servers, scripted_llm(answer) as llm:
        here = replace(servers, llm=llm.url)
        yield environment(here, database_url, tmp_path, DYNOSAUR_NEAR_DUPLICATES="0"), llm


def expected(dataset: str, n: int) -> tuple[str, str]:
    """The input and output of a row's instance."""
    name = ("Ann", "Bob", "Cid")[n % 3]
    return {
        "a/talks": (
            f"talk.by is 'Ann {n}'. talk.words is 'Hi', 'ho {n}'. talk['a.b'] is 'dot'. "
            f"talk.by is 'by field {n}'. Talk is 'capital {n}'. talk  is 'blank {n}'.",
            f"tone {n}",
        ),
        "a/mills": (
            f"passage is '{WHERE.format(n=n)}'. questions[0].question is 'Where does mill {n} "
            "stand?'.",
            f"Beside stream {n}.",
        ),
        "a/notes": (
            f"Note {n}: today the {('sun', 'rain')[n % 2]} was with us.",
            ("glad", "sad")[n % 2],
        ),
        "a/quiz": (
            f"story is 'Tale {n} of three friends.'. item.stem is 'Who came at {n} o'clock?'. "
            f"item.options is A. 'Ann {n}', B. 'Bob {n}', C. 'Cid {n}'.",
            f"{name} {n}",
        ),
    }[dataset]


def test_what_is_shown_of_nested_fields_is_what_is_filled(
    grown: tuple[dict[str, str], ScriptedLlm],
) -> None:
    values, llm = grown
    with open_services(settings(values)) as services:
        for step in (*POLL_STEPS, growth.propose_all):
            step(DAY, services)
        validated = growth.validate(DAY, services)
        growth.fill(DAY, services)
        rows = pa.concat_tables(read_all(services, FileKind.INSTANCES, [str(DAY)])).to_pylist()

    asked: dict[str, dict[str, Any]] = {fenced(body)["dataset"]: body for body in llm.bodies}
    assert offered(asked["a/talks"]) == (sorted([*NAMES, *PARTS]), sorted([*NAMES[1:], *PARTS]))
    assert {"name": "talk", "type": "structure"} in fenced(asked["a/talks"])["fields"]
    shown = fenced(asked["a/mills"])
    first = dict(zip([one["name"] for one in shown["fields"]], shown["rows"][0], strict=True))
    assert first["questions[0].answer"].startswith("Beside stream ")
    assert first["questions"].startswith("questions[0].question is 'Where does mill ")
    assert "facts" not in offered(asked["a/notes"])[1]
    assert validated.counts.kept == len(TASKS)
    assert {row["prompt_version"] for row in rows} == {"tight-3"}
    assert {row["dataset"] for row in rows} == set(TASKS)
    for row in rows:
        assert (row["input"], row["output"]) == expected(row["dataset"], row["row"])


def offered(body: Body) -> tuple[list[str], list[str]]:
    """The inputs and outputs that the schema of a request allows."""
    schema: dict[str, Any] = body["response_format"]["json_schema"]["schema"]
    task = schema["properties"]["tasks"]["items"]["properties"]
    return sorted(task["input_fields"]["items"]["enum"]), sorted(task["output_field"]["enum"])
