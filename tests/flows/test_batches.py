"""A growth day in the mode `batch`, by the command line, over the embedded servers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from dynosaur_etl.cli.main import app
from dynosaur_etl.domain.errors import InvalidInput, LlmRefused, LlmUnavailable
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.flows.propose.questions import questions
from dynosaur_etl.flows.runtime.batches import all_ended, resume_batches, wait_for
from dynosaur_etl.flows.runtime.batches_of_note import batch_troubles
from dynosaur_etl.flows.runtime.services import Services, open_services, silent
from dynosaur_etl.flows.upkeep.doctor import examine
from dynosaur_etl.flows.upkeep.watch import warnings
from dynosaur_etl.flows.views.spending import spent
from dynosaur_etl.llm.batch_client import Submission
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.settings import LlmMode
from dynosaur_etl.store.batches import all_batches
from dynosaur_etl.store.ledger_audit import audit
from tests.flows import growth
from tests.flows.support import (
    DEMO_HUB,
    POLL_STEPS,
    ROOT,
    Servers,
    dump_files,
    dump_tables,
    environment,
    serving,
    settings,
)
from tests.flows.test_faults import query

DAY = "2026-10-05"
_numbers = count(1)
LEDGER = (
    "llm_attempts", "llm_requests", "llm_batches", "llm_budgets", "llm_paces", "llm_models",
)  # fmt: skip


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


@pytest.fixture
def values(servers: Servers, database_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of a polled day in the mode `batch`."""
    batch = {
        "DYNOSAUR_LLM_MODE": "batch",
        "DYNOSAUR_LLM_POLL_SECONDS": "1",
        # another day of the same model, so that no test meets the batch of an earlier one
        "DYNOSAUR_LLM_MODEL": f"dynosaur-demo-rules-2026-01-{next(_numbers):02}",
    }
    found = environment(servers, database_url, tmp_path) | batch
    with open_services(settings(found)) as services:
        for step in POLL_STEPS:
            step(GrowthDay.parse(DAY), services)
    return found


@pytest.fixture
def services(values: dict[str, str]) -> Iterator[Services]:
    with open_services(settings(values)) as services:
        yield services


def command(values: dict[str, str], *arguments: str) -> Result:
    """Run a `dynosaur` command in this process."""
    return CliRunner(env=values).invoke(app, [*arguments, "--json"])


def batches(values: dict[str, str], *arguments: str) -> list[dict[str, Any]]:
    result = command(values, "batches", *arguments)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["batches"]
    return found


def bill(servers: Servers, keys: set[str]) -> Decimal:
    """Give what the server's log of these requests comes to: a line of a batch costs half."""
    price = load_prices().price("dynosaur-demo-rules")
    assert price is not None
    total = Decimal(0)
    for line in servers.paid_requests():
        cost = line["prompt_tokens"] * price.input.base
        cost += line["completion_tokens"] * price.output.base
        if line["custom_id"] in keys:
            total += cost / 2_000_000
        elif line["idempotency_key"] in keys:
            total += cost / 1_000_000
    return total


def test_a_day_in_batches_grows_the_same_for_half_the_money(
    servers: Servers, values: dict[str, str], services: Services, database_url: str, tmp_path: Path,
    make_database: Callable[[], str],
) -> None:  # fmt: skip
    told: list[tuple[int, int | None]] = []
    report = growth.propose_all(GrowthDay.parse(DAY), services, lambda *n: told.append(n))
    asked = report.counts.taken
    assert report.counts.kept == report.facts["sent"] == asked > 0
    assert told[-1] == (asked - 1, asked - 1), "one is asked live, to see how"
    again = growth.propose_all(GrowthDay.parse(DAY), services)
    assert (again.facts["sent"], again.facts["batches"], again.counts.kept) == (0, 0, asked)
    growth.validate(GrowthDay.parse(DAY), services)
    keys = {key for (key,) in query(database_url, "select key from llm_requests")}
    [(paid,)] = query(database_url, "select sum(cost_usd) from llm_requests")
    assert paid == bill(servers, keys) > 0
    tiers = dict(query(database_url, "select price_version, count(*) from llm_requests group by 1"))
    assert tiers == {"demo": 1, "demo batch": asked - 1}

    live_url = make_database()
    alive = values | {"DYNOSAUR_DATABASE_URL": live_url, "DYNOSAUR_LLM_MODE": "live"}
    with open_services(settings(alive)) as live:
        for step in (*POLL_STEPS, growth.propose_all, growth.validate):
            step(GrowthDay.parse(DAY), live)
    [(full,)] = query(live_url, "select sum(cost_usd) from llm_requests")
    assert full / 2 < paid < full
    assert dump_tables(database_url, *LEDGER) == dump_tables(live_url, *LEDGER)


def test_a_killed_wait_is_taken_up_by_the_next_run(
    values: dict[str, str], services: Services
) -> None:
    target = "dynosaur_etl.flows.runtime.batches:still_open"
    killed = subprocess.run(
        [sys.executable, "-m", "tests.flows.killed_run", target, "1", "after", DAY],
        cwd=ROOT,
        env={**os.environ, **values},
    )
    assert killed.returncode == -signal.SIGKILL
    [before] = batches(values)
    assert (before["status"], before["answered"]) == ("submitted", 0)

    report = growth.propose_all(GrowthDay.parse(DAY), services)
    [after] = batches(values)
    assert (after["id"], after["status"]) == (before["id"], "closed")
    assert after["answered"] == after["requests"] == report.counts.taken - 1
    assert report.counts.kept == report.counts.taken
    assert audit(services.engine).attempts == {"answered": report.counts.taken}
    assert audit(services.engine).consistent


def test_the_judge_asks_in_batches_and_a_killed_wait_pays_nothing_twice(
    values: dict[str, str], database_url: str, tmp_path: Path, make_database: Callable[[], str]
) -> None:
    judged = values | {"DYNOSAUR_SCORERS": "heuristics,judge"}
    steps = (growth.propose_all, growth.validate, growth.fill)
    with open_services(settings(judged)) as services:
        for step in steps:
            step(GrowthDay.parse(DAY), services)
    target = "dynosaur_etl.flows.runtime.batches:still_open"
    killed = subprocess.run(
        [sys.executable, "-m", "tests.flows.killed_run", target, "1", "after", DAY],
        cwd=ROOT,
        env={**os.environ, **judged},
    )
    assert killed.returncode == -signal.SIGKILL
    with open_services(settings(judged)) as services:
        report = growth.score(GrowthDay.parse(DAY), services)
        assert report.counts.kept == report.counts.taken > 0
        assert audit(services.engine).attempts.keys() == {"answered"}
        assert audit(services.engine).consistent
    told = query(database_url, "select price_version from llm_requests where purpose = 'judge'")
    assert len(told) > 2
    assert all(price.endswith(" batch") for (price,) in told), "its form is known from proposing"
    assert {row["purpose"] for row in batches(values)} == {"propose", "judge"}

    alive = judged | {"DYNOSAUR_LLM_MODE": "live", "DYNOSAUR_HOME": str(tmp_path / "live")}
    alive["DYNOSAUR_DATABASE_URL"] = make_database()
    with open_services(settings(alive)) as live:
        for step in (*POLL_STEPS, *steps, growth.score):
            step(GrowthDay.parse(DAY), live)
    found, expected = (
        {path: digest for path, digest in dump_files(home).items() if path.startswith("scores/")}
        for home in (tmp_path, tmp_path / "live")
    )
    assert found == expected
    assert len(found) == 2


def test_a_part_hands_in_what_its_scores_need_and_nothing_that_is_made(
    values: dict[str, str],
) -> None:
    day = GrowthDay.parse(DAY)
    judged = values | {"DYNOSAUR_SCORERS": "heuristics,judge"}
    with open_services(settings(values | {"DYNOSAUR_LLM_MODE": "live"})) as services:
        for step in (growth.propose_all, growth.validate, growth.fill):
            step(day, services)
    with open_services(settings(values)) as services:
        assert growth.submit_scores(day, services, 0) == Submission(())
        assert growth.submit_criticism(day, services) == Submission(())
    with open_services(settings(judged)) as services:
        submission = growth.submit_scores(day, services, 0)
        assert growth.submit_scores(day, services, 0) == submission
        wait_for(submission.batches, services, silent)
        sent = [batch.requests for batch in all_batches(services.engine)]
        report = growth.score_part(day, services, 0)
        assert report.counts.kept == report.counts.taken > 0
        assert [batch.requests for batch in all_batches(services.engine)] == sent
        assert growth.submit_scores(day, services, 0) == Submission(())


def test_a_batch_is_listed_cancelled_and_its_requests_asked_again(
    values: dict[str, str], services: Services
) -> None:
    submission = growth.submit_proposals(GrowthDay.parse(DAY), services, 0)
    [batch] = batches(values)
    assert batch["key"] == submission.batches[0]
    assert not all_ended([batch["id"]], services.settings)
    [cancelled] = batches(values, "cancel", batch["id"])
    assert (cancelled["status"], cancelled["server_status"]) == ("closed", "cancelled")
    assert cancelled["failed"] == batch["requests"]
    report = growth.report_proposals(GrowthDay.parse(DAY), services, 0, submission)
    assert report.counts.deferred == report.counts.taken - 1 == report.reasons["unavailable"]
    assert "cancelled" in report.facts["notes"][0]
    again = growth.propose_all(GrowthDay.parse(DAY), services)
    assert again.counts.deferred == 0
    assert {row["status"] for row in batches(values)} == {"closed"}


def test_resume_submits_and_collects_what_was_left_behind(
    values: dict[str, str], services: Services
) -> None:
    asked = growth.submit_proposals(GrowthDay.parse(DAY), services, 0)
    seen = [batches(values, "resume") for _ in range(3)]
    assert [[row["status"] for row in rows] for rows in seen] == [
        ["submitted"], ["submitted"], ["closed"],
    ]  # fmt: skip
    assert seen[-1][0]["answered"] == seen[-1][0]["requests"]
    assert batches(values, "resume") == []
    assert [row["key"] for row in batches(values)] == list(asked.batches)


def test_a_part_is_as_large_as_its_mode_allows(services: Services) -> None:
    day = GrowthDay.parse(DAY)
    object.__setattr__(services.settings, "llm_batch_calls", 2)
    live = growth.plan_proposals(day, services, LlmMode.LIVE)
    [batch] = growth.plan_proposals(day, services, LlmMode.BATCH)
    assert len(live) > 1
    assert sum(part.calls for part in live) == batch.calls


def test_a_spent_budget_submits_what_fits_and_defers_the_rest(
    values: dict[str, str], services: Services
) -> None:
    day = GrowthDay.parse(DAY)
    bound = services.prices.in_batch().upper_bound(questions(day, services)[0].request)
    poor = values | {"DYNOSAUR_LLM_BUDGET_RUN_USD": str(bound * 2)}
    with open_services(settings(poor)) as thrifty:
        report = growth.propose_all(day, thrifty)
    assert report.counts.kept + report.counts.deferred == report.counts.taken
    assert report.reasons == {"budget": report.counts.deferred}
    assert report.counts.kept > 0
    assert "budget of the run" in report.facts["notes"][0]
    assert growth.propose_all(day, services).counts.deferred == 0


def test_nobody_home_is_waited_for_by_the_trigger_and_named_by_the_step(
    values: dict[str, str], services: Services
) -> None:
    dead = values | {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "DYNOSAUR_LLM_ATTEMPTS": "1"}
    assert not all_ended(["batch_1"], settings(dead))
    assert not all_ended(["batch_that_is_not_there"], services.settings)
    result = command(dead, "grow", "--day", DAY)
    assert isinstance(result.exception, LlmUnavailable)
    [left] = batches(values)
    assert left["status"] == "intended"
    assert batches(dead, "cancel", left["key"])[0]["status"] == "closed"
    assert isinstance(command(values, "batches", "cancel", "nothing").exception, InvalidInput)


def age_troubles(services: Services, minutes: int) -> None:
    with services.engine.begin() as connection:
        connection.execute(
            text(
                "update llm_batches"
                " set trouble_since = trouble_since - make_interval(mins => :minutes)"
            ),
            {"minutes": minutes},
        )


def test_a_batch_in_trouble_is_named_everywhere_and_ends_without_a_run(
    values: dict[str, str], services: Services
) -> None:
    day = GrowthDay.parse(DAY)
    [key] = growth.submit_proposals(day, services, 0).batches
    with services.engine.begin() as connection:
        connection.execute(text("update llm_batches set server_id = 'batch_nobody_knows'"))
    assert spent(services).batches[0].batch.trouble is None
    assert [check.ok for check in examine(services.settings) if check.name == "batches"] == [True]

    [warning] = warnings(services)
    assert warning.startswith(f"batch batch_nobody_knows of {DAY}")
    assert "unknown since" in warning
    [row] = to_json(spent(services).batches)
    assert (row["key"], row["status"], row["trouble"]) == (key, "submitted", "unknown")
    assert row["closes_at"] > row["trouble_since"]
    [check] = [check for check in examine(services.settings) if check.name == "batches"]
    assert not check.ok
    assert "batch_nobody_knows" in check.found
    assert command(values, "doctor").exit_code == 3
    assert batch_troubles(services) == [warning]

    age_troubles(services, minutes=121)
    [warning] = warnings(services)
    assert f"was closed with {row['requests']} lost" in warning
    [row] = to_json(spent(services).batches)
    assert (row["status"], row["lost"], row["closes_at"]) == ("closed", row["requests"], None)
    [check] = [check for check in examine(services.settings) if check.name == "batches"]
    assert check.ok
    assert "was closed" in check.found
    report = growth.propose_all(day, services)
    assert report.counts.deferred == 0
    age_troubles(services, minutes=60 * 24 * 8)
    assert (warnings(services), spent(services).batches) == ([], [])


def test_a_wait_ends_when_the_rules_close_its_batch(
    values: dict[str, str], services: Services
) -> None:
    [key] = growth.submit_proposals(GrowthDay.parse(DAY), services, 0).batches
    with services.engine.begin() as connection:
        connection.execute(text("update llm_batches set server_id = 'batch_nobody_knows'"))
    assert warnings(services)
    age_troubles(services, minutes=121)
    wait_for([key], services, silent)
    [row] = batches(values)
    assert (row["status"], row["trouble"]) == ("closed", "unknown")


def test_a_batch_is_abandoned_by_its_name(values: dict[str, str], services: Services) -> None:
    [key] = growth.submit_proposals(GrowthDay.parse(DAY), services, 0).batches
    dead = values | {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    [row] = batches(dead, "abandon", key[:8])
    assert (row["status"], row["lost"]) == ("closed", row["requests"])
    assert audit(services.engine).consistent


def test_one_batch_that_cannot_be_looked_at_holds_up_no_other(
    values: dict[str, str], services: Services
) -> None:
    object.__setattr__(services.settings, "llm_shard_lines", 3)
    growth.submit_proposals(GrowthDay.parse(DAY), services, 0)
    found = all_batches(services.engine)
    assert len(found) == 2
    with services.engine.begin() as connection:
        connection.execute(
            text("update llm_batches set server = 'http://elsewhere' where key = :key"),
            {"key": found[0].key},
        )
    for _ in range(4):
        with pytest.raises(LlmRefused, match="OPENAI_BASE_URL"):
            resume_batches(services)
    status = {batch.key: str(batch.status) for batch in all_batches(services.engine)}
    assert status.pop(found[0].key) == "submitted"
    assert set(status.values()) == {"closed"}
