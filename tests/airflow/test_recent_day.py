"""A day of instruction sets through the three DAGs, each run to its end in one process."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dynosaur_etl.flows.runtime.services import open_services
from tests.airflow.conftest import ROOT, clean_environment
from tests.flows.support import dump_tables, environment, run_all, serving, settings
from tests.forms.recent import expectations

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600), pytest.mark.xdist_group("airflow")]

DAY = "2026-10-14"
CHAIN = ("hub_poll", "task_growth", "training_set")
RUN = """
import json, sys
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
DagBundlesManager().sync_bundles_to_db()
bag = DagBag(sys.argv[1])
sync_bag_to_db(bag, "dags-folder", None)
for name in ("hub_poll", "task_growth", "training_set"):
    dag = bag.dags[name]
    dag.deadline = None  # `test` looks for it in Airflow's database by what is no key of it
    run = dag.test(run_conf={"day": sys.argv[2]} if "day" in dag.params else {})
    tasks = {one.task_id: str(one.state) for one in run.get_task_instances()}
    print(json.dumps({"dag": name, "state": str(run.state), "tasks": tasks}))
"""


@dataclass(frozen=True)
class Ran:
    """What the DAGs came to, and what the flows alone make of the same day."""

    runs: list[dict[str, Any]]
    paid: int
    store: Path
    alone: Path
    tables: dict[str, list[str]]
    tables_alone: dict[str, list[str]]

    def rows(self, config: str = "data") -> list[dict[str, Any]]:
        return rows_of(self.store, config)


def rows_of(store: Path, config: str) -> list[dict[str, Any]]:
    folder = store / "snapshots" / "v0001"
    found = sorted(folder.glob("data/train-*" if config == "data" else f"{config}*.parquet"))
    return [row for path in found for row in pq.read_table(path, partitioning=None).to_pylist()]


@pytest.fixture(scope="module")
def ran(recent_hub: Path, make_database: Callable[[], str]) -> Iterator[Ran]:
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-recent-"))
    url, url_alone = make_database(), make_database()
    more = {
        "DYNOSAUR_NATIVE_SHARE": "1",
        "DYNOSAUR_NEAR_DUPLICATES": "0",  # the sets ask some questions twice
        "DYNOSAUR_INSTANCES_PER_TASK": "100",
        "DYNOSAUR_SELECTION_SIZE": "1000",
    }
    try:
        with serving(recent_hub, folder / "logs") as servers:
            runs = run_dags(folder, environment(servers, url, folder / "home", **more))
            values = environment(servers, url_alone, folder / "alone", **more)
            with open_services(settings(values)) as services:
                run_all((DAY,), services)
            yield Ran(
                runs, len(servers.paid_requests()),
                folder / "home" / "store", folder / "alone" / "store",
                dump_tables(url), dump_tables(url_alone),
            )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_dags(folder: Path, values: dict[str, str]) -> list[dict[str, Any]]:
    own = clean_environment() | values | {
        "HOME": str(folder), "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}",
        "AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    }  # fmt: skip
    called(own, "-m", "airflow", "db", "migrate")
    told = called(own, "-c", RUN, str(ROOT / "dags"), DAY)
    return [json.loads(line) for line in told.splitlines() if line.startswith('{"dag"')]


def called(environment: dict[str, str], *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3_000:] + ended.stdout[-3_000:]
    return ended.stdout


def test_the_three_dags_succeed_and_nobody_is_asked(ran: Ran) -> None:
    assert [(run["dag"], run["state"]) for run in ran.runs] == [(name, "success") for name in CHAIN]
    states = ran.runs[-1]["tasks"]
    assert (states["build"], states["verify"]) == ("success", "success")
    assert states["publish_version"] == "skipped", "no target is set"
    assert ran.paid == 0


def test_verdicts_tasks_and_the_version_are_those_of_the_flows_alone(ran: Ran) -> None:
    for table in ("verdicts", "configs", "tasks", "rejections"):
        assert ran.tables[table] == ran.tables_alone[table], table
    assert len(ran.tables["verdicts"]) == 3
    for config in ("data", "preferences"):
        assert ran.rows(config) == rows_of(ran.alone, config) != [], config


def test_the_version_teaches_what_is_right_for_each_set(ran: Ran, recent_hub: Path) -> None:
    rows = ran.rows()
    checked = 0
    for line in expectations(recent_hub):
        own = [row for row in rows if row["dataset"] == line["id"]]
        assert not {row["output"] for row in own} & set(line["never_texts"]), line["id"]
        for wanted in line["instances"] if own else ():
            assert any(is_taught(row, wanted) for row in own), (line["id"], wanted)
            checked += 1
    assert checked >= 4
    assert {row["messages"][-1]["role"] for row in rows} == {"assistant"}


def is_taught(row: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if "messages" not in wanted:
        return bool(row["output"] == wanted["output"])
    last = [turn["content"].strip() for turn in wanted["messages"] if turn["role"] == "assistant"]
    said = [turn["content"] for turn in row["messages"] if turn["role"] == "assistant"]
    return said[: len(last)] == last
