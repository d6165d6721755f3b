"""The first DAG's steps: follow the Hub, find a day's candidates, examine each at its revision."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Commit, StepName, StepReport
from dynosaur_etl.flows.poll.caps import Candidate, asked_for, within_caps
from dynosaur_etl.flows.poll.catalogue import follow_until
from dynosaur_etl.flows.poll.commits import CommitReading
from dynosaur_etl.flows.poll.examine import examine_candidates
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import run_step
from dynosaur_etl.hub.candidates import HUB_FLOOR, DatasetChange, change_on, change_told
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.commits import (
    BranchHead,
    commits_of,
    datasets_with_commits_on,
    heads_touched,
)
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.steps import StepOutput

CANDIDATES_VERSION = "candidates-5"
_READ_TOGETHER = 100  # datasets whose commits are held at a time

__all__ = ["examine_candidates", "find_candidates", "sync_catalogue"]


def sync_catalogue(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Bring the catalogue up to the day's end; a day that it covers costs no request.

    Raises:
        InvalidInput: the day is not over yet.
        HubUnavailable: the listing could not be completed; the next run makes up for it.
    """
    day.ensure_over(datetime.now(UTC))
    return follow_until(services, day.end, progress).report(str(day))


def find_candidates(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Find what was created or changed on the day, each pinned to its commit.

    Datasets whose commits the Hub gave no usable answer about are deferred to the next run.

    Raises:
        InvalidInput: the day is not over yet.
        HubUnavailable: the Hub does not answer; commits read so far are kept.
    """
    day.ensure_over(datetime.now(UTC))

    with ExitStack() as until_committed:

        def work() -> StepOutput:
            told, untold = _looked_at(services, day)
            reading = CommitReading(services, untold)
            with ThreadPoolExecutor(1) as beside:  # while the Hub is waited for
                asked = beside.submit(asked_for, services, told)
                for done, _ in enumerate(reading.run(), start=1):
                    progress(done, len(untold))
            read = [head for head in untold if head.dataset_id not in reading.unread]
            dated = list(_in_commits(services, day, read))
            until_committed.enter_context(locked(services.engine, "deferred candidates"))
            all_asked = [*asked.result(), *asked_for(services, dated)]
            return within_caps(
                day, services, [*told, *dated], all_asked, unread=len(reading.unread)
            )

        rules = candidates_rules(services.settings)
        return run_step(services, str(day), StepName.CANDIDATES, rules, work)


def candidates_rules(settings: Settings) -> list[Any]:
    """Return everything that the candidates of a day depend on beside the Hub."""
    return [CANDIDATES_VERSION, settings.datasets_per_owner, settings.datasets_per_family]


def listed_candidates(day: GrowthDay, services: Services) -> tuple[int, int]:
    """Count what the catalogue knows of a day before it is polled; nothing is asked.

    Returns:
        The repositories that would be asked for their card, with those whose commits may still
        rule them out; and how many of the day's datasets would be asked for their commits.
    """
    told, untold = _looked_at(services, day)
    unread = [head for head in untold if head.is_stale]
    read = [head for head in untold if not head.is_stale]
    candidates = [*told, *_in_commits(services, day, read)]
    return len(asked_for(services, candidates)) + len(unread), len(unread)


def _looked_at(services: Services, day: GrowthDay) -> tuple[list[Candidate], list[BranchHead]]:
    """Return the candidates that the catalogue shows, and the datasets whose commits have to."""
    told, untold = [], []
    for head in heads_touched(services.engine, day, HUB_FLOOR):
        change = change_told(day, head.created_at, head.last_modified, head.sha)
        if change is None:
            untold.append(head)
        else:
            told.append(_candidate(day, head.dataset_id, *change))
    return told, untold


def _in_commits(
    services: Services, day: GrowthDay, heads: Sequence[BranchHead]
) -> Iterator[Candidate]:
    """Yield the candidates among datasets whose commits have been read."""
    dated = datasets_with_commits_on(services.engine, day)
    looked_at = [head for head in heads if head.dataset_id in dated or _is_listed_on(day, head)]
    for start in range(0, len(looked_at), _READ_TOGETHER):
        some = looked_at[start : start + _READ_TOGETHER]
        commits = commits_of(services.engine, [head.dataset_id for head in some])
        for head in some:
            yield from _in_commits_of(day, head, commits.get(head.dataset_id, []))


def _in_commits_of(
    day: GrowthDay, head: BranchHead, commits: Sequence[Commit]
) -> Iterator[Candidate]:
    change = change_on(day, head.created_at, commits) if commits else None
    if change is not None:
        yield _candidate(day, head.dataset_id, *change)
    elif not commits and _is_listed_on(day, head):
        yield _candidate(
            day, head.dataset_id, "created" if head.created_at in day else "changed", None
        )


def _is_listed_on(day: GrowthDay, head: BranchHead) -> bool:
    """Return whether the Hub's list dates a dataset's creation or its last change to the day.

    It is all that is known of a repository that has gone before its commits were read.
    """
    return head.created_at in day or head.last_modified in day


def _candidate(
    day: GrowthDay, dataset_id: str, change: DatasetChange, commit: Commit | None
) -> Candidate:
    if commit is None:
        return Candidate(str(day), dataset_id, None, None, change)
    return Candidate(str(day), dataset_id, commit.sha, commit.date, change)
