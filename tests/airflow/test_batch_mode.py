"""A day whose every request goes by the Batch API: no Airflow task holds a slot while it waits."""

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


@pytest.fixture
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
                "DYNOSAUR_INSTANCES_PER_TASK": "2",
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


def deferred_tasks(api: AirflowApi, run: dict[str, Any]) -> list[str]:
    tasks = api.get(f"{run_path(run)}/taskInstances")["task_instances"]
    return [task["task_id"] for task in tasks if task["state"] == "deferred"]
