"""The tasks of `training_set`: select or roll back, and publish what is the head."""

import logging
from functools import partial

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from dynosaur_airflow.run_settings import run_services, run_settings
from dynosaur_airflow.steps import Summary, run_about
from dynosaur_etl.domain.growth_day import GrowthDay

log = logging.getLogger(__name__)


def newest_day() -> str | None:
    """Return the newest day that can be selected from; without one the run has nothing to do.

    A rollback is about the day of the version that it goes back to.

    Raises:
        InvalidInput: there is no such version.
    """
    from dynosaur_etl.flows import training_set
    from dynosaur_etl.flows.runtime.version_records import version_record

    version = get_current_context()["params"]["rollback"]
    with run_services() as services:
        if version:
            return version_record(version, services).day
        day = training_set.newest_grown_day(services)
    if day is None:
        log.warning("no day has grown an instance yet; there is nothing to select from")
    return day


def select(day: str) -> Summary:
    """Select with the size and weight that a manual run has set; a rollback selects nothing."""
    from dynosaur_etl.flows import training_set

    params = get_current_context()["params"]
    if params["rollback"]:
        raise AirflowSkipException(f"v{params['rollback']:04d} is rolled back to as it is")
    return run_about(training_set.select, GrowthDay.parse(day), params["k"], params["alpha"])


def build(day: str) -> Summary:
    """Make the selection a version, or the version that a manual run names the head again."""
    from dynosaur_etl.flows import training_set
    from dynosaur_etl.flows.snapshot import heads

    params = get_current_context()["params"]
    if params["rollback"]:
        return run_about(heads.rollback, params["rollback"])
    trial = not params["head"] and heads.is_trial(run_settings(), params["k"])
    step = partial(training_set.build_snapshot, trial=trial)
    return run_about(step, GrowthDay.parse(day), params["k"], params["alpha"])


def publish(version: int) -> Summary:
    """Publish a version that is the head where the settings say.

    The Airflow task is skipped where nothing is published: without a target, for a trial, and where
    every target has the version already.
    """
    from dynosaur_etl.flows.snapshot import publish as flow

    with run_services() as services:
        why = flow.why_not_published(version, services)
    if why is None:
        summary = run_about(flow.publish_version, version)
        if summary["published"]:
            return summary
        why = f"v{version:04d} is at every target already"
    raise AirflowSkipException(why)
