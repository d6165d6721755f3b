"""The frame around every step: one at a time, finished once, all or nothing, counts reconciled."""

import logging
from collections.abc import Callable
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import StepName, StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.steps import FinishedStep, StepOutput, commit_step, finished_step

log = logging.getLogger(__name__)


def run_step(
    services: Services,
    day: str,
    step: StepName,
    rules: Any,
    work: Callable[[], StepOutput],
) -> StepReport:
    """Run a step of a day, unless it has been finished under the same rules and inputs.

    Args:
        services: the process's services.
        day: the partition key.
        step: the step's name.
        rules: whatever the output depends on, JSON-able: versions, settings, digests of inputs.
        work: makes the output; it writes files only under names made from their content.

    Returns:
        The report of this run, or of the earlier run that did the same.
    """
    fingerprint = digest(step, rules)
    with locked(services.engine, "step", day, step):
        done = finished_step(services.engine, day, step)
        if done is not None and _stands(done, fingerprint):
            log.info("%s of %s is finished already", step, day)
            return done.report
        report = commit_step(services.engine, day, step, fingerprint, work())
    counts = report.counts
    log.info(
        "%s of %s: took %d, kept %d, rejected %d, deferred %d",
        step, day, counts.taken, counts.kept, counts.rejected, counts.deferred,
    )  # fmt: skip
    return report


def is_finished(services: Services, day: str, step: StepName, rules: Any) -> bool:
    """Tell whether `run_step` would find the step finished under these rules."""
    done = finished_step(services.engine, day, step)
    return done is not None and _stands(done, digest(step, rules))


def _stands(done: FinishedStep, fingerprint: str) -> bool:
    return done.fingerprint == fingerprint and not done.report.unfinished


def require_step(services: Services, day: str, step: StepName) -> FinishedStep:
    """Give what an earlier step left behind.

    Raises:
        InvalidInput: the step has not been run for that day.
    """
    done = finished_step(services.engine, day, step)
    if done is None:
        allowed = f"only after '{step}' has run"
        raise InvalidInput(not_allowed(f"steps of {day}", str(step), allowed))
    return done
