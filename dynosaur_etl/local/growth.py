"""Backfilling growth days through Airflow, and following what comes of it."""

import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from dynosaur_etl.domain.errors import InvalidInput, Terminal
from dynosaur_etl.local.airflow_api import AirflowApi

DAGS = ("hub_poll", "task_growth", "training_set")
WHOLE_SET = "all"
FOUND_WITHIN = 90.0
FINISHED_WITHIN = 1800.0
_RUNS_READ = 100

Run = dict[str, Any]


class GrowthFailed(Terminal):
    """A DAG run has failed; the end of the failed task's log is in the message."""


def backfill(api: AirflowApi, days: Sequence[str]) -> None:
    """Ask for the runs of the days that are missing or failed; what is done stays as it is.

    Raises:
        GrowthFailed: the DAGs cannot be imported.
        SystemDown: Airflow does not answer.
    """
    await_dags(api)
    for dag in DAGS[1:]:
        _clear_failed(api, dag)
    polled = _newest_runs(api, "hub_poll")
    if all(polled.get(day, {}).get("state") == "success" for day in days):
        return
    set_paused(api, "hub_poll", paused=False)
    if active_backfill(api) is None:  # one that is running already is followed
        create_backfill(api, days)


def create_backfill(api: AirflowApi, days: Sequence[str], at_once: int = 1) -> dict[str, Any]:
    """Create the backfill of the days from the first to the last, and give what Airflow made.

    As many days as `at_once` says run beside one another; with one, each follows the one before.

    Runs that are missing or failed are made; `dag_is_paused` tells whether they wait for a switch.

    Raises:
        InvalidInput: a backfill is active already, or Airflow refuses.
        SystemDown: Airflow does not answer.
    """
    if (active := active_backfill(api)) is not None:
        first, last = active["from_date"][:10], active["to_date"][:10]
        raise InvalidInput(
            f"backfill {active['id']} of hub_poll, {first} to {last}, is still active;"
            " wait for its end, or cancel it in Airflow"
        )
    body = {
        "dag_id": "hub_poll",
        "from_date": f"{min(days)}T00:00:00Z",
        "to_date": f"{max(days)}T00:00:00Z",
        "reprocess_behavior": "failed",
        "max_active_runs": at_once,
    }
    made: dict[str, Any] = api.call("POST", "/backfills", json=body).json()
    return made | {"dag_is_paused": api.get("/dags/hub_poll")["is_paused"]}


def active_backfill(api: AirflowApi) -> dict[str, Any] | None:
    """Give the backfill of `hub_poll` that has not ended; there is one at most."""
    found = api.get("/backfills", dag_id="hub_poll")["backfills"]
    return next((item for item in found if item["completed_at"] is None), None)


def set_paused(api: AirflowApi, dag: str, *, paused: bool) -> None:
    """Let the scheduler start runs of the DAG, or not."""
    api.call("PATCH", f"/dags/{dag}", json={"is_paused": paused})


def followed(api: AirflowApi, days: Sequence[str]) -> Iterator[dict[str, int]]:
    """Follow the days to the end: yields how many of them each DAG has done.

    Raises:
        GrowthFailed: a run has failed, or the end is not reached in half an hour.
    """
    end = time.monotonic() + FINISHED_WITHIN
    while True:
        done = _done(api, days)
        yield done
        if all(number == len(days) for number in done.values()):
            return
        if time.monotonic() > end:
            raise GrowthFailed(f"not finished in {FINISHED_WITHIN:.0f} s; days done: {done}")
        time.sleep(1)


def await_dags(api: AirflowApi) -> None:
    """Wait until Airflow has read the DAG files.

    Raises:
        GrowthFailed: a file cannot be imported, or is not found in time.
    """
    end = time.monotonic() + FOUND_WITHIN
    while missing := [dag for dag in DAGS if api.find(f"/dags/{dag}") is None]:
        errors = api.get("/importErrors")["import_errors"]
        if errors:
            raise GrowthFailed("\n".join(error["stack_trace"] for error in errors))
        if time.monotonic() > end:
            raise GrowthFailed(f"Airflow has not found the DAGs {', '.join(missing)}")
        time.sleep(0.5)


def _done(api: AirflowApi, days: Sequence[str]) -> dict[str, int]:
    runs = {dag: _newest_runs(api, dag) for dag in DAGS}
    for by_key in runs.values():
        for key, run in by_key.items():
            if run["state"] == "failed" and key in (*days, WHOLE_SET):
                raise GrowthFailed(_failure(api, run))
    polled, grown = (
        [by_key[day] for day in days if by_key.get(day, {}).get("state") == "success"]
        for by_key in (runs["hub_poll"], runs["task_growth"])
    )
    announced = _announced(api) if grown else {}
    taken_up = _taken_up(api) if announced else set()
    selected = [day for day in days if announced.get(day) in taken_up]
    return dict(zip(DAGS, (len(polled), len(grown), len(selected)), strict=True))


def _runs(api: AirflowApi, dag: str) -> list[Run]:
    found: list[Run] = api.get(f"/dags/{dag}/dagRuns", order_by="-id", limit=_RUNS_READ)["dag_runs"]
    return found[::-1]


def _newest_runs(api: AirflowApi, dag: str) -> dict[str, Run]:
    """Give the newest run of each partition key."""
    return {run["partition_key"]: run for run in _runs(api, dag) if run["partition_key"]}


def _announced(api: AirflowApi) -> dict[str, str]:
    """Return the newest growth run of each day that announced its tasks; skipped ones do not."""
    query = {"source_dag_id": DAGS[1], "order_by": "-timestamp", "limit": _RUNS_READ}
    events = api.get("/assets/events", **query)["asset_events"]
    return {event["partition_key"]: event["source_run_id"] for event in events[::-1]}


def _taken_up(api: AirflowApi) -> set[str]:
    """Give the growth runs whose tasks a finished run of the training set has selected from."""
    return {
        event["source_run_id"]
        for run in _runs(api, "training_set")
        if run["state"] == "success"
        for event in api.get(f"{_path(run)}/upstreamAssetEvents")["asset_events"]
    }


def _clear_failed(api: AirflowApi, dag: str) -> None:
    for run in _newest_runs(api, dag).values():
        if run["state"] == "failed":
            api.call("POST", f"{_path(run)}/clear", json={"dry_run": False, "only_failed": True})


def _failure(api: AirflowApi, run: Run) -> str:
    path = f"{_path(run)}/taskInstances"
    tasks = api.get(path, state="failed")["task_instances"]
    told = f"{run['dag_id']} has failed for {run['partition_key']}"
    return "\n".join([told, *(_task_log(api, path, task) for task in tasks[:3])])


def _path(run: Run) -> str:
    return f"/dags/{run['dag_id']}/dagRuns/{quote(run['dag_run_id'], safe='')}"


def _task_log(api: AirflowApi, path: str, task: Run) -> str:
    query = {"map_index": task["map_index"], "full_content": True}
    answer = api.get(f"{path}/{task['task_id']}/logs/{task['try_number']}", **query)
    lines = [_line(entry) for entry in answer["content"]]
    return "\n".join([f"the end of the log of {task['task_id']}:", *lines[-15:]])


def _line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    details = [f"{e['exc_type']}: {e['exc_value']}" for e in entry.get("error_detail") or []]
    return "  ".join([str(entry.get("event", "")), *details])
