"""A day grown half by one model and half by another says so: each task, the card, the pages."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import NO_MODEL, Mode
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.propose.questions import questions
from dynosaur_etl.flows.runtime.asking import ask_live
from dynosaur_etl.flows.runtime.services import open_services, silent
from dynosaur_etl.flows.views.day_report import day_report
from tests.airflow.page import read_page
from tests.flows import growth
from tests.flows.relay import relaying
from tests.flows.support import (
    DEMO_HUB,
    POLL_STEPS,
    Servers,
    environment,
    run_day,
    serving,
    settings,
)

DAY = GrowthDay.parse("2026-10-05")
FIRST, SECOND = "dynosaur-demo-rules-2026-01-01", "dynosaur-demo-rules-2026-02-02"
LAST_STEPS = (growth.validate, growth.fill, growth.score, growth.embed)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


def test_each_task_the_card_and_the_pages_name_who_wrote_it(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    values = environment(servers, database_url, tmp_path, DYNOSAUR_LLM_MODEL=FIRST)
    with open_services(settings(values)) as services:
        for step in POLL_STEPS:
            step(DAY, services)
        asked = [question.request for question in questions(DAY, services)]
        ask_live(asked[::2], str(DAY), services, silent)
        with services.engine.begin() as connection:  # as answers that another model gave
            connection.execute(
                text(
                    "update llm_requests set server = 'https://api.openai.com/v1', response ="
                    " jsonb_set(response, '{model}', '\"gpt-3.5-turbo-0301\"'),"
                    " answered_at = '2023-05-23T10:00:00Z'"
                )
            )
        for step in (growth.propose_all, *LAST_STEPS):
            step(DAY, services)
    later = values | {"DYNOSAUR_LLM_MODEL": SECOND}
    with open_services(settings(later)) as services:
        built = training_set.build_snapshot(DAY, services)
        assert training_set.verify_snapshot(built.facts["version"], services).facts["version"] == 1
        models = day_report(str(DAY), services).models
    folder = tmp_path / "store" / built.facts["path"]
    tasks = pq.read_table(folder / "tasks.parquet").to_pylist()
    wrote = {(task["model"], task["provider"], task["written_on"][:4]) for task in tasks}
    assert wrote >= {("gpt-3.5-turbo-0301", "openai", "2023")}
    assert {model for model, *_ in wrote} == {"gpt-3.5-turbo-0301", FIRST}
    assert {provider for _, provider, _ in wrote} == {"openai", "unlisted server"}

    card = (folder / "README.md").read_text()
    assert SECOND not in card, "the setting of today wrote nothing of this"
    assert servers.llm.partition("//")[2].partition("/")[0] not in card
    table = card[card.index("## Who wrote the instructions") : card.index("## What is in it")]
    rows = [line for line in table.splitlines() if line.startswith("| gpt") or FIRST in line]
    assert len(rows) == 2
    shares = [float(line.split("|")[5].strip(" %")) for line in rows]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert "not for models that compete with OpenAI" in table
    assert "| unlisted server | unknown | unknown | unknown | unknown |" in table
    assert {(line.model, line.tasks > 0) for line in models} == {
        ("gpt-3.5-turbo-0301", True),
        (FIRST, True),
    }
    page = read_page(f"/day/{DAY}", later)
    table = page[page.index("Who wrote the tasks") :]
    for line in models:
        row = f'<th scope="row">{line.model}</th><td>{line.provider}</td>'
        assert f'{row}<td class="number">{line.tasks}</td>' in table
    assert SECOND not in table


def renamed_in_turn(name: str) -> Callable[[bytes], bytes]:
    """Return a change of answers: every second one says that the model of another name wrote it."""
    turns = count()

    def rename(content: bytes) -> bytes:
        answer = json.loads(content)
        if "choices" not in answer or next(turns) % 2:
            return content
        return json.dumps(answer | {"model": name}).encode()

    return rename


def test_a_server_whose_model_moves_on_within_a_day(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    with relaying(servers.llm.removesuffix("/v1")) as relay:
        relay.rewrites = renamed_in_turn(SECOND)
        values = environment(
            servers, database_url, tmp_path,
            OPENAI_BASE_URL=f"{relay.url}/v1", DYNOSAUR_LLM_MODEL=FIRST,
        )  # fmt: skip
        with open_services(settings(values)) as services:
            run_day(str(DAY), services)
            built = training_set.build_snapshot(DAY, services)
            models = {line.model: line.tasks for line in day_report(str(DAY), services).models}
    folder = tmp_path / "store" / built.facts["path"]
    wrote = Counter(row["model"] for row in pq.read_table(folder / "tasks.parquet").to_pylist())
    assert set(wrote) == set(models) == {FIRST, SECOND}
    assert min(models.values()) >= 3
    card = (folder / "README.md").read_text()
    assert all(f"| {model} |" in card for model in (FIRST, SECOND))


def test_days_grown_under_two_settings_keep_their_authors(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    days = {"2026-10-05": FIRST, "2026-10-06": SECOND}
    for day, model in days.items():
        values = environment(
            servers, database_url, tmp_path,
            DYNOSAUR_LLM_MODEL=model, DYNOSAUR_SELECTION_SIZE="10000",
        )  # fmt: skip
        with open_services(settings(values)) as services:
            run_day(day, services)
            reported = {line.model for line in day_report(day, services).models}
            assert reported == {model}
    with open_services(settings(values)) as services:
        built = training_set.build_snapshot(GrowthDay.parse(max(days)), services)
    tasks = pq.read_table(tmp_path / "store" / built.facts["path"] / "tasks.parquet").to_pylist()
    proposed = {task["model"] for task in tasks if task["mode"] != Mode.NATIVE}
    assert proposed == set(days.values())
    native = [task for task in tasks if task["mode"] == Mode.NATIVE]
    assert native
    assert {(task["model"], task["provider"]) for task in native} == {(NO_MODEL, NO_MODEL)}
