"""The laws that every DAG keeps."""

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "dags").glob("*.py"))
HEAVY = ("torch", "faiss", "datasets", "transformers", "sentence_transformers", "pyarrow", "openai")

DEFECTS = ("AssertionError", "AttributeError", "LookupError", "TypeError", "ValueError")

PARSE = """
import json, sys, time
import airflow.sdk, airflow.dag_processing.dagbag as dagbag
bag = dagbag.DagBag("/nowhere")
began = time.process_time()
bag.process_file(sys.argv[1])
seconds = time.process_time() - began
print(json.dumps({"seconds": seconds, "errors": bag.import_errors, "dags": list(bag.dags),
                  "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("airflow")
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    }


def run_python(code: str, environment: dict[str, str], *arguments: str) -> Any:
    import json

    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_file_parses_fast_and_imports_nothing_heavy(
    file: Path, airflow_home: dict[str, str]
) -> None:
    parsed = run_python(PARSE, airflow_home, str(file))
    assert parsed["errors"] == {}
    assert parsed["dags"] == [file.stem]
    assert parsed["seconds"] < 0.5
    assert not set(HEAVY) & set(parsed["modules"])
    assert "dynosaur_etl.flows" not in parsed["modules"]


DESCRIBE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from dynosaur_airflow.defaults import TAGS, OWNER
bag = DagBag()
def source_of(task):
    code = getattr(task, "python_callable", None) or getattr(task, "operator_class", type(task))
    return __import__("inspect").getsource(code)
def describe_task(task):
    policy = getattr(task, "retry_policy", None) or task.partial_kwargs.get("retry_policy")
    return {
        "owner": task.owner, "retries": task.retries, "pool": task.pool, "queue": task.queue,
        "policy": policy.serialize() if policy else None,
        "mapped": task.is_mapped, "label": getattr(task, "map_index_template", None),
        "source": source_of(task),
        "outlets": [asset.name for asset in task.outlets or []],
    }
dags = {
    dag.dag_id: {
        "doc": dag.doc_md, "tags": sorted(dag.tags), "owner": dag.owner,
        "notifiers": [type(c).__name__ for c in (
            dag.on_failure_callback if isinstance(dag.on_failure_callback, list)
            else [dag.on_failure_callback])],
        "max_active_runs": dag.max_active_runs, "catchup": dag.catchup,
        "paused": dag.is_paused_upon_creation,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "hours": [alert.interval.total_seconds() / 3600 for alert in dag.deadline or []],
        "timetable": DagSerialization.to_dict(dag)["dag"]["timetable"],
        "tasks": {task.task_id: describe_task(task) for task in dag.tasks},
    }
    for dag in bag.dags.values()
}
print(json.dumps({"errors": bag.import_errors, "dags": dags, "tags": sorted(TAGS), "owner": OWNER}))
"""


FIRST_RUNS = """
import json
from unittest import mock
import pendulum
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DagRunInfo
dag = DagSerialization.from_dict(DagSerialization.to_dict(DagBag().dags["hub_poll"]))
found = {}
for last in (None, "2026-04-01", "2026-05-05"):
    for hour in (0, 2, 12, 23):
        now = pendulum.datetime(2026, 5, 6, hour, 1)
        moment = None if last is None else pendulum.parse(last)
        before = None if last is None else DagRunInfo(
            run_after=moment, data_interval=None, partition_date=moment, partition_key=last
        )
        with mock.patch("airflow.timetables.trigger.utcnow", return_value=now):
            info = dag.next_dagrun_info(last_automated_run_info=before)
        found[f"{last} {hour}"] = [str(info.run_after)[:10], info.partition_key]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def described(airflow_home: dict[str, str]) -> Any:
    return run_python(DESCRIBE, airflow_home)


def test_the_first_scheduled_day_is_the_one_that_ends_next_at_whatever_hour_polling_is_switched_on(
    airflow_home: dict[str, str],
) -> None:
    """Airflow would else run the past day too, but only in the first tenth of a day.

    Where there was a run, be it a backfill's, Airflow makes the one of the past day at once.
    """
    found = run_python(FIRST_RUNS, airflow_home)
    assert len(found) == 12
    for when, told in found.items():
        never_ran = when.startswith("None")
        expected = ["2026-05-07", "2026-05-06"] if never_ran else ["2026-05-06", "2026-05-05"]
        assert told == expected, when


def test_the_form_says_where_a_day_is_entered(described: Any) -> None:
    for name in ("hub_poll", "task_growth"):
        schema = described["dags"][name]["params"]["day"]
        assert schema["format"] == "date"
        assert "null" in schema["type"]
    assert "at once" in described["dags"]["hub_poll"]["doc"]


def test_all_dags_are_there(described: Any) -> None:
    assert described["errors"] == {}
    assert set(described["dags"]) == {file.stem for file in FILES}


def test_every_dag_is_documented_tagged_owned_and_watched(described: Any) -> None:
    for dag in described["dags"].values():
        assert len(dag["doc"]) > 200
        assert not re.search(r"^ {4}\S", dag["doc"], re.MULTILINE), "indented text is shown as code"
        assert dag["tags"]
        assert set(dag["tags"]) <= set(described["tags"])
        assert dag["owner"] == described["owner"]
        assert dag["notifiers"] == ["RunFailed"]
        assert dag["max_active_runs"] <= 2
        assert not dag["catchup"]


def test_every_task_retries_by_the_class_of_the_error(described: Any) -> None:
    for dag in described["dags"].values():
        for task in dag["tasks"].values():
            assert task["retries"] == 3
            rules = {rule["exception"]: rule["action"] for rule in task["policy"]["rules"]}
            assert rules["dynosaur_etl.domain.errors.Terminal"] == "fail"
            assert rules["dynosaur_etl.domain.errors.Transient"] == "retry"
            assert {rules[f"builtins.{name}"] for name in DEFECTS} == {"fail"}


def test_the_llm_is_asked_in_its_pool_only_and_in_labelled_batches(described: Any) -> None:
    asking = {
        name: task
        for dag in described["dags"].values()
        for name, task in dag["tasks"].items()
        if re.search(r"flows\.propose\.(propose|criticise) import", task["source"])
        or task["pool"] == "llm"
    }
    assert set(asking) == {"propose", "criticise", "score", "score_part", "warn"}
    assert {task["pool"] for task in asking.values()} == {"llm"}
    for name in ("propose", "score_part"):
        assert asking[name]["mapped"]
        assert "label" in asking[name]["label"]


def test_the_hub_is_asked_in_its_pool_only(described: Any) -> None:
    asking = {
        name
        for dag in described["dags"].values()
        for name, task in dag["tasks"].items()
        if task["pool"] == "hub"
    }
    assert asking == {
        "sync_catalogue", "find_candidates", "examine_candidates", "audit_sources"
    }  # fmt: skip


def test_every_mapped_task_is_labelled(described: Any) -> None:
    for dag in described["dags"].values():
        for task in dag["tasks"].values():
            assert bool(task["label"]) == task["mapped"]


def test_manual_runs_have_params_that_are_checked_and_empty(described: Any) -> None:
    params = {name: dag["params"] for name, dag in described["dags"].items()}
    assert {name: sorted(schemas) for name, schemas in params.items()} == {
        "hub_audit": [],
        "hub_poll": [
            "configs_per_dataset", "datasets_per_family", "datasets_per_owner", "day", "dry_run"
        ],
        "llm_watch": [],
        "task_growth": ["budget_usd", "day", "dry_run", "llm_mode", "model"],
        "training_set": ["alpha", "approval_hours", "head", "k", "rollback"],
        "train_and_evaluate": [
            "approval_hours", "publish_gate", "training_evaluation", "training_model",
            "training_preset", "training_seeds", "version",
        ],
    }  # fmt: skip
    for schemas in params.values():
        for name, schema in schemas.items():
            if name in ("dry_run", "head"):
                assert schema["type"] == "boolean"
            else:
                assert "null" in schema.get("type", []) or None in schema["enum"]


def test_a_day_has_a_deadline(described: Any) -> None:
    hours = {name: dag["hours"] for name, dag in described["dags"].items()}
    assert hours == {
        "hub_audit": [], "hub_poll": [24.0], "llm_watch": [], "task_growth": [24.0],
        "training_set": [], "train_and_evaluate": [],
    }  # fmt: skip


def test_the_daily_dags_tell_how_to_backfill_and_what_a_rerun_costs(described: Any) -> None:
    words = (
        "dynosaur backfill", "airflow backfill create", "POST /api/v2/backfills",
        "missing and errored runs", "`completed`", "**As of.**", "**Run again.**",
    )  # fmt: skip
    for name in ("hub_poll", "task_growth", "training_set"):
        assert [word for word in words if word not in described["dags"][name]["doc"]] == []


def test_tasks_are_filled_in_labelled_shards(described: Any) -> None:
    filling = described["dags"]["task_growth"]["tasks"]["fill_shard"]
    assert filling["mapped"]
    assert "label" in filling["label"]


def test_the_poller_waits_for_an_operator_and_the_rest_follow(described: Any) -> None:
    paused = {name: dag["paused"] for name, dag in described["dags"].items()}
    assert paused == {
        "hub_audit": None, "hub_poll": True, "llm_watch": False, "task_growth": False,
        "training_set": False, "train_and_evaluate": True,
    }  # fmt: skip
    made = {
        name: [asset for task in dag["tasks"].values() for asset in task["outlets"]]
        for name, dag in described["dags"].items()
    }
    assert made == {
        "hub_audit": [],
        "hub_poll": ["hub_revisions"],
        "llm_watch": [],
        "task_growth": ["instruction_tasks"],
        "training_set": ["training_set"],
        "train_and_evaluate": [],
    }


def test_training_has_its_own_pool_and_queue(described: Any) -> None:
    trained = described["dags"]["train_and_evaluate"]["tasks"]
    placed = {name: (task["pool"], task["queue"]) for name, task in trained.items()}
    here = {"train_arm": ("training", "gpu"), "report": ("training", "gpu")}
    assert {name: place for name, place in placed.items() if place[0] == "training"} == here
    others = [
        task
        for name, dag in described["dags"].items()
        if name != "train_and_evaluate"
        for task in dag["tasks"].values()
    ]
    assert all(task["pool"] != "training" and task["queue"] == "default" for task in others)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_dag_file_is_wiring(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 80
    top = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in top
    }
    assert {str(name).split(".")[0] for name in names} <= {"typing", "airflow", "dynosaur_airflow"}


NOTIFY = """
import json
from airflow.sdk import DAG
from dynosaur_airflow.notifier import RunFailed
told = []
def broken(message): raise OSError("no route to the channel")
context = {"dag": DAG("hub_poll", schedule=None), "run_id": "a+b", "reason": "task_failure"}
try:
    RunFailed([broken, told.append])(context)
    failure = None
except OSError as error:
    failure = str(error)
print(json.dumps({"told": told, "failure": failure}))
"""


def test_one_broken_channel_does_not_silence_the_others(airflow_home: dict[str, str]) -> None:
    result = run_python(NOTIFY, airflow_home | {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"})
    [message] = result["told"]
    assert "hub_poll has failed" in message
    assert "/dags/hub_poll/runs/a%2Bb" in message
    assert result["failure"] == "no route to the channel"
