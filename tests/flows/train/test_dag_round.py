"""One small round through Airflow: train, evaluate, report, and let a version pass the gate."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.flows.support import ROOT
from tests.flows.train.conftest import Taught, write_lines

RUN = """
import json, sys
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
DagBundlesManager().sync_bundles_to_db()
bag = DagBag(sys.argv[1])
sync_bag_to_db(bag, "dags-folder", None)
run = bag.dags["train_and_evaluate"].test(run_conf=json.loads(sys.argv[2]))
tasks = [[one.task_id, one.map_index, str(one.state)] for one in run.get_task_instances()]
print(json.dumps({"state": str(run.state), "tasks": tasks}))
"""


def airflow(environment: dict[str, str], *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3_000:] + ended.stdout[-3_000:]
    return ended.stdout


def test_a_version_is_trained_on_evaluated_and_passes_the_gate(
    taught: Taught, tmp_path: Path
) -> None:
    fixed = [{"prompt": f"How was day {n}?", "completion": f"calm {n % 3}"} for n in range(6)]
    conf = {
        "version": 2, "training_model": str(taught.model), "training_preset": "tiny",
        "training_seeds": 1, "publish_gate": True,
        "training_evaluation": str(write_lines(tmp_path / "fixed.jsonl", fixed)),
    }  # fmt: skip
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": f"{ROOT}:{ROOT}/plugins",
        "AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"), "OMP_NUM_THREADS": "1",
        **taught.values,
    }  # fmt: skip
    airflow(environment, "-m", "airflow", "db", "migrate")
    told = airflow(environment, "-c", RUN, str(ROOT / "dags"), json.dumps(conf))
    run = json.loads(told.splitlines()[-1])
    assert run["state"] == "success", run
    states = {task: state for task, _, state in run["tasks"]}
    assert states["gate"] == "success"
    assert [task for task, _, _ in run["tasks"]].count("train_arm") == 3
    assert states["publish_version"] == "skipped", "no target is set"
    [report] = (taught.home / "store" / "evaluations").rglob("report.json")
    found = json.loads(report.read_text())
    assert (found["version"], found["verdict"]) == (2, "passed")
    assert [gain["against"] for gain in found["gains"]] == ["v0001", "random at equal tokens"]
