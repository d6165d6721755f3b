"""The recorded history of the Hub, backfilled through Airflow: the same verdicts as day by day.

By default three days that follow one another are backfilled; with `WHOLE_HISTORY=1` in the
environment all of 2020-04 to 2022-10, which takes hours.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.run import AIRFLOW_OPTIONS
from dynosaur_etl.local.airflow_api import AirflowApi
from dynosaur_etl.local.growth import active_backfill, await_dags, set_paused
from dynosaur_etl.local.system import start_system, stop_system
from tests.airflow.conftest import Demo
from tests.flows.support import environment, serving, settings

WHOLE = "WHOLE_HISTORY" in os.environ
FIRST, LAST = ("2020-04-01", "2022-10-31") if WHOLE else ("2020-12-04", "2020-12-06")
pytestmark = [
    pytest.mark.airflow,
    pytest.mark.recording,
    pytest.mark.timeout(6 * 3600 if WHOLE else 1200),
    pytest.mark.xdist_group("airflow"),
]

AT_ONCE = "8"
VERDICTS = "select day, dataset_id, revision, reason, detail from verdicts order by 1, 2"


@dataclass(frozen=True)
class History:
    """The backfilled days, their runs, and the verdicts of Airflow and of the command alone."""

    days: list[str]
    runs: list[dict[str, Any]]
    by_airflow: list[tuple[Any, ...]]
    by_command: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def history(recorded_hub: Path) -> Iterator[History]:
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-history-"))
    folder.chmod(0o755)
    length = (date.fromisoformat(LAST) - date.fromisoformat(FIRST)).days + 1
    days = [str(date.fromisoformat(FIRST) + timedelta(days=after)) for after in range(length)]
    demo, alone = Demo(folder / "airflow", ""), Demo(folder / "alone", "")
    try:
        with serving(recorded_hub, folder / "logs") as servers:
            runs = backfilled(demo, environment(servers, "", demo.home), days)
            write_settings(alone, environment(servers, "", alone.home))
            alone.command("poll", "--from", FIRST, "--to", LAST)
            yield History(days, runs, verdicts(demo), verdicts(alone))
    finally:
        stop_system(demo.home)
        stop_system(alone.home)
        shutil.rmtree(folder, ignore_errors=True)


def write_settings(demo: Demo, values: dict[str, str]) -> None:
    demo.home.mkdir()
    (demo.home / "env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def verdicts(demo: Demo) -> list[tuple[Any, ...]]:
    with demo.connect() as connection:
        return connection.execute(VERDICTS).fetchall()


def backfilled(demo: Demo, values: dict[str, str], days: list[str]) -> list[dict[str, Any]]:
    """Backfill `hub_poll` over the days by the command, and give its runs once all have ended."""
    write_settings(demo, values)
    address = start_system(settings(values), AIRFLOW_OPTIONS)
    with closing(AirflowApi(address.url, address.user, address.password)) as api:
        await_dags(api)
        told = demo.command("backfill", "--from", days[0], "--to", days[-1], "--at-once", AT_ONCE)
        assert told["backfill"]["dag_is_paused"]
        for later in ("task_growth", "training_set"):  # what they make of a day is not asked here
            set_paused(api, later, paused=True)
        set_paused(api, "hub_poll", paused=False)
        while active_backfill(api) is not None:
            time.sleep(2)
        set_paused(api, "hub_poll", paused=True)
        return all_runs(api)


def all_runs(api: AirflowApi) -> list[dict[str, Any]]:
    """Read every run of `hub_poll`, a page at a time."""
    found: list[dict[str, Any]] = []
    while True:
        page = api.get("/dags/hub_poll/dagRuns", order_by="id", limit=100, offset=len(found))
        found += page["dag_runs"]
        if len(found) >= page["total_entries"]:
            return found


def test_every_day_has_one_run_that_succeeded(history: History) -> None:
    runs = [run for run in history.runs if run["run_type"] == "backfill"]
    assert sorted(run["partition_key"] for run in runs) == history.days
    assert {run["state"] for run in runs} == {"success"}


def test_airflow_gives_the_verdicts_that_the_command_gives_day_by_day(history: History) -> None:
    assert len(history.by_airflow) > len(history.days)
    assert history.by_airflow == history.by_command


def test_each_revision_has_one_verdict(history: History, recorded_hub: Path) -> None:
    expected = set()
    for line in (recorded_hub / "index.jsonl").read_text().splitlines():
        entry = json.loads(line)
        newest: dict[str, str] = {}
        for commit in entry["commits"]:
            newest.setdefault(commit["date"][:10], commit["sha"])
        name = f"legacy-datasets/{entry['id']}"
        expected |= {(day, name, sha) for day, sha in newest.items() if FIRST <= day <= LAST}
    found = [row[:3] for row in history.by_airflow]
    assert len(found) == len(set(found))
    assert set(found) == expected
