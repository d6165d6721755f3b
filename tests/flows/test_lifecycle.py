"""A model that ends soon is warned of by doctor, the daily message and the page."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dynosaur_etl.cli.main import app
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.upkeep.doctor import examine
from dynosaur_etl.flows.upkeep.watch import warnings
from dynosaur_etl.flows.views.spending import spent
from tests.airflow.page import read_page
from tests.flows.support import DEMO_HUB, Servers, environment, serving, settings
from tests.llm.faulty_llm import FaultyLlm, serve

PLANTED = "planted-model"
PRICES = 'version = "mine"\n[models."planted-model"]\ninput = 0\noutput = 0\n'


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture
def llm() -> Iterator[FaultyLlm]:
    with serve() as running:
        yield running


@pytest.fixture
def values(servers: Servers, llm: FaultyLlm, database_url: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "prices.toml").write_text(PRICES)
    found = environment(replace(servers, llm=llm.url), database_url, tmp_path)
    own = {"DYNOSAUR_LLM_MODEL": PLANTED, "DYNOSAUR_LLM_PRICES": str(tmp_path / "prices.toml")}
    return found | own


def plant(llm: FaultyLlm, days: int) -> str:
    day = (datetime.now(UTC).date() + timedelta(days=days)).isoformat()
    llm.models = [{"id": PLANTED, "object": "model", "shutdown_date": day}]
    return day


@pytest.mark.parametrize(
    ("days", "code", "words"),
    [(30, 6, "ends in 30 days"), (100, 0, None), (-2, 3, "has ended"), (60, 6, "in 60 days")],
)
def test_an_end_is_warned_of_60_days_ahead(
    llm: FaultyLlm, values: dict[str, str], days: int, code: int, words: str | None
) -> None:
    day = plant(llm, days)
    assert CliRunner(env=values).invoke(app, ["doctor"]).exit_code == code
    found = settings(values)
    [check] = [check for check in examine(found) if check.name == "lifecycle"]
    assert (check.ok, check.warning) == (code != 3, code == 6)
    assert day in check.found
    with open_services(found) as services:
        sent = warnings(services)
        [line] = to_json(spent(services).models)
    assert (line["model"], line["ends_on"], line["days_left"]) == (PLANTED, day, days)
    if words is None:
        assert (sent, line["warning"]) == ([], "")
    else:
        assert words in check.found
        [message] = sent
        assert words in message
        assert message == line["warning"]
        assert "the server" in message
    page = read_page("/cost", values)
    warned = re.findall(r'<p class="trouble">([^<]*ends? in[^<]*|[^<]*has ended[^<]*)</p>', page)
    assert len(warned) == (words is not None)
    assert day in page


def test_the_successor_is_named(values: dict[str, str], llm: FaultyLlm) -> None:
    llm.models = [{"id": "gpt-4o-mini-2024-07-18", "object": "model"}]
    named = values | {"DYNOSAUR_LLM_MODEL": "gpt-4o-mini"}
    with open_services(settings(named)) as services:
        [message] = warnings(services)
    assert "2027-01-14" in message
    assert "successor: gpt-6-luna" in message
    assert "dynosaur llm trial --model gpt-6-luna" in message
