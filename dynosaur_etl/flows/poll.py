"""The first DAG's steps: follow the Hub, find a day's candidates, examine each at its revision."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Counts, StepReport
from dynosaur_etl.flows.catalogue import (
    follow_hub,
    followed_until,
    read_commits,
    stored_commits,
)
from dynosaur_etl.flows.examine import examine_candidates
from dynosaur_etl.flows.services import Progress, Services, silent
from dynosaur_etl.flows.step import run_step
from dynosaur_etl.hub.candidates import HUB_FLOOR, change_on
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.steps import StepOutput
from dynosaur_etl.store.tables import CandidateRow, DatasetRow

CANDIDATES_VERSION = "candidates-1"

__all__ = ["examine_candidates", "find_candidates", "sync_catalogue"]


def sync_catalogue(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Bring the catalogue up to the day's end; a day that it covers costs no request.

    Raises:
        InvalidInput: the day is not over yet.
        HubUnavailable: the listing could not be completed; the next run makes up for it.
    """
    day.ensure_over(datetime.now(UTC))
    with locked(services.engine, "catalogue"):
        until = followed_until(services)
        covered = until is not None and until >= day.end
        seen = 0 if covered else follow_hub(services, progress)
    return StepReport("sync", str(day), Counts(taken=seen, kept=seen, rejected=0))


def find_candidates(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Find what was created or changed on the day, each pinned to its commit.

    Raises:
        InvalidInput: the day is not over yet.
        HubUnavailable: the Hub does not answer; commits read so far are kept.
    """
    day.ensure_over(datetime.now(UTC))

    def work() -> StepOutput:
        with Session(services.engine, expire_on_commit=False) as session:
            query = select(DatasetRow).where(_touched(day)).order_by(DatasetRow.id)
            rows = list(session.scalars(query))
        for done, _ in enumerate(read_commits(services, rows), start=1):
            progress(done, len(rows))
        with Session(services.engine) as session:
            found = [_candidate(session, day, row) for row in rows]
        candidates = [candidate for candidate in found if candidate is not None]
        return StepOutput(
            counts=Counts(taken=len(candidates), kept=len(candidates), rejected=0),
            tables={CandidateRow: candidates},
            facts={"datasets_looked_at": len(rows)},
        )

    return run_step(services, str(day), "candidates", CANDIDATES_VERSION, work)


def _touched(day: GrowthDay) -> ColumnElement[bool]:
    """Tell what may have changed on the day: there by its end, modified since its start."""
    return and_(
        DatasetRow.last_modified >= day.start,
        or_(DatasetRow.created_at < day.end, DatasetRow.created_at <= HUB_FLOOR),
    )


def _candidate(session: Session, day: GrowthDay, row: DatasetRow) -> dict[str, Any] | None:
    commits = stored_commits(session, row.id)
    if not commits:
        return _unpinned(day, row) if row.created_at in day else None
    change = change_on(day, row.created_at, commits)
    if change is None:
        return None
    kind, commit = change
    return {
        "day": str(day),
        "dataset_id": row.id,
        "revision": commit.sha,
        "committed_at": commit.date,
        "change": kind,
    }


def _unpinned(day: GrowthDay, row: DatasetRow) -> dict[str, Any]:
    return {
        "day": str(day),
        "dataset_id": row.id,
        "revision": None,
        "committed_at": None,
        "change": "created",
    }
