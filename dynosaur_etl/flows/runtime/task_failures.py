"""Failures of Airflow tasks: written down when they happen, told by alerts and pages."""

from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.task_failures import TaskFailure, failures_of_runs
from dynosaur_etl.store.failures import record_failure

_MOST_LETTERS = 2_000

__all__ = ["TaskFailure", "last_line", "remember", "why_run_failed"]


def remember(services: Services, failure: TaskFailure) -> None:
    """Write down a failure.

    Raises:
        StoreUnavailable: the database does not answer or has no room.
    """
    record_failure(services.engine, failure)


def last_line(text: str) -> str:
    """Return the last line of an error's words that says anything, cut to 2,000 characters."""
    lines = [line.strip() for line in str(clean_json(text)).splitlines() if line.strip()]
    return (lines[-1] if lines else "without a word")[:_MOST_LETTERS]


def why_run_failed(services: Services, dag_id: str, run_id: str) -> str:
    """Return the failed tasks of a run with their errors; empty where none was written down.

    A mapped task whose parts failed of the same error is told once.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    found = failures_of_runs(services.engine, [(dag_id, run_id)])
    final = [failure.words for failure in found if not failure.retried]
    return "; ".join(dict.fromkeys(final))
