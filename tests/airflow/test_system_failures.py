"""A Hub that answers in part: no run is green above the threshold, and nothing is lost below it."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from demo.run import DAYS
from dynosaur_etl.local.growth import set_paused
from tests.airflow.conftest import Demo
from tests.airflow.forwarding_hub import forwarding_hub
from tests.airflow.test_system import ask_for_run, run_path, states_of

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1200), pytest.mark.xdist_group("airflow")]

DAY = DAYS[2]
OF_THE_DAY = ("candidates", "verdicts", "revisions", "configs", "rejections")


def test_too_many_failures_stop_a_run_and_few_are_told_and_made_good(demo: Demo) -> None:
    """Two of the day's five candidates are above the share of 0.2, one is not."""
    api, before, asked = demo.api(), rows_of_the_day(demo), kept_datasets(demo)
    port = json.loads((demo.home / "ports.json").read_text())["demo-hub"]
    set_paused(api, "task_growth", paused=True)  # it would follow each of the runs
    set_paused(api, "hub_poll", paused=False)
    with demo.connect() as connection:
        connection.execute("delete from growth_runs where day = %s and step = 'examine'", [DAY])
    with forwarding_hub(f"http://127.0.0.1:{port}") as hub:
        connection_of = {"connection_id": "huggingface_default", "conn_type": "generic"}
        api.call("POST", "/connections", json=connection_of | {"host": hub.url})
        try:
            hub.broken.update(asked[:2])
            body = {"logical_date": None, "partition_key": DAY, "conf": {}}
            run = api.call("POST", "/dags/hub_poll/dagRuns", json=body).json()
            _await(lambda: states_of(demo, run).get("examine_candidates") == "up_for_retry")
            assert api.get(run_path(run))["state"] == "running", "it is tried again, and not green"
            assert announced(demo, run) == []

            hub.broken.remove(asked[1])
            clear = {"dag_run_id": run["dag_run_id"], "task_ids": ["examine_candidates"]}
            clear |= {"dry_run": False, "only_failed": False}
            api.call("POST", "/dags/hub_poll/clearTaskInstances", json=clear)
            _await(lambda: api.get(run_path(run))["state"] == "success")
            [told] = announced(demo, run)
            assert told["missing"] == {"examine": 1}
            assert told["examine"]["deferred"] == 1
            assert rows_of_the_day(demo) != before

            hub.broken.clear()
            following = ask_for_run(demo, DAY)
        finally:
            api.call("DELETE", "/connections/huggingface_default")
            set_paused(api, "hub_poll", paused=True)
            set_paused(api, "task_growth", paused=False)
    assert following["state"] == "success"
    [told] = announced(demo, following)
    assert told["missing"] == {}
    assert rows_of_the_day(demo) == before


def kept_datasets(demo: Demo) -> list[str]:
    query = "select dataset_id from verdicts where day = %s and reason is null order by 1"
    with demo.connect() as connection:
        return [name for (name,) in connection.execute(query, [DAY])]


def rows_of_the_day(demo: Demo) -> dict[str, list[str]]:
    tables = demo.contents()["tables"]
    return {name: [row for row in tables[name] if DAY in row] for name in OF_THE_DAY}


def announced(demo: Demo, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Give what a run's asset events tell."""
    events = demo.api().get("/assets/events", source_run_id=run["dag_run_id"])["asset_events"]
    return [event["extra"] for event in events]


def _await(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.5)
