"""What stands of a day is never replaced by less because something is deferred.

Each example takes a whole day, changes a setting so that one step has to do its work anew, and lets
that be deferred in part or in whole: by a budget, by a server that fails, by a batch that is on its
way, by a cap. What stood has to stand, the run must not pass for a whole one, and the next run
without the disturbance has to make it whole.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text

from dynosaur_etl.domain.errors import DynosaurError
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.flows.views.day_report import day_report
from dynosaur_etl.flows.views.overview import overview
from dynosaur_etl.llm.batch_client import Submission
from dynosaur_etl.store.steps import finished_step
from tests.flows import growth
from tests.flows.copies import copied
from tests.flows.hubs import write_dataset
from tests.flows.relay import Relay, nothing, relaying
from tests.flows.support import (
    GROW_STEPS,
    POLL_STEPS,
    ROOT,
    environment,
    serving,
    settings,
)
from tests.flows.versioned import diary

DAY = "2026-10-05"
NAMES = ("reed/lake", "reed/hill", "wren/mill", "wren/pier", "finn/moor")
MODEL = "dynosaur-demo-rules"
_numbers = count()

OVER_CAP = {"DYNOSAUR_DATASETS_PER_OWNER": "1"}
ANEW = {
    "candidates": OVER_CAP,
    "examine": {"DYNOSAUR_SAMPLE_ROWS": "21", "DYNOSAUR_MOST_DEFERRED": "1"},
    "propose": {"DYNOSAUR_LLM_MODEL": f"{MODEL}-2026-01-02"},
    "critic": {"DYNOSAUR_CRITIC_MODEL": f"{MODEL}-2026-01-03"},
    "judge": {"DYNOSAUR_JUDGE_MODEL": f"{MODEL}-2026-01-04"},
}
"""Settings that make one step do its work anew, by the step or by whom it asks."""

ASKING = ("propose", "critic", "judge")
CASES = [
    ("candidates", "cap"), ("examine", "hub"),
    *((whom, kind) for whom in ASKING for kind in ("budget", "server", "batch")),
]  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """A day that has grown whole, with a critic and a judge; the Hub and the LLM behind relays."""

    values: dict[str, str]
    home: Path
    hub: Relay
    llm: Relay


@pytest.fixture(scope="module")
def whole(
    make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Whole]:
    home, url = tmp_path_factory.mktemp("stands"), make_database()
    (home / "hub").mkdir()
    for name in NAMES:
        table = diary(name.partition("/")[2])
        write_dataset(home / "hub", name, DAY, data__train_dot_parquet=table)
    with (
        serving(home / "hub", home / "logs") as servers,
        relaying(servers.hub) as hub,
        relaying(servers.llm.removesuffix("/v1")) as llm,
    ):
        values = environment(servers, url, home) | {
            "HF_ENDPOINT": hub.url,
            "OPENAI_BASE_URL": f"{llm.url}/v1",
            "DYNOSAUR_LLM_ATTEMPTS": "1",
            "DYNOSAUR_LLM_POLL_SECONDS": "1",
            "DYNOSAUR_CRITIC_MODEL": MODEL,
            "DYNOSAUR_SCORERS": "heuristics,judge",
            "DYNOSAUR_QUALITY_SCORER": "judge",
            "DYNOSAUR_JUDGE_MODEL": MODEL,
        }
        with open_services(settings(values)) as services:
            reports = run(services)
            assert not any(report.unfinished for report in reports)
        yield Whole(values, home, hub, llm)


@contextmanager
def copy_of(whole: Whole, host: str, folder: Path) -> Iterator[dict[str, str]]:
    """Give the settings of a copy of the day; nothing is refused any more after the block."""
    try:
        with copied(whole.values, host, folder / f"copy-{next(_numbers)}") as values:
            yield values
    finally:
        whole.hub.refuses = whole.llm.refuses = nothing


def run(services: Services) -> list[StepReport]:
    return [step(GrowthDay.parse(DAY), services) for step in (*POLL_STEPS, *GROW_STEPS)]


def run_on(services: Services) -> tuple[list[StepReport], list[DynosaurError]]:
    """Run every step, also after one that has failed, as no caller should be able to do harm."""
    reports, failures = [], []
    for step in (*POLL_STEPS, *GROW_STEPS):
        try:
            reports.append(step(GrowthDay.parse(DAY), services))
        except DynosaurError as failure:
            failures.append(failure)
    return reports, failures


def standing(services: Services, scores: str) -> dict[str, set[str]]:
    """Give everything of the day that a pool is made of, by its keys."""
    queries = {
        "candidates": "select dataset_id from candidates",
        "verdicts": "select dataset_id || coalesce(reason, ' kept') from verdicts",
        "configs": "select dataset_id || name from configs",
        "tasks": "select key from tasks",
    }
    with services.engine.connect() as connection:
        found = {
            name: {row[0] for row in connection.execute(text(query))}
            for name, query in queries.items()
        }
        files = connection.execute(
            text("select kind, path from files where kind = 'instances' or kind = :scores"),
            {"scores": scores},
        ).all()
    for kind, path in files:
        rows = services.storage.read_table(path)
        keys = rows["instance_key"].to_pylist()
        if kind == scores:
            scored = rows["score"].is_valid().to_pylist()
            keys = [key for key, is_scored in zip(keys, scored, strict=True) if is_scored]
        found.setdefault(kind, set()).update(keys)
    return found


def scores_of(services: Services) -> str:
    done = finished_step(services.engine, DAY, "score")
    assert done is not None
    return str(done.report.facts["chosen"])


def disturb(case: tuple[str, str], share: int, whole: Whole, values: dict[str, str]) -> None:
    """Let about `share` of what is asked anew be answered, and defer the rest."""
    whom, kind = case
    purpose = "propose" if whom == "propose" else whom
    if kind == "hub":
        refused = NAMES[share % len(NAMES) :]
        whole.hub.refuses = lambda path, _: any(f"/{name}/" in path for name in refused)
    elif kind == "budget":
        values["DYNOSAUR_LLM_BUDGET_RUN_USD"] = str(spent(values, purpose, share))
    elif kind == "server":
        numbers = count()
        whole.llm.refuses = lambda path, _: "completions" in path and next(numbers) >= share


def spent(values: dict[str, str], purpose: str, share: int) -> Decimal:
    """Give what the day has spent for a purpose, and room for some more requests."""
    query = "select sum(cost_usd), count(*) from llm_attempts where purpose = :purpose"
    with open_services(settings(values)) as services, services.engine.connect() as connection:
        cost, number = connection.execute(text(query), {"purpose": purpose}).one()
    return Decimal(cost) + 3 * share * Decimal(cost) / number


def submitted(whom: str, services: Services) -> Submission:
    """Hand in as a batch, which stays open, what is asked anew."""
    day = GrowthDay.parse(DAY)
    submit = {
        "propose": lambda: growth.submit_proposals(day, services, 0),
        "critic": lambda: growth.submit_criticism(day, services),
        "judge": lambda: growth.submit_scores(day, services, 0),
    }
    return submit[whom]()


@pytest.mark.timeout(900)
@hypothesis_settings(
    max_examples=10,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=st.sampled_from(CASES), share=st.integers(0, 9))
@example(case=("candidates", "cap"), share=0)
@example(case=("examine", "hub"), share=2)
@example(case=("propose", "budget"), share=0)
@example(case=("critic", "server"), share=1)
@example(case=("judge", "batch"), share=0)
@example(case=("judge", "budget"), share=3)
def test_what_is_deferred_takes_nothing_from_what_stands(
    case: tuple[str, str], share: int, whole: Whole, postgres_host: str, tmp_path: Path
) -> None:
    with copy_of(whole, postgres_host, tmp_path) as values:
        with open_services(settings(values)) as services:
            scores = scores_of(services)
            before = standing(services, scores)
            version = training_set.build_snapshot(GrowthDay.parse(DAY), services)
        anew = values | ANEW[case[0]]
        if case[1] == "batch":
            with open_services(settings(anew | {"DYNOSAUR_LLM_MODE": "batch"})) as services:
                assert submitted(case[0], services).batches
        disturbed = dict(anew)
        disturb(case, share, whole, disturbed)
        with open_services(settings(disturbed)) as services:
            reports, failures = run_on(services)
            after = standing(services, scores)
            held_back = [line.held_back for line in overview(services).days]
        is_whole = not failures and not any(report.unfinished for report in reports)
        if not is_whole:
            lost = {name: before[name] - after[name] for name in before}
            assert not any(lost.values()), lost
        if any(report.replaced_nothing for report in reports):
            assert held_back != [[]], "the status says so"
        with open_services(settings(values)) as services:
            again = training_set.build_snapshot(GrowthDay.parse(DAY), services)
            if not is_whole and case[0] != "examine":
                assert (again.facts["version"], again.facts["new"]) == (1, False), version
        whole.hub.refuses = whole.llm.refuses = nothing
        heal(anew, case)
        with open_services(settings(values)) as services:
            run(services)
            assert standing(services, scores) == before, "under the old settings, the old day"


def heal(anew: dict[str, str], case: tuple[str, str]) -> None:
    """Run the day without the disturbance: whole, but for a cap that leaves no room for it."""
    with open_services(settings(anew)) as services:
        if case[1] == "batch":
            from dynosaur_etl.flows.runtime.batches import resume_batches

            with suppress(StopIteration):
                while resume_batches(services):
                    pass
        reports = run(services)
        waits = [report.step for report in reports if report.unfinished]
        assert waits == (["candidates"] if case[1] == "cap" else [])
        steps = day_report(DAY, services).steps
        held_back = [step.step for step in steps if step.held_back]
        assert held_back == waits


def dynosaur(values: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dynosaur_etl", *arguments],
        cwd=ROOT,
        env={**os.environ, **values},
        capture_output=True,
        text=True,
    )


def test_a_rerun_that_cannot_pay_says_so_and_leaves_the_day(
    whole: Whole, postgres_host: str, tmp_path: Path
) -> None:
    """As it was met: another model, and no budget left."""
    with copy_of(whole, postgres_host, tmp_path) as values:
        poor = values | ANEW["propose"] | {"DYNOSAUR_LLM_BUDGET_RUN_USD": "0"}
        ended = dynosaur(poor, "grow", "--day", DAY)
        assert ended.returncode == 5, ended.stderr
        assert "kept, stands until all is there" in ended.stdout
        shown = dynosaur(values, "status")
        assert f"{DAY}, validate: a later run was not whole" in shown.stdout
        assert dynosaur(values, "grow", "--day", DAY).returncode == 0
        assert "not whole" not in dynosaur(values, "status").stdout


NEVER_GROWN = (
    "delete from tasks",
    "delete from proposals",
    "delete from files where kind <> 'samples'",
    "delete from growth_runs where step not in ('candidates', 'examine')",
)


def test_a_first_run_takes_what_is_answered(
    whole: Whole, postgres_host: str, tmp_path: Path
) -> None:
    with copy_of(whole, postgres_host, tmp_path) as values:
        with open_services(settings(values)) as services, services.engine.begin() as connection:
            for statement in NEVER_GROWN:
                connection.execute(text(statement))
        poor = values | ANEW["propose"]
        poor["DYNOSAUR_LLM_BUDGET_RUN_USD"] = str(spent(values, "propose", 4))
        with open_services(settings(poor)) as services:
            reports = {report.step: report for report in run_on(services)[0]}
            validated = reports["validate"].counts
            assert validated.kept > 0
            assert validated.deferred > 0
            assert not reports["validate"].replaced_nothing
            assert reports["fill"].counts.kept > 0


def counted(services: Services, query: str) -> Any:
    with services.engine.connect() as connection:
        return connection.execute(text(query)).scalar()


def test_tasks_of_an_earlier_examination_keep_their_instances(
    whole: Whole, postgres_host: str, tmp_path: Path
) -> None:
    """The day is examined anew and has another dataset, for whose answers no budget is left."""
    with copy_of(whole, postgres_host, tmp_path) as values:
        with open_services(settings(values)) as services:
            before = standing(services, scores_of(services))
        poor = values | ANEW["propose"] | {
            "DYNOSAUR_SAMPLE_ROWS": "19",
            "DYNOSAUR_LLM_BUDGET_RUN_USD": "0",
        }  # fmt: skip
        with open_services(settings(poor)) as services:
            reports, failures = run_on(services)
            assert failures == []
            unfinished = [report.step for report in reports if report.unfinished]
            assert unfinished == ["propose", "validate", "fill"]
            assert standing(services, scores_of(services))["instances"] == before["instances"]
            assert counted(services, "select deferred from growth_runs where step = 'fill'") == 0
            built = training_set.build_snapshot(GrowthDay.parse(DAY), services)
            assert training_set.verify_snapshot(built.facts["version"], services)
