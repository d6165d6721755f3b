"""A growth day on servers that differ from OpenAI's, and on one that refuses parameters."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from demo.llm_dialects import DIALECTS, THOUGHTS
from dynosaur_etl.cli.main import app
from dynosaur_etl.domain.errors import InvalidSetting
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.upkeep.doctor import Check, examine
from dynosaur_etl.store.forms import LearntModel, learnt_models
from dynosaur_etl.store.ledger_audit import audit
from tests.flows import growth
from tests.flows.copies import copied
from tests.flows.support import (
    DEMO_HUB,
    GROW_STEPS,
    POLL_STEPS,
    environment,
    serving,
    serving_llm,
    settings,
)

pytestmark = pytest.mark.xdist_group("other_servers")

DAY = GrowthDay.parse("2026-10-05")
WHOLE = "WHOLE_DAY"
"""Not a setting: that a day is scored and embedded too."""
ASKING = (growth.propose_all, growth.criticise, growth.validate, growth.fill)


@dataclass(frozen=True)
class Polled:
    """A store of a polled day, and the Hub that it was polled from."""

    values: dict[str, str]
    host: str
    folder: Path


@dataclass(frozen=True)
class Day:
    """What a day came to."""

    reports: dict[str, StepReport]
    learnt: list[LearntModel]
    audit: Any
    log: list[dict[str, Any]]
    values: dict[str, str]

    def refusals(self) -> Counter[int]:
        return Counter(line["status"] for line in self.log if line["status"] != 200)


@pytest.fixture(scope="module")
def polled(
    make_database: Callable[[], str], postgres_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Polled]:
    home = tmp_path_factory.mktemp("polled")
    with serving(DEMO_HUB, home / "logs") as servers:
        values = environment(servers, make_database(), home)
        with open_services(settings(values)) as services:
            for step in POLL_STEPS:
                step(DAY, services)
        yield Polled(values, postgres_host, home)


@contextmanager
def day_on(polled: Polled, folder: Path, *options: str, **more: str) -> Iterator[Day]:
    """Grow a copy of the polled day on a server with these options."""
    log = folder / "llm.jsonl"
    with (
        copied(polled.values, polled.host, folder / "home") as copy,
        serving_llm(log, *options) as url,
    ):
        values = copy | {"OPENAI_BASE_URL": url} | more
        with open_services(settings(values)) as services:
            reports = {step.__name__: step(DAY, services) for step in _steps(values)}
            day = Day(
                reports, learnt_models(services.engine), _audited(services), _read(log), values
            )
        yield day


def checks(day: Day) -> dict[str, Check]:
    """Return what doctor finds, up to the parameters that were learnt."""
    found: dict[str, Check] = {}
    for check in examine(settings(day.values)):
        found[check.name] = check
        if check.name == "parameters":
            break
    return found


def _steps(values: dict[str, str]) -> tuple[Callable[[GrowthDay, Services], StepReport], ...]:
    return GROW_STEPS if WHOLE in values else ASKING


def _audited(services: Services) -> Any:
    found = audit(services.engine)
    assert found.consistent
    assert found.lost_usd == 0
    return found


def _read(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


EXPECTED = {
    "vllm": {},
    "sglang": {},
    "llamacpp": {500: 1},
    "ollama": {400: 1},
    "lmstudio": {},
    "tgi": {422: 2},
    "anthropic": {400: 1},
    "gemini": {400: 1},
}


def test_every_server_that_the_demo_can_behave_as_is_tried() -> None:
    assert EXPECTED.keys() == DIALECTS.keys() - {"openai"}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_day_grows_on_other_servers(polled: Polled, tmp_path: Path, name: str) -> None:
    with day_on(polled, tmp_path, "--as", name) as day:
        proposed, validated, filled = (
            day.reports[step].counts for step in ("propose_all", "validate", "fill")
        )
        assert proposed.kept == proposed.taken == 6
        assert validated.kept >= 5
        assert filled.kept >= 15
        assert day.refusals() == EXPECTED[name], "one refusal a parameter, none a request"
        assert day.audit.attempts.get("refused", 0) == sum(EXPECTED[name].values())
        paid = sum(line["paid"] for line in day.log)
        assert day.audit.attempts["answered"] == paid
        answered = json.dumps([line.get("answer") for line in day.log])
        if name in ("vllm", "sglang", "lmstudio"):
            assert THOUGHTS in answered
        with open_services(settings(day.values)) as services:
            assert THOUGHTS not in _tasks(services)
        assert checks(day)["llm"].ok


def _tasks(services: Services) -> str:
    return str(_column(services, "select instruction from tasks"))


def _column(services: Services, query: str) -> list[Any]:
    with services.engine.connect() as connection:
        return list(connection.execute(text(query)).scalars())


EACH_AND_ALL = (["max_tokens"], ["temperature"], ["json_schema"], ["all"])
ALL = ["max_tokens", "temperature", "json_schema", "json_object", "reasoning_effort"]


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("refused", EACH_AND_ALL, ids=lambda names: names[0])
def test_a_day_is_refused_each_parameter_once(
    polled: Polled, tmp_path: Path, refused: list[str], mode: str
) -> None:
    names = ALL if refused == ["all"] else refused
    batch = {"DYNOSAUR_LLM_MODE": mode, "DYNOSAUR_LLM_POLL_SECONDS": "1"}
    with day_on(polled, tmp_path, "--refuse", *names, **batch, **{WHOLE: "yes"}) as day:
        assert day.refusals() == {400: len(names)}
        assert all(line["batch_id"] is None for line in day.log if line["status"] != 200)
        assert day.audit.attempts["refused"] == len(names)
        assert day.audit.attempts.keys() == {"answered", "refused"}
        counts = day.reports["propose_all"].counts
        assert counts.kept == counts.taken == 6
        assert day.reports["embed"].counts.kept >= 15
        [learnt] = day.learnt
        assert len(learnt.refusals) == len(names)
        shown = checks(day)["parameters"].found
        assert ("no temperature" in shown) == ("temperature" in names)
        assert ("max_completion_tokens" in shown) == ("max_tokens" in names)
        if mode == "batch":
            live = [line for line in day.log if line["paid"] and line["batch_id"] is None]
            assert len(live) == 1, "one live request finds the form out for all others"


UNHEARD_OF = "dynosaur-demo-that-nobody-has-heard-of"
OWN_PRICE = f'version = "mine"\n[models."{UNHEARD_OF}"]\ninput = "3"\noutput = "7"\n'


def test_a_model_that_nobody_has_heard_of_works_with_a_price_of_ones_own(
    polled: Polled, tmp_path: Path
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(OWN_PRICE)
    own = {"DYNOSAUR_LLM_MODEL": UNHEARD_OF, "DYNOSAUR_LLM_PRICES": str(prices)}
    with day_on(polled, tmp_path, **own) as day:
        assert day.reports["propose_all"].counts.kept == 6
        assert day.reports["fill"].counts.kept >= 15
        paid = [line for line in day.log if line["paid"]]
        tokens = [sum(line[f"{kind}_tokens"] for line in paid) for kind in ("prompt", "completion")]
        assert float(day.audit.cost_usd) == pytest.approx((3 * tokens[0] + 7 * tokens[1]) / 1e6)
        with open_services(settings(day.values)) as services:
            sources = _column(services, "select distinct price_source from llm_attempts")
            versions = _column(services, "select distinct price_version from llm_attempts")
        assert (sources, versions) == (["prices.toml"], ["mine"])


def test_a_model_without_a_price_is_not_asked_and_the_user_is_told_what_to_do(
    polled: Polled, tmp_path: Path
) -> None:
    with (
        copied(polled.values, polled.host, tmp_path / "home") as copy,
        serving_llm(tmp_path / "llm.jsonl") as url,
    ):
        values = copy | {"OPENAI_BASE_URL": url, "DYNOSAUR_LLM_MODEL": UNHEARD_OF}
        result = CliRunner(env=values).invoke(app, ["grow", "--day", str(DAY)])
        assert isinstance(result.exception, InvalidSetting)
        words = str(result.exception)
        for part in (UNHEARD_OF, "DYNOSAUR_LLM_PRICES", "0 for a server of your own", "unlimited"):
            assert part in words
        assert not (tmp_path / "llm.jsonl").read_text()
        names = ("DYNOSAUR_LLM_BUDGET_RUN_USD", "DYNOSAUR_LLM_BUDGET_MONTH_USD")
        with open_services(settings(values | dict.fromkeys(names, "unlimited"))) as services:
            assert growth.propose_all(DAY, services).counts.kept == 6
            unknown = "select count(*) from llm_requests where cost_usd is null"
            assert _column(services, unknown) == [6]
