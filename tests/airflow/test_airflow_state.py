"""What the pages say of Airflow's runs, read from an Airflow database without an Airflow."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.airflow.conftest import ROOT, clean_environment


@pytest.fixture(scope="module")
def told(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("state")
    environment = {
        "DYNOSAUR_HOME": str(home),
        "DYNOSAUR_DATABASE_URL": make_database(),
        "AIRFLOW_HOME": str(home / "airflow"),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.airflow.airflow_rows"],
        cwd=ROOT, env=clean_environment() | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_the_newest_runs_are_read_with_their_days_and_open_tasks(told: Any) -> None:
    assert told["before"] is None, "there were no tables"
    runs = {(run["dag"], run["run_id"]): run for run in told["after"]["runs"]}
    assert {name: run["day"] for name, run in runs.items()} == {
        ("training_set", "e"): None, ("task_growth", "d"): "2026-10-05",
        ("task_growth", "b:+c"): "2026-10-05", ("hub_poll", "a"): "2026-10-05",
    }  # fmt: skip
    tasks = {(task["name"], task["state"], task["number"]) for task in _tasks(runs, "d")}
    assert tasks == {("propose", "running", 2), ("fill", "up_for_retry", 1)}
    assert next(iter(runs)) == ("training_set", "e"), "the newest first"


def test_the_first_page_tells_the_night_by_them(told: Any) -> None:
    page = told["pages"]["/"]
    assert "training_set is queued since 2026-10-06 01:00 UTC" in page
    assert "fill: waits for another try since 2026-10-06 01:00 UTC" in page
    assert 'href="/dags/task_growth/runs/d" target="_top"' in page
    assert "Airflow was not asked" not in page


def test_a_failed_run_says_which_task_why_and_what_to_do(told: Any) -> None:
    page = told["pages"]["/run/task_growth/b%3A%2Bc"]
    assert "InvalidSetting: &lt;b&gt;DYNOSAUR_X&lt;/b&gt;: no" in page
    assert "What to do: trigger the run again with the param or setting corrected" in page
    assert "/dags/task_growth/runs/b%3A%2Bc/tasks/validate?try_number=1" in page
    assert "It has finished no step" in page
    assert "`" not in page
    assert "All that stands of 2026-10-05" in page


def test_runs_without_a_day_have_reports_of_their_own(told: Any) -> None:
    assert "What this run made" in told["pages"]["/run/training_set/e"]
    assert "about no growth day" in told["pages"]["/run/other/f"]
    assert told["pages"]["gone"] == "404"


def test_the_alert_gives_the_error_as_the_reason_and_no_secret(told: Any) -> None:
    alert = told["pages"]["alert"]
    assert alert.startswith("task_growth has failed for 2026-10-05 (propose: ")
    assert "propose: LlmRefused: the key *** is refused" in alert
    assert "propose: Stopped: it was stopped from outside, or killed" in alert
    assert "task_failure" not in alert
    assert "report: " in alert


def _tasks(runs: Any, run_id: str) -> Any:
    return runs["task_growth", run_id]["tasks"]
