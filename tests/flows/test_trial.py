"""A model is tried beside the one in use, on stored configs, through the ledger."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from dynosaur_etl.cli.main import app
from dynosaur_etl.domain.errors import InvalidInput, InvalidSetting
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.flows.propose.questions import questions
from dynosaur_etl.flows.propose.trial import try_model
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.views.spending import spent
from dynosaur_etl.store.ledger_audit import audit
from dynosaur_etl.store.trials import newest_trials
from tests.airflow.page import read_page
from tests.flows import growth
from tests.flows.support import DEMO_HUB, POLL_STEPS, Servers, environment, serving, settings

DAY = GrowthDay.parse("2026-10-05")
NEW = "dynosaur-demo-rules-2026-03-03"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture
def values(servers: Servers, database_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of a day whose answers are stored."""
    found = environment(servers, database_url, tmp_path)
    with open_services(settings(found)) as services:
        for step in POLL_STEPS:
            step(DAY, services)
        growth.propose_all(DAY, services)
    return found


def trial(values: dict[str, str], *arguments: str) -> Result:
    return CliRunner(env=values).invoke(app, ["llm", "trial", *arguments, "--json"])


def test_both_models_are_compared_on_the_same_configs(
    servers: Servers, values: dict[str, str]
) -> None:
    before = len(servers.paid_requests())
    result = trial(values, "--model", NEW)
    assert result.exit_code == 0, result.output
    state: dict[str, Any] = json.loads(result.stdout)
    old, new = state["models"]
    assert (old["model"], new["model"]) == ("dynosaur-demo-rules", NEW)
    assert old["requests"] == new["requests"] == new["answered"] == 6
    assert state["configs"] == 3
    paid = servers.paid_requests()[before:]
    assert len(paid) == 6
    assert {line["model"] for line in paid} == {NEW}
    for name in ("prompt_tokens", "completion_tokens"):
        assert new[name] == sum(line[name] for line in paid)
    assert float(new["cost_usd"]) == pytest.approx(
        (new["prompt_tokens"] * 0.10 + new["completion_tokens"] * 0.40) / 1e6
    )
    per_1000 = float(new["cost_usd"]) * 1000 / new["valid"]
    assert float(new["per_1000_valid_usd"]) == pytest.approx(per_1000)
    assert new["valid"] > 0
    assert new["invalid"] == sum(new["reasons"].values())
    assert 0 <= state["found_by_both"] <= min(old["valid"], new["valid"])

    with open_services(settings(values)) as services:
        [stored] = newest_trials(services.engine)
        shown = to_json(spent(services))
        assert audit(services.engine).consistent
    assert (stored.new.model, stored.found_by_both) == (NEW, state["found_by_both"])
    assert stored.new.per_1000_valid_usd == new["per_1000_valid_usd"]
    assert [line["name"] for line in shown["by_purpose"]] == ["propose", "trial"]
    assert [line["new"]["model"] for line in shown["trials"]] == [NEW]

    page = read_page("/cost", values)
    table = page[page.index("Trials of other models") :]
    for line in (stored.old, stored.new):
        assert f'<th scope="row">{line.model}</th>' in table
        assert f'<td class="number">{line.per_1000_valid_usd}</td>' in table

    assert trial(values, "--model", NEW).exit_code == 0
    assert len(servers.paid_requests()) == before + 6, "what is answered is not paid again"
    grown = values | {"DYNOSAUR_LLM_MODEL": NEW}
    with open_services(settings(grown)) as services:
        assert growth.propose_all(DAY, services).counts.kept == 6
    assert len(servers.paid_requests()) == before + 6, "nor when the model is taken into use"


def test_configs_bound_the_trial_and_budgets_hold(servers: Servers, values: dict[str, str]) -> None:
    before = len(servers.paid_requests())
    other = "dynosaur-demo-rules-2026-04-04"
    assert json.loads(trial(values, "--model", other, "--configs", "1").stdout)["configs"] == 1
    assert len(servers.paid_requests()) == before + 2
    poor = values | {"DYNOSAUR_LLM_BUDGET_RUN_USD": "0.0000001"}
    result = trial(poor, "--model", "dynosaur-demo-rules-2026-05-05")
    assert result.exit_code == 5
    assert json.loads(result.stdout)["models"][1]["deferred"] == 6
    assert len(servers.paid_requests()) == before + 2


def test_the_answers_of_a_model_against_itself_are_all_found_by_both(
    values: dict[str, str],
) -> None:
    """The demo answers by its rules and the request alone; a copy of its answers is the same."""
    with open_services(settings(values)) as services:
        try_model(NEW, 50, services)
        with services.engine.begin() as connection:
            asked = {q.about.config.subject + q.mode: q.request for q in questions(DAY, services)}
            assert len(asked) == 6
            connection.execute(
                text(
                    "update llm_requests n set response = o.response from llm_requests o"
                    " where n.model = :new and o.model <> :new and o.subject = n.subject"
                ),
                {"new": NEW},
            )
        again = try_model(NEW, 50, services)
    assert again.old.valid == again.new.valid > 0
    assert again.old.reasons == again.new.reasons
    assert 0 < again.found_by_both <= again.new.valid


def test_what_cannot_be_tried_is_named(values: dict[str, str]) -> None:
    with open_services(settings(values)) as services:
        with pytest.raises(InvalidInput, match="another one than DYNOSAUR_LLM_MODEL"):
            try_model("dynosaur-demo-rules", 50, services)
        with pytest.raises(InvalidSetting, match=r"price.*DYNOSAUR_LLM_PRICES.*unlimited"):
            try_model("dynosaur-demo-nobody-knows", 50, services)
    fresh = values | {"DYNOSAUR_LLM_MODEL": "dynosaur-demo-rules-2027-01-01"}
    with (
        open_services(settings(fresh)) as services,
        pytest.raises(InvalidInput, match="stored answers of dynosaur-demo-rules-2027-01-01"),
    ):
        try_model(NEW, 50, services)
