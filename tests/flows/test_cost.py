"""What was spent and what a day would spend, over a real growth of a small Hub."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.domain.ledger import AttemptOutcome, Claimed
from dynosaur_etl.flows.propose.estimate import estimate
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.views.cost import cost, forgive
from dynosaur_etl.store.ledger_audit import audit
from tests.flows import growth
from tests.flows.hubs import notes, write_dataset
from tests.flows.support import GROW_STEPS, POLL_STEPS, Servers, environment, serving, settings

DAY = "2026-10-05"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    root = tmp_path_factory.mktemp("hub")
    write_dataset(root, "a/notes", DAY, data__train_dot_parquet=notes())
    write_dataset(root, "b/notes", DAY, data__train_dot_parquet=notes())
    with serving(root, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture
def services(servers: Servers, database_url: str, tmp_path: Path) -> Iterator[Services]:
    with open_services(settings(environment(servers, database_url, tmp_path))) as services:
        for step in POLL_STEPS:
            step(GrowthDay.parse(DAY), services)
        yield services


def request(subject: str) -> ChatRequest:
    messages = [{"role": "user", "content": subject}]
    return ChatRequest("judge", subject, "dynosaur-demo-rules", messages, None, 50, 0, "v1")


def claimed(services: Services, subject: str) -> Claimed:
    [claim] = services.ledger.claim([request(subject)], DAY)
    assert isinstance(claim, Claimed)
    return claim


def answered_requests(servers: Servers) -> list[dict[str, Any]]:
    """Give the server's answers, those too that it gave again without charging."""
    lines = [json.loads(line) for line in servers.llm_log.read_text().splitlines()]
    return [line for line in lines if line["status"] == 200]


def test_an_estimate_builds_the_prompts_and_a_run_costs_no_more(
    services: Services, servers: Servers
) -> None:
    before = to_json(estimate(GrowthDay.parse(DAY), services))
    assert servers.paid_requests() == []
    assert before["to_send"] == before["requests"] > 0
    assert "4 bytes a token" in before["estimator"]
    growth.propose_all(GrowthDay.parse(DAY), services)
    paid = servers.paid_requests()
    spent = Decimal(to_json(cost(services, DAY))["total"]["spent_usd"])
    assert len(paid) == before["to_send"]
    assert 0 < spent <= Decimal(before["expected_usd"]) <= Decimal(before["at_most_usd"])
    after = to_json(estimate(GrowthDay.parse(DAY), services))
    assert (after["to_send"], after["answered"]) == (0, len(paid))
    assert Decimal(after["expected_usd"]) == 0
    assert Decimal(before["run_budget_left_usd"]) - Decimal(after["at_most_usd"]) == 5


def test_an_estimate_learns_from_the_ledgers_answers(services: Services) -> None:
    before = to_json(estimate(GrowthDay.parse(DAY), services))
    services.settings = services.settings.model_copy(update={"llm_batch_calls": 1})
    growth.propose(GrowthDay.parse(DAY), services, 0)
    after = to_json(estimate(GrowthDay.parse(DAY), services))
    assert after["answered"] == 1
    assert after["estimator"].endswith("from 1 answers")
    assert after["completion_tokens"] < before["completion_tokens"] / 2
    assert Decimal(after["expected_usd"]) < Decimal(after["at_most_usd"]) / 2


def test_costs_are_told_by_day_purpose_and_model_to_the_servers_last_token(
    services: Services, servers: Servers
) -> None:
    already = len(answered_requests(servers))
    for step in GROW_STEPS:
        step(GrowthDay.parse(DAY), services)
    services.ledger.settle(claimed(services, "judged"), _answer(30, 10))
    found = to_json(cost(services, None))
    propose = next(row for row in found["by_purpose"] if row["name"] == "propose")
    asked = answered_requests(servers)[already:]
    assert propose["answered"] == len(asked) > 0
    assert propose["prompt_tokens"] == sum(line["prompt_tokens"] for line in asked)
    assert propose["completion_tokens"] == sum(line["completion_tokens"] for line in asked)
    assert [row["name"] for row in found["by_purpose"]] == ["judge", "propose"]
    assert [row["name"] for row in found["by_model"]] == ["dynosaur-demo-rules"]
    [day] = found["by_day"]
    spent = Decimal(day["spent_usd"])
    assert spent == sum(Decimal(line["spent_usd"]) for line in found["lines"])
    assert Decimal(day["per_1000_tasks_usd"]) == pytest.approx(spent * 1000 / day["tasks"])
    assert Decimal(day["per_1000_instances_usd"]) == pytest.approx(spent * 1000 / day["instances"])


def _answer(prompt: int, completion: int) -> Answer:
    return Answer("yes", None, "stop", "dynosaur-demo-rules", prompt, 0, completion)


def test_a_month_is_projected_from_its_average_so_far(services: Services) -> None:
    services.ledger.settle(claimed(services, "judged"), _answer(1_000_000, 0))
    now = datetime.now(UTC)
    half = datetime(now.year, now.month, 1, tzinfo=UTC).replace(day=11)
    month = to_json(cost(services, None, half))["month"]
    assert month["spent_usd"] == "0.1"
    length = (half.replace(month=half.month % 12 + 1, day=1) - half.replace(day=1)).days % 365
    assert Decimal(month["projected_usd"]) == pytest.approx(Decimal("0.01") * length)


def test_what_was_lost_counts_until_it_is_forgiven(services: Services) -> None:
    claim = claimed(services, "lost")
    services.ledger.fail(claim, AttemptOutcome.LOST, "timeout")
    services.ledger.release(claim, "timeout")
    bound = services.prices.upper_bound(claim.request)
    found = to_json(cost(services, DAY))
    assert Decimal(found["total"]["lost_usd"]) == bound
    assert Decimal(found["month"]["reserved_or_lost_usd"]) == bound
    assert forgive(services, "2026-10-06").attempts == 0
    assert forgive(services, DAY).attempts == 1
    assert forgive(services, DAY).attempts == 0
    found = to_json(cost(services, DAY))
    assert (found["total"]["lost"], found["total"]["lost_usd"]) == (1, "0")
    assert found["month"]["reserved_or_lost_usd"] == "0"
    assert audit(services.engine).consistent


def test_what_a_model_without_a_price_costs_is_not_guessed(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    free = {f"DYNOSAUR_LLM_BUDGET_{cap}_USD": "unlimited" for cap in ("RUN", "MONTH")}
    values = environment(servers, database_url, tmp_path, **free)
    values["DYNOSAUR_LLM_MODEL"] = "dynosaur-demo-other"
    with open_services(settings(values)) as services:
        for step in POLL_STEPS:
            step(GrowthDay.parse(DAY), services)
        before = to_json(estimate(GrowthDay.parse(DAY), services))
        assert (before["expected_usd"], before["at_most_usd"]) == (None, None)
        assert (before["run_budget_left_usd"], before["month_budget_left_usd"]) == (None, None)
        growth.propose_all(GrowthDay.parse(DAY), services)
        total = to_json(cost(services, DAY))["total"]
        assert total["unknown"] == total["answered"] == before["to_send"]
