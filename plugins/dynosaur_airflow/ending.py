"""The end of a DAG that may publish a version: a gate, a person, and then the targets."""

from collections.abc import Callable
from typing import Any

from airflow.sdk import TriggerRule, task

from dynosaur_airflow import versions
from dynosaur_airflow.approve import Approve


def published(version: Any, is_open: Callable[[int], bool]) -> Any:
    """Add the Airflow tasks `gate`, `approve` and `publish_version`; return the first of them.

    Args:
        version: number of the version, from the Airflow task before.
        is_open: returns whether this run may publish a version; where it may not, the rest is
            skipped.
    """

    @task.short_circuit
    def gate(number: int) -> bool:
        return is_open(number)

    @task(trigger_rule=TriggerRule.NONE_FAILED)
    def publish_version(number: int) -> dict[str, Any]:
        return versions.publish(number)

    first = gate(version)
    first >> Approve(task_id="approve", version=version) >> publish_version(version)
    return first
