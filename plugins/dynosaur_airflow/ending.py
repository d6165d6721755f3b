"""The end of a DAG that may publish a version: a gate, a person, and then the targets."""

from collections.abc import Callable
from typing import Any

from airflow.sdk import task

from dynosaur_airflow.approve import Approve
from dynosaur_airflow.steps import Summary, run_about


def published(version: Any, is_open: Callable[[int], bool]) -> Any:
    """Add the Airflow tasks `gate`, `approve` and `publish_version`; give the first of them.

    Args:
        version: number of the version, from the Airflow task before.
        is_open: tells of a version whether this run may publish it; where it says no, the rest is
            skipped.
    """

    @task.short_circuit
    def gate(number: int) -> bool:
        return is_open(number)

    @task
    def publish_version(number: int) -> Summary:
        from dynosaur_etl.flows.snapshot import publish as flow

        return run_about(flow.publish_version, number)

    first = gate(version)
    first >> Approve(task_id="approve", version=version) >> publish_version(version)
    return first
