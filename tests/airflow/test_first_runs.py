"""A system that has grown nothing yet: what its first runs do, asked for as operators ask."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.run import DAYS
from dynosaur_etl.local.airflow_api import AirflowApi
from dynosaur_etl.local.growth import await_dags, set_paused
from dynosaur_etl.local.system import start_system, stop_system
from tests.airflow.conftest import Demo
from tests.airflow.test_history import write_settings
from tests.airflow.test_system import run_path
from tests.flows.support import DEMO_HUB, environment, serving, settings

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]


@pytest.fixture(scope="module")
def system() -> Iterator[tuple[Demo, AirflowApi]]:
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-first-"))
    folder.chmod(0o755)
    demo = Demo(folder / "home", "")
    try:
        with serving(DEMO_HUB, folder / "logs") as servers:
            values = environment(servers, "", demo.home)
            write_settings(demo, values)
            often = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5"}
            address = start_system(settings(values), often)
            with closing(AirflowApi(address.url, address.user, address.password)) as api:
                await_dags(api)
                yield demo, api
    finally:
        stop_system(demo.home)
        shutil.rmtree(folder, ignore_errors=True)


def yesterday() -> str:
    return str(datetime.now(UTC).date() - timedelta(days=1))


def runs(api: AirflowApi, dag: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/dags/{dag}/dagRuns", order_by="id")["dag_runs"]
    return found


def ended(api: AirflowApi, run: dict[str, Any]) -> tuple[str, dict[str, str | None]]:
    """Wait for the end of a run; give its state and those of its Airflow tasks."""
    awaited(lambda: api.get(run_path(run))["state"] not in ("queued", "running"))
    tasks = api.get(f"{run_path(run)}/taskInstances")["task_instances"]
    return api.get(run_path(run))["state"], {task["task_id"]: task["state"] for task in tasks}


def awaited(holds: Callable[[], object]) -> Any:
    end = time.monotonic() + 300
    while not (found := holds()):
        assert time.monotonic() < end
        time.sleep(0.5)
    return found


def trigger(api: AirflowApi, dag: str, **conf: Any) -> dict[str, Any]:
    """Ask for a run as the plain Trigger does, without a partition key."""
    body = {"logical_date": None, "conf": conf}
    run: dict[str, Any] = api.call("POST", f"/dags/{dag}/dagRuns", json=body).json()
    return run


def test_without_a_day_the_training_set_is_skipped_and_nothing_fails(
    system: tuple[Demo, AirflowApi],
) -> None:
    _, api = system
    state, tasks = ended(api, trigger(api, "training_set"))
    assert (state, tasks.pop("newest_day")) == ("success", "success")
    assert set(tasks.values()) == {"skipped"}


def test_polling_is_made_paused_and_begins_with_the_next_night_where_it_never_ran(
    system: tuple[Demo, AirflowApi],
) -> None:
    _, api = system
    assert api.get("/dags/hub_poll")["is_paused"]
    assert not api.get("/dags/task_growth")["is_paused"]
    set_paused(api, "hub_poll", paused=False)
    time.sleep(20)
    assert runs(api, "hub_poll") == []


def test_the_plain_trigger_is_about_the_day_before_and_growth_follows(
    system: tuple[Demo, AirflowApi],
) -> None:
    demo, api = system
    day = yesterday()
    run = trigger(api, "hub_poll")
    state, _ = ended(api, run)
    assert (state, run["partition_key"]) == ("success", None)
    [grown] = awaited(lambda: runs(api, "task_growth"))
    assert grown["partition_key"] == day
    assert ended(api, grown)[0] == "success"
    [line] = demo.command("status")["days"]
    assert (line["day"], line["datasets_seen"]) == (day, 0)
    with demo.client("viewer") as viewer:
        address = f"/training-set/run/hub_poll/{run['dag_run_id']}"
        assert f"<h1>Growth day {day}</h1>" in viewer.get(address).text


def test_a_day_is_named_by_the_form_and_one_that_is_finished_stops_at_once(
    system: tuple[Demo, AirflowApi],
) -> None:
    demo, api = system
    run = trigger(api, "hub_poll", day=DAYS[0])
    assert ended(api, run)[0] == "success"
    grown = awaited(
        lambda: [run for run in runs(api, "task_growth") if run["partition_key"] == DAYS[0]]
    )
    assert ended(api, grown[0])[0] == "success"
    selected = awaited(lambda: demo.command("snapshots")["snapshots"])
    assert [row["version"] for row in selected] == [1]
    awaited(lambda: all(run["state"] == "success" for run in runs(api, "training_set")))
    number = len(runs(api, "task_growth")), len(runs(api, "training_set"))
    for dag in ("hub_poll", "task_growth"):
        state, tasks = ended(api, trigger(api, dag, day=DAYS[0]))
        assert (state, tasks.pop("preview")) == ("success", "success")
        assert set(tasks.values()) == {"skipped"}, dag
    assert (len(runs(api, "task_growth")), len(runs(api, "training_set"))) == (
        number[0] + 1, number[1],
    )  # fmt: skip


def test_where_nobody_is_asked_and_nothing_is_published_the_tasks_are_skipped(
    system: tuple[Demo, AirflowApi],
) -> None:
    _, api = system
    states = [ended(api, run)[1] for run in runs(api, "training_set")]
    whole = [tasks for tasks in states if tasks["build"] == "success"]
    assert whole
    for tasks in whole:
        assert (tasks["verify"], tasks["approve"]) == ("success", "skipped")
        assert tasks["publish_version"] == "skipped"


def test_after_a_backfill_unpausing_runs_the_day_before_at_once(
    system: tuple[Demo, AirflowApi],
) -> None:
    _, api = system
    body = {
        "dag_id": "hub_poll",
        "from_date": f"{DAYS[1]}T00:00:00Z",
        "to_date": f"{DAYS[1]}T00:00:00Z",
        "reprocess_behavior": "none",
    }
    api.call("POST", "/backfills", json=body)
    made = awaited(lambda: [run for run in runs(api, "hub_poll") if run["run_type"] == "scheduled"])
    assert [run["partition_key"] for run in made] == [yesterday()]
    set_paused(api, "hub_poll", paused=True)
