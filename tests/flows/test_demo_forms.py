"""The instruction sets of the sample Hub, grown into a version as the demo grows them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from demo.run import DAYS
from dynosaur_etl.domain.models import Mode
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.runtime.services import open_services
from tests.demo.test_sample_hub import FORMS, rows_of
from tests.flows.support import DEMO_HUB, environment, run_all, serving, settings

Row = dict[str, Any]

MESSAGES, SHAREGPT, PREFERENCE, REASONING, TOOLS, SCORED = FORMS
REFUSED = {REASONING: Reason.REASONING_UNVERIFIED, SCORED: Reason.SCORE_LOW}


@dataclass(frozen=True)
class Grown:
    """A version over the third day, the pairs beside it, and what the store tells of them.

    `tasks` are mode and form, `refused` reason and number, by dataset.
    """

    rows: list[Row]
    pairs: list[Row]
    tasks: list[tuple[str, str, str]]
    refused: list[tuple[str, str, int]]

    def of(self, dataset: str) -> dict[int, Row]:
        return {row["row"]: row for row in self.rows if row["dataset"] == dataset}


@pytest.fixture(scope="module")
def grown(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Grown]:
    home = tmp_path_factory.mktemp("home")
    with serving(DEMO_HUB, home / "logs") as servers:
        values = environment(
            servers, make_database(), home,
            DYNOSAUR_INSTANCES_PER_TASK="100", DYNOSAUR_SELECTION_SIZE="1000",
            DYNOSAUR_NATIVE_SHARE="1",
        )  # fmt: skip
        with open_services(settings(values)) as services:
            run_all(DAYS[2:], services)
            tasks = _asked(services.engine, "select dataset_id, mode, form from tasks")
            refused = _asked(
                services.engine,
                "select dataset_id, reason, number from rejections join tasks on subject = key "
                "where stage = 'fill'",
            )
        folder = home / "store" / "snapshots" / "v0001"
        [data] = (folder / "data").glob("*.parquet")
        rows = pq.read_table(data, partitioning=None).to_pylist()
        yield Grown(rows, pq.read_table(folder / "preferences.parquet").to_pylist(), tasks, refused)


def _asked(engine: Engine, query: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def said(turns: list[Row]) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"] or "") for turn in turns]


def test_each_set_has_one_native_task_of_its_form_and_no_other(grown: Grown) -> None:
    of_sets = {(name, mode, form) for name, mode, form in grown.tasks if name in FORMS}
    assert of_sets == {(name, Mode.NATIVE, form) for name, form in FORMS.items()}


def test_every_sound_row_is_in_the_version_and_every_other_counted(grown: Grown) -> None:
    counted = {name: (reason, number) for name, reason, number in grown.refused if name in FORMS}
    assert counted == {name: (reason, 1) for name, reason in REFUSED.items()}
    for name in FORMS:
        missing = len(rows_of(name, "default")) - len(grown.of(name))
        assert missing == (name in REFUSED), name


def test_conversations_are_the_messages_as_they_were(grown: Grown) -> None:
    for number, row in enumerate(rows_of(MESSAGES, "default")):
        assert said(grown.of(MESSAGES)[number]["messages"]) == said(row["messages"])
    names = {"human": "user", "gpt": "assistant"}
    for number, row in enumerate(rows_of(SHAREGPT, "default")):
        turns = [(names[turn["from"]], turn["value"]) for turn in row["conversations"]]
        assert said(grown.of(SHAREGPT)[number]["messages"]) == turns


def test_rejected_and_lower_answers_stand_in_the_pairs_alone(grown: Grown) -> None:
    pairs = {
        tuple(pair[part][-1]["content"] for part in ("prompt", "chosen", "rejected"))
        for pair in grown.pairs
    }
    of_letters = {
        (row["prompt"], row["chosen"], row["rejected"]) for row in rows_of(PREFERENCE, "default")
    }
    assert of_letters <= pairs
    assert {prompt for prompt, _, _ in pairs - of_letters} == {
        row["instruction"] for row in grown.of(SCORED).values()
    }
    assert not {rejected for _, _, rejected in pairs} & {row["output"] for row in grown.rows}


def test_the_best_answer_is_taught(grown: Grown) -> None:
    for number, row in grown.of(SCORED).items():
        answers = rows_of(SCORED, "default")[number]["completions"]
        assert row["output"] == max(answers, key=lambda answer: answer["score"])["response"]


def test_thoughts_stand_apart_from_answers(grown: Grown) -> None:
    for number, row in grown.of(REASONING).items():
        written = rows_of(REASONING, "default")[number]["response"]
        assert written == f"<think>\n{row['reasoning']}\n</think>\n\n{row['output']}"


def test_tools_and_calls_stay_data(grown: Grown) -> None:
    for number, row in enumerate(rows_of(TOOLS, "default")):
        made = grown.of(TOOLS)[number]
        assert json.loads(made["tools"]) == json.loads(row["tools"])
        assert said(made["messages"]) == said(row["messages"])
        calls = [turn["tool_calls"] for turn in made["messages"] if turn["tool_calls"]]
        assert calls == [turn["tool_calls"] for turn in row["messages"] if turn["tool_calls"]]
