"""The tasks of `train_and_evaluate`, and the gate that `training_set` asks before it publishes."""

from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from dynosaur_airflow.run_settings import run_services


def version_to_try() -> int:
    """Return the version of a manual run, else the head; without one the run is skipped."""
    from dynosaur_etl.flows.train import trial

    chosen = get_current_context()["params"]["version"]
    if chosen:
        return int(chosen)
    with run_services() as services:
        head = trial.head_number(services)
    if head is None:
        raise AirflowSkipException("no version is the head yet")
    return head


def plan_trial(version: int) -> list[dict[str, Any]]:
    """Return the models of a trial, each with the label that operators see.

    Without a model to train (`DYNOSAUR_TRAINING_MODEL`) the run is skipped.
    """
    from dynosaur_etl.flows.train import trial

    with run_services() as services:
        arms = trial.plan_arms(version, services)
    if not arms:
        raise AirflowSkipException("DYNOSAUR_TRAINING_MODEL names no model to try versions on")
    return [{"kind": arm.kind, "seed": arm.seed, "label": arm.label} for arm in arms]


def may_publish(version: int) -> bool:
    """Return whether a version may be published now; one that waits for its trial may not."""
    from dynosaur_etl.flows.snapshot import publish

    with run_services() as services:
        return publish.may_publish(version, services)


def publish_through_gate(version: int) -> bool:
    """Return whether publishing is this run's: where there is a gate, and it lets the version pass.

    Raises:
        InvalidInput: the gate refuses the version; the message says why.
    """
    from dynosaur_etl.flows.train import trial

    with run_services() as services:
        return trial.passes_gate(version, services)
