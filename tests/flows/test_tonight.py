"""How the night went, what a run did by itself, and why tasks failed: in words that are true."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dynosaur_etl.domain.errors import Terminal, Transient
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.task_failures import (
    TaskFailure,
    last_line,
    remember,
    why_run_failed,
)
from dynosaur_etl.flows.views.advice import advice
from dynosaur_etl.flows.views.airflow_runs import AirflowRun, AirflowState, AirflowTask
from dynosaur_etl.flows.views.current_day import StepState, current_day
from dynosaur_etl.flows.views.moments import lasted, moment
from dynosaur_etl.flows.views.run_report import run_report
from dynosaur_etl.flows.views.tonight import NightState, Tonight, tonight
from tests.flows.support import settings
from tests.store import factories as make
from tests.store.factories import DAY, NEXT_DAY, NOON, put

MORNING = datetime(2026, 10, 6, 4, tzinfo=UTC)
"""Four hours after the end of `DAY`."""


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    values = {"DYNOSAUR_HOME": str(tmp_path), "DYNOSAUR_DATABASE_URL": database_url}
    opened = Services(settings(values | {"DYNOSAUR_DEADLINE_HOURS": "12"}))
    yield opened
    opened.close()


def run(dag: str = "task_growth", state: str = "running", **values: Any) -> AirflowRun:
    sound = {"run_id": f"{dag}-1", "day": DAY, "since": MORNING, "ended": None, "tasks": ()}
    return AirflowRun(dag=dag, state=state, **(sound | values))


def failure(**values: Any) -> TaskFailure:
    sound = {
        "dag_id": "task_growth", "run_id": "task_growth-1", "task_id": "validate",
        "map_index": -1, "try_number": 1, "day": DAY, "kind": "InvalidSetting",
        "error": "DYNOSAUR_X: no", "retried": False,
    }  # fmt: skip
    return TaskFailure(**(sound | values))


def ask(services: Services, *runs: AirflowRun, paused: Any = (), hours: float = 0) -> Tonight:
    return tonight(services, AirflowState(runs, paused), MORNING + timedelta(hours=hours))


def grown(services: Services, at: datetime = MORNING - timedelta(hours=1)) -> None:
    put(services.engine, make.step("embed", kept=1234, finished_at=at))


def test_a_day_of_which_nothing_is_known_has_not_begun_and_then_is_late(services: Services) -> None:
    early, late = ask(services, paused=["hub_poll"]), ask(services, hours=9)
    assert early.state is NightState.OPEN
    assert early.sentence == (
        f"{DAY} has not begun: nothing of it has been done. hub_poll is paused."
    )
    assert late.state is NightState.LATE
    assert "late, not done 12 hours after its end" in late.sentence
    assert "Airflow was not asked" in tonight(services, None, MORNING).sentence


def test_a_day_is_done_when_its_last_step_is_and_nothing_works_on_it(services: Services) -> None:
    put(services.engine, make.step("validate", finished_at=MORNING - timedelta(hours=2)))
    assert "is not done: its last step ended at 2026-10-06 02:00 UTC" in ask(services).sentence
    grown(services)
    found = ask(services, run(state="success", ended=MORNING))
    assert found.state is NightState.DONE
    assert found.sentence == (
        f"{DAY} is done: 1,234 instances since 2026-10-06 03:00 UTC, and no version holds it yet."
    )
    put(services.engine, make.version(7, day=DAY))
    assert "v0007 holds it" in ask(services).sentence
    put(services.engine, make.version(8, day=NEXT_DAY, trial=True))
    assert "v0007 holds it" in ask(services).sentence


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_day_that_is_grown_anew_is_not_done(services: Services, state: str) -> None:
    grown(services)
    found = ask(services, run(state=state))
    assert found.state is NightState.RUNNING
    assert "2026-10-06 04:00 UTC" in found.sentence
    assert found.sentence.endswith("It had grown before, and is grown anew.")
    [line] = found.lines
    assert (line.kind, line.in_airflow) == (state, True)
    assert line.address == "/dags/task_growth/runs/task_growth-1"


def test_selecting_from_a_grown_day_is_working_on_it(services: Services) -> None:
    selecting = run("training_set", day=None)
    assert ask(services, selecting).state is NightState.OPEN, "the day itself is not worked on"
    grown(services)
    assert ask(services, selecting).state is NightState.RUNNING


def test_what_a_run_does_is_told_task_by_task_with_retries_and_their_errors(
    services: Services,
) -> None:
    remember(services, failure(task_id="fill", kind="HubUnavailable", error="503", retried=True))
    tasks = (
        AirflowTask("fill", "up_for_retry", 1, MORNING),
        AirflowTask("propose", "deferred", 12, MORNING - timedelta(hours=5)),
        AirflowTask("score", "queued", 1, None),
    )
    found = ask(services, run(tasks=tasks))
    assert "fill: waits for another try since 2026-10-06 04:00 UTC" in found.sentence
    assert "propose: 12 of deferred since 2026-10-05 23:00 UTC" in found.sentence
    assert "score: queued)" in found.sentence
    [line] = found.lines
    assert line.kind == "waiting for another try"
    assert "HubUnavailable: 503" in line.words


def test_a_failed_run_makes_the_day_failed_until_a_newer_one_is_well(services: Services) -> None:
    grown(services)
    failed = run(state="failed", ended=MORNING)
    assert "its error was not written down" in ask(services, failed).sentence
    remember(services, failure())
    found = ask(services, failed)
    assert found.state is NightState.FAILED
    assert found.sentence == (
        f"task_growth has failed for {DAY} (validate: InvalidSetting: DYNOSAUR_X: no),"
        " at 2026-10-06 04:00 UTC."
    )
    assert [(line.kind, line.address) for line in found.lines] == [
        ("failed", "/run/task_growth/task_growth-1")
    ]
    healed = run(state="success", run_id="again", ended=MORNING)
    assert ask(services, healed, failed).state is NightState.DONE
    assert ask(services, healed, failed).lines == []
    other = run(state="failed", day=NEXT_DAY, ended=MORNING)
    assert ask(services, healed, other).state is NightState.DONE
    assert [line.kind for line in ask(services, healed, other).lines] == ["failed"]


def test_a_failed_selection_fails_a_day_that_no_version_holds(services: Services) -> None:
    grown(services)
    failed = run("training_set", "failed", day=None, ended=MORNING)
    assert ask(services, failed).state is NightState.FAILED
    put(services.engine, make.version(3, day=DAY))
    assert ask(services, failed).state is NightState.DONE


def test_what_is_put_off_withdrawn_or_wrong_is_told_beside_it(services: Services) -> None:
    put(
        services.engine,
        make.step("examine", deferred=4, finished_at=MORNING),
        make.step("validate", facts={"alarm": "9 of 10"}, held_back={"deferred": 1, "taken": 2}),
        make.withdrawal("a/a"),
    )
    lines = ask(services).lines
    assert sorted(line.kind for line in lines) == ["alarm", "deferred", "deferred", "withdrawn"]
    assert all(line.link and line.address.startswith("/") for line in lines)


def test_a_spent_budget_is_told(database_url: str, tmp_path: Path) -> None:
    values = {"DYNOSAUR_HOME": str(tmp_path), "DYNOSAUR_DATABASE_URL": database_url}
    opened = Services(settings(values | {"DYNOSAUR_LLM_BUDGET_MONTH_USD": "0"}))
    found = tonight(opened, AirflowState([]), MORNING)
    opened.close()
    assert [line.address for line in found.lines if line.kind == "over budget"] == ["/cost"]


def test_the_steps_of_an_earlier_run_are_not_shown_as_done(services: Services) -> None:
    put(
        services.engine,
        make.step("candidates", finished_at=MORNING - timedelta(days=1)),
        make.step("examine", finished_at=MORNING + timedelta(minutes=1)),
        make.step("fill", finished_at=MORNING - timedelta(days=1)),
        make.checkpoint("fill", "shard 0"),
    )
    states = {
        step.step: step.state
        for step in current_day(services, AirflowState([run(), run(day=NEXT_DAY)][:1])).steps
    }
    assert states["candidates"] is StepState.EARLIER
    assert states["examine"] is StepState.DONE
    assert states["fill"] is StepState.BEGUN, "its parts are made anew"
    alone = current_day(services, AirflowState([run(state="success")]))
    assert {step.at for step in alone.steps if step.state is StepState.DONE} == {
        "2026-10-05 04:00 UTC", "2026-10-06 04:01 UTC"
    }  # fmt: skip


def test_a_run_is_told_with_what_it_did_itself_alone(services: Services) -> None:
    put(
        services.engine,
        make.step("candidates", reasons={"gated": 3}, finished_at=NOON - timedelta(days=2)),
        make.step("validate", reasons={"output_missing": 2}, finished_at=NOON),
        make.request("r1", sent_at=NOON - timedelta(days=2)),
        make.step("fill", finished_at=NOON + timedelta(hours=2)),
        make.request("r2", sent_at=NOON + timedelta(hours=2)),
        make.version(4, created_here_at=NOON), make.version(5),
    )  # fmt: skip
    remember(services, failure())
    began, ended = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    found = run_report(services, ("task_growth", "task_growth-1"), DAY, began, ended)
    assert found.day is not None
    assert [step.step for step in found.day.steps] == ["validate"]
    assert list(found.day.others) == ["candidates", "fill"]
    assert [line.reason for line in found.day.rejects] == ["output_missing"]
    assert found.day.cost_usd == 0, "other runs have paid"
    assert [(line.task, line.error) for line in found.failures] == [("validate", "DYNOSAUR_X: no")]
    assert "param or setting corrected" in found.failures[0].advice
    whole = run_report(services, ("training_set", "x"), None, began, ended)
    assert (whole.day, [version.version for version in whole.versions]) == (None, [4])
    waiting = run_report(services, ("training_set", "x"), None, None, None)
    assert (list(waiting.failures), list(waiting.versions)) == ([], [])


def test_the_newest_failure_of_a_task_takes_the_place_of_the_one_before(
    services: Services,
) -> None:
    remember(services, failure(try_number=1, error="first", retried=True))
    assert why_run_failed(services, "task_growth", "task_growth-1") == ""
    remember(services, failure(try_number=2, error="second"))
    for part in range(3):
        remember(services, failure(task_id="propose", map_index=part, kind="Busy", error="held"))
    assert why_run_failed(services, "task_growth", "task_growth-1") == (
        "propose: Busy: held; validate: InvalidSetting: second"
    )
    assert why_run_failed(services, "hub_poll", "task_growth-1") == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "without a word"),
        ("one", "one"),
        ("Traceback:\n  File x\nValueError: no\n\n", "ValueError: no"),
        ("x" * 3000, "x" * 2000),
        ("a\0b", "ab"),
    ],
)
def test_the_last_line_says_it(text: str, line: str) -> None:
    assert last_line(text).replace("\ufffd", "") == line


def _kinds(root: type[Exception]) -> list[str]:
    own = [kind for kind in root.__subclasses__() if kind.__module__ == root.__module__]
    return [kind.__name__ for kind in own]


@pytest.mark.parametrize("kind", [*_kinds(Transient), "InvalidInput", "Corrupt", "Incomplete"])
def test_there_is_an_advice_of_its_own_for_what_operators_can_mend(kind: str) -> None:
    assert advice(kind) != advice("KeyError")


def test_defects_are_to_be_reported() -> None:
    assert "report it" in advice("KeyError")
    assert issubclass(Terminal, Exception)


def test_moments_have_their_date() -> None:
    assert moment(None) == "not yet"
    assert moment(MORNING.astimezone()) == "2026-10-06 04:00 UTC"
    spans = [lasted(MORNING, MORNING + timedelta(seconds=n)) for n in (0, 61, 3600, 90_000)]
    assert spans == ["0 s", "1 min 1 s", "1 h", "1 d 1 h"]
