"""Modes that the demo does not use: every request by the Batch API, and a selection in parts."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from demo.run import AIRFLOW_OPTIONS, DAYS
from dynosaur_etl.local.airflow_api import AirflowApi
from dynosaur_etl.local.growth import await_dags
from dynosaur_etl.local.system import start_system, stop_system
from tests.airflow.conftest import Demo
from tests.airflow.test_history import write_settings
from tests.airflow.test_system import run_path
from tests.flows.support import DEMO_HUB, environment, serving, settings

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900), pytest.mark.xdist_group("airflow")]

DAY = DAYS[0]
ASKING = {"propose": "propose", "criticise": "critic", "score_part": "judge"}
MODEL = "dynosaur-demo-rules"


@pytest.fixture(scope="module")
def system() -> Iterator[tuple[Demo, AirflowApi]]:
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-batches-"))
    folder.chmod(0o755)
    demo = Demo(folder / "home", "")
    try:
        with serving(DEMO_HUB, folder / "logs") as servers:
            values = environment(servers, "", demo.home) | {
                "DYNOSAUR_LLM_MODE": "batch",
                "DYNOSAUR_LLM_POLL_SECONDS": "1",
                "DYNOSAUR_CRITIC_MODEL": MODEL,
                "DYNOSAUR_SCORERS": "heuristics,judge",
                "DYNOSAUR_INSTANCES_PER_TASK": "40",
                "DYNOSAUR_SELECTION_MODE": "partitioned",
                "DYNOSAUR_SELECTION_PART_POINTS": "20",
                "DYNOSAUR_SELECTION_SIZE": "70",  # the first 64 picks are made before the parts
            }
            write_settings(demo, values)
            address = start_system(settings(values), AIRFLOW_OPTIONS)
            with closing(AirflowApi(address.url, address.user, address.password)) as api:
                await_dags(api)
                yield demo, api
    finally:
        stop_system(demo.home)
        shutil.rmtree(folder, ignore_errors=True)


def test_proposals_critic_and_judge_wait_without_a_slot(system: tuple[Demo, AirflowApi]) -> None:
    demo, api = system
    demo.command("poll", "--day", DAY)
    body = {"logical_date": None, "partition_key": DAY, "conf": {}}
    run = api.call("POST", "/dags/task_growth/dagRuns", json=body).json()
    slots: dict[str, set[int]] = {}
    end = time.monotonic() + 600
    while run["state"] in ("queued", "running"):
        assert time.monotonic() < end, slots
        waiting = deferred_tasks(api, run)
        if waiting:
            slots.setdefault(waiting[0], set()).add(api.get("/pools/llm")["occupied_slots"])
        time.sleep(0.1)
        run = api.get(run_path(run))

    assert run["state"] == "success"
    assert slots == {task: {0} for task in ASKING}
    batches = demo.command("batches")["batches"]
    assert {batch["purpose"] for batch in batches} == set(ASKING.values())
    assert {batch["status"] for batch in batches} == {"closed"}
    assert sum(batch["answered"] for batch in batches) == sum(b["requests"] for b in batches)
    assert demo.command("ledger", "audit")["consistent"]
    with demo.connect() as connection:
        query = "select taken, kept from growth_runs where step = 'score'"
        [(taken, kept)] = connection.execute(query).fetchall()
    assert kept == taken > 0


def test_the_parts_of_a_selection_are_mapped_tasks(system: tuple[Demo, AirflowApi]) -> None:
    demo, api = system
    end = time.monotonic() + 300
    while not (runs := api.get("/dags/training_set/dagRuns")["dag_runs"]) or (
        runs[-1]["state"] in ("queued", "running")
    ):
        assert time.monotonic() < end
        time.sleep(0.5)
    assert runs[-1]["state"] == "success"
    tasks = api.get(f"{run_path(runs[-1])}/taskInstances")["task_instances"]
    parts = [task for task in tasks if task["task_id"] == "solve_part"]
    assert len(parts) > 2
    assert {task["state"] for task in parts} == {"success"}
    assert all(task["rendered_map_index"].startswith("part ") for task in parts)
    [version] = demo.command("snapshots")["snapshots"]
    with demo.connect() as connection:
        query = "select facts ->> 'method' from growth_runs where step = 'select'"
        assert connection.execute(query).fetchall() == [("partitioned",)]
        query = "select count(*) from files where kind = 'selections'"
        assert connection.execute(query).fetchall() == [(1,)]
    assert version["counts"]["selected"] == 70


def deferred_tasks(api: AirflowApi, run: dict[str, Any]) -> list[str]:
    tasks = api.get(f"{run_path(run)}/taskInstances")["task_instances"]
    return [task["task_id"] for task in tasks if task["state"] == "deferred"]
