"""The frame around every step: one at a time, finished once, all or nothing, counts reconciled."""

import logging
from collections.abc import Callable
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import StepName, StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts.named_files import forget_parts, open_parts
from dynosaur_etl.store.steps import (
    FinishedStep,
    StepOutput,
    commit_step,
    drop_held_back,
    hold_back,
)

log = logging.getLogger(__name__)
_POLLED = frozenset({StepName.CANDIDATES, StepName.EXAMINE})


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

    What stands is never replaced by less because something is deferred (`StepOutput.lost`): it
    stays until a run has all of it, and the report tells so.

    Returns:
        The report of this run, or of the earlier run that did the same.

    Raises:
        Corrupt: the step is finished, and a file that it made is lost or damaged.
    """
    if services.replay is not None and (services.replay.day, services.replay.step) == (day, step):
        return _replayed(services, day, step, work)
    fingerprint = digest(step, rules)
    done = _standing(services, day, step, fingerprint)
    if done is not None:
        return done
    with locked(services.engine, "step", day, step):
        services.records.forget(day)
        done = _standing(services, day, step, fingerprint)
        if done is not None:
            return done
        report = _replace(services, day, step, fingerprint, work())
    counts = report.counts
    log.info(
        "%s of %s: took %d, kept %d, rejected %d, deferred %d",
        step, day, counts.taken, counts.kept, counts.rejected, counts.deferred,
    )  # fmt: skip
    return report


def _standing(services: Services, day: str, step: StepName, fingerprint: str) -> StepReport | None:
    """Give the report of the step where it is finished under these rules."""
    done = services.records.step(day, step)
    if done is None or not _stands(done, fingerprint):
        return None
    _require_files(services, day, step)
    if done.held_back is not None:
        drop_held_back(services.engine, day, step)
        services.records.forget(day)
    log.info("%s of %s is finished already", step, day)
    return done.report


def _replayed(
    services: Services, day: str, step: StepName, work: Callable[[], StepOutput]
) -> StepReport:
    """Do the work for its files alone; what it checkpoints goes again."""
    kept = open_parts(services.engine, day, step)
    try:
        work()
    finally:
        forget_parts(services.engine, day, step, kept)
    return require_step(services, day, step).report


def _require_files(services: Services, day: str, step: StepName) -> None:
    """Raise Corrupt where a file that a finished step has made is lost or damaged.

    Files of this machine alone are looked at; elsewhere that would take a request a file.
    """
    if services.storage.local_path("") is None:
        return
    for path in services.records.paths(day, step):
        services.storage.require_sound(path)


def _replace(
    services: Services, day: str, step: StepName, fingerprint: str, output: StepOutput
) -> StepReport:
    """Commit the output, unless what stands would lose something that is only deferred."""
    if not output.lost or services.records.step(day, step) is None:
        return commit_step(services.engine, day, step, fingerprint, output)
    report = hold_back(services.engine, day, step, fingerprint, output)
    log.warning(
        "%s of %s: %d are deferred, and %d that stand would be lost; what stands is kept until"
        " all is there",
        step, day, output.counts.deferred, output.lost,
    )  # fmt: skip
    return report


def is_finished(services: Services, day: str, step: StepName, rules: Any) -> bool:
    """Tell whether `run_step` would find the step finished under these rules.

    Raises:
        Corrupt: it would, but a file that the step made is lost or damaged.
    """
    done = services.records.step(day, step)
    if done is None or not _stands(done, digest(step, rules)):
        return False
    _require_files(services, day, step)
    return True


def _stands(done: FinishedStep, fingerprint: str) -> bool:
    return done.fingerprint == fingerprint and not done.report.unfinished


def require_step(services: Services, day: str, step: StepName) -> FinishedStep:
    """Give what an earlier step left behind.

    Raises:
        InvalidInput: the step has not been run for that day.
    """
    done = services.records.step(day, step)
    if done is None:
        command = "poll" if step in _POLLED else "grow"
        words = f"after `dynosaur {command} --day {day}` has run the step '{step}'"
        raise InvalidInput(not_allowed("day", day, words))
    return done
