"""What the Airflow of this machine says of the growth DAGs, asked by its REST API."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dynosaur_etl.domain.errors import DynosaurError, InvalidInput
from dynosaur_etl.domain.run_day import day_of_run

if TYPE_CHECKING:
    from dynosaur_etl.flows.views.airflow_runs import AirflowRun, AirflowState, AirflowTask
    from dynosaur_etl.local.airflow_api import AirflowApi

_RUNS_READ, _OPEN_LOOKED_INTO = 30, 10
_SAYS_NOTHING = frozenset({"success", "skipped", "scheduled", "None", "upstream_failed", "removed"})


def local_airflow(home: Path) -> "AirflowState | None":
    """Return the newest runs; None where no Airflow was started under the home, or none answers."""
    from dynosaur_etl.flows.views.airflow_runs import GROWTH_DAGS, AirflowState
    from dynosaur_etl.local.airflow_api import AirflowApi
    from dynosaur_etl.local.system import system_address

    address = system_address(home)
    if address is None:
        return None
    try:
        with closing(AirflowApi(address.url, address.user, address.password)) as api:
            found = [run for dag in GROWTH_DAGS for run in _runs(api, dag)]
            paused = [dag for dag in GROWTH_DAGS if api.get(f"/dags/{dag}")["is_paused"]]
    except DynosaurError:
        return None
    found.sort(key=lambda run: run["run_after"], reverse=True)
    return AirflowState([_run(run) for run in found], paused)


def _runs(api: "AirflowApi", dag: str) -> list[dict[str, Any]]:
    path = f"/dags/{dag}/dagRuns"
    runs: list[dict[str, Any]] = api.get(path, order_by="-id", limit=_RUNS_READ)["dag_runs"]
    for run in [run for run in runs if run["state"] == "running"][:_OPEN_LOOKED_INTO]:
        tasks = f"{path}/{quote(run['dag_run_id'], safe='')}/taskInstances"
        run["tasks"] = api.get(tasks, limit=100)["task_instances"]
    return runs


def _run(run: dict[str, Any]) -> "AirflowRun":
    from dynosaur_etl.flows.views.airflow_runs import AirflowRun

    return AirflowRun(
        dag=run["dag_id"],
        run_id=run["dag_run_id"],
        day=_day(run),
        state=run["state"],
        since=_moment(run["start_date"] or run["queued_at"]),
        ended=_moment(run["end_date"]),
        tasks=_tasks(run.get("tasks", ())),
    )


def _day(run: dict[str, Any]) -> str | None:
    asked = datetime.fromisoformat(run["run_after"])
    try:
        return str(day_of_run(run["dag_id"], run["partition_key"], run["conf"] or {}, asked))
    except InvalidInput:
        return None


def _tasks(instances: Sequence[dict[str, Any]]) -> list["AirflowTask"]:
    from dynosaur_etl.flows.views.airflow_runs import AirflowTask

    parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in instances:
        if str(one["state"]) not in _SAYS_NOTHING:
            parts.setdefault((one["task_id"], one["state"]), []).append(one)
    return [
        AirflowTask(name, state, len(ones), _moment(min(filter(None, _begun(ones)), default=None)))
        for (name, state), ones in parts.items()
    ]


def _begun(instances: Sequence[dict[str, Any]]) -> list[str | None]:
    return [one["start_date"] for one in instances]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
