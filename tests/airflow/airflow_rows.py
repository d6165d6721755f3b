"""Prints what the pages make of runs that stand in an Airflow database of its own.

`python -m tests.airflow.airflow_rows` makes the database, puts runs into it, and prints one JSON
object: the state as it is read before there are tables and after, and the texts of some pages.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins"))

from airflow.models.dagrun import DagRun
from airflow.sdk.log import mask_secret
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from dynosaur_airflow.failures import remember_failure, remember_retry
from dynosaur_airflow.notifier import failure_message
from dynosaur_airflow.ui.airflow_state import airflow_state
from dynosaur_airflow.ui.app import LOGGED_IN, create_app
from dynosaur_airflow.ui.pages.runs import MAY_READ_RUNS
from sqlalchemy import text
from starlette.testclient import TestClient

from dynosaur_etl.domain.errors import LlmRefused
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.runtime.task_failures import TaskFailure, remember

BEGAN = datetime(2026, 10, 6, 1, tzinfo=UTC)
RUNS: tuple[dict[str, Any], ...] = (
    {"dag_id": "hub_poll", "run_id": "a", "state": "success", "partition_key": "2026-10-05"},
    {"dag_id": "task_growth", "run_id": "b:+c", "state": "failed", "conf": {"day": "2026-10-05"}},
    {"dag_id": "task_growth", "run_id": "d", "state": "running", "partition_key": "2026-10-05"},
    {"dag_id": "training_set", "run_id": "e", "state": "queued", "partition_key": "all"},
    {"dag_id": "other", "run_id": "f", "state": "running"},
)
TASK = """
insert into task_instance (id, dag_id, run_id, task_id, map_index, state, start_date, pool,
  pool_slots, try_number, max_tries)
values (:id, :dag, :run, :task, :part, :state, :at, 'p', 1, 1, 3)"""
TASKS = (
    ("d", "propose", 0, "running"), ("d", "propose", 1, "running"), ("d", "plan", -1, "success"),
    ("d", "fill", -1, "up_for_retry"), ("b:+c", "validate", -1, "failed"),
)  # fmt: skip


def main() -> None:
    with create_session() as session:
        before = airflow_state(session)
    with create_session() as session:
        initdb(session=session)
    with create_session() as session:
        for run in RUNS:
            session.add(_run(run))
        session.flush()
        for number, (run, task, part, state) in enumerate(TASKS):
            session.execute(
                text(TASK),
                {"id": f"{number:032d}", "dag": "task_growth", "run": run, "task": task,
                 "part": part, "state": state, "at": str(BEGAN.replace(tzinfo=None))},
            )  # fmt: skip
    with open_services() as services:
        remember(
            services,
            TaskFailure(
                "task_growth", "b:+c", "validate", -1, 1, "2026-10-05", "InvalidSetting",
                "<b>DYNOSAUR_X</b>: no", retried=False,
            ),
        )  # fmt: skip
    with create_session() as session:
        after = airflow_state(session)
    client = _client()
    pages = {
        path: client.get(path).text
        for path in ("/", "/run/task_growth/b%3A%2Bc", "/run/training_set/e", "/run/other/f")
    }
    pages["alert"] = _alert()
    pages["gone"] = str(client.get("/run/task_growth/none").status_code)
    print(json.dumps({"before": to_json(before), "after": to_json(after), "pages": pages}))  # noqa: T201


def _alert() -> str:
    """Let a task fail three times as Airflow would tell it, and word the failure of its run."""
    run = SimpleNamespace(partition_key="2026-10-05", conf={}, run_after=BEGAN, start_date=BEGAN)
    mask_secret("hidden-word")
    for part, remembered in enumerate((remember_retry, remember_failure, remember_failure)):
        ti = SimpleNamespace(
            dag_id="task_growth", run_id="g", task_id="propose", map_index=part, try_number=2
        )
        error = None if part == 2 else LlmRefused("Traceback\nthe key hidden-word is refused")
        remembered({"ti": ti, "dag_run": run, "exception": error})
    dag = SimpleNamespace(dag_id="task_growth")
    return failure_message({"dag": dag, "run_id": "g", "dag_run": run, "reason": "task_failure"})


def _run(values: dict[str, Any]) -> DagRun:
    ended = BEGAN if values["state"] in ("success", "failed") else None
    run = DagRun(
        dag_id=values["dag_id"], run_id=values["run_id"], run_type="manual", run_after=BEGAN,
        start_date=None if values["state"] == "queued" else BEGAN, queued_at=BEGAN,
        state=values["state"], conf=values.get("conf"),
    )  # fmt: skip
    run.partition_key = values.get("partition_key")
    run.end_date = ended
    return run


def _client() -> TestClient:
    app = create_app()
    app.dependency_overrides[LOGGED_IN] = lambda: None
    app.dependency_overrides[MAY_READ_RUNS] = lambda: None
    return TestClient(app)


if __name__ == "__main__":
    main()
