"""Datasets of the Hub: the catalogue, what days kept of it, their cards and samples."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select, text

from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import (
    CandidateRow,
    CatalogueRow,
    ConfigRow,
    DatasetRow,
    RevisionRow,
    VerdictRow,
)

WATERMARK = "hub"
"""Names the row that tells how far the Hub is followed."""

SKEW = timedelta(hours=1)
"""By how much clocks of two machines may differ; a listing reaches back as far beyond the last."""

_COUNTED_EXACTLY = 100_000


@dataclass(frozen=True)
class KeptDataset:
    """A dataset that a day kept, at its revision."""

    dataset_id: str
    revision: str


def followed_until(engine: Engine) -> datetime | None:
    """Return the start of the last complete listing of the Hub; None before the first.

    It lies in the future where the clock was ahead when the Hub was listed.
    """
    with reading(engine) as session:
        row = session.get(CatalogueRow, WATERMARK)
        return None if row is None else row.seen_at


def newest_change(engine: Engine) -> datetime | None:
    """Return when the Hub modified last what its list has shown, by its own clock."""
    query = select(func.max(DatasetRow.last_modified)).where(DatasetRow.last_seen_at.is_not(None))
    with reading(engine) as session:
        return session.scalar(query)


def count_catalogue(engine: Engine) -> int:
    """Count the datasets of the catalogue."""
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(DatasetRow)) or 0


def estimate_catalogue(engine: Engine) -> int:
    """Count the catalogue; one of more than 100,000 is estimated as PostgreSQL's planner does."""
    query = text("select reltuples::bigint from pg_class where oid = 'datasets'::regclass")
    with reading(engine) as session:
        estimated = session.scalar(query)
    if estimated is not None and estimated > _COUNTED_EXACTLY:
        return int(estimated)
    return count_catalogue(engine)


def is_catalogued(engine: Engine, dataset_id: str) -> bool:
    """Tell whether the catalogue holds a dataset."""
    with reading(engine) as session:
        return session.get(DatasetRow, dataset_id) is not None


def kept_names(engine: Engine, day: str) -> list[str]:
    """Name the datasets that a day kept, in order."""
    query = (
        select(VerdictRow.dataset_id)
        .where(VerdictRow.day == day, VerdictRow.reason.is_(None))
        .order_by(VerdictRow.dataset_id)
    )
    with reading(engine) as session:
        return list(session.scalars(query))


def kept_datasets(engine: Engine, day: str) -> list[KeptDataset]:
    """List the datasets that a day kept, by name."""
    query = select(RevisionRow.dataset_id, RevisionRow.sha).where(RevisionRow.day == day)
    with reading(engine) as session:
        rows = session.execute(query.order_by(RevisionRow.dataset_id))
        return [KeptDataset(*row) for row in rows]


def pretty_name(engine: Engine, day: str, dataset_id: str) -> str:
    """Read what the card of a dataset called it on a day; empty where the day did not keep it."""
    query = select(RevisionRow.pretty_name).where(
        RevisionRow.day == day, RevisionRow.dataset_id == dataset_id
    )
    with reading(engine) as session:
        return session.scalar(query) or ""


def pinned_revisions(engine: Engine, days: Collection[str]) -> frozenset[tuple[str, str | None]]:
    """Read which dataset those days pinned to which revision; None where no commit was old enough.

    A day pins what it takes up, whether it keeps it or not.
    """
    query = select(CandidateRow.dataset_id, CandidateRow.revision).where(CandidateRow.day.in_(days))
    with reading(engine) as session:
        return frozenset((name, revision) for name, revision in session.execute(query))


def count_configs(engine: Engine) -> int:
    """Count the configs that all days have kept."""
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(ConfigRow)) or 0


def count_verdicts(engine: Engine) -> int:
    """Count the datasets that all days have examined, each day's for itself."""
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(VerdictRow)) or 0


def count_samples(engine: Engine, day: str) -> int:
    """Count the files of sampled rows of a day."""
    with reading(engine) as session:
        return session.scalar(select(func.count()).where(ConfigRow.day == day)) or 0


def sample_paths(engine: Engine) -> frozenset[str]:
    """Read the paths of all files of sampled rows."""
    with reading(engine) as session:
        return frozenset(session.scalars(select(ConfigRow.sample_path)))


@dataclass(frozen=True)
class DayVerdict:
    """What a day said of a dataset; `reason` is None where it was kept."""

    day: str
    revision: str | None
    reason: str | None
    detail: str


def verdicts_on(engine: Engine, dataset_id: str, most: int) -> list[DayVerdict]:
    """Read the verdicts of the days on a dataset, the newest first."""
    query = (
        select(VerdictRow.day, VerdictRow.revision, VerdictRow.reason, VerdictRow.detail)
        .where(VerdictRow.dataset_id == dataset_id)
        .order_by(VerdictRow.day.desc())
        .limit(most)
    )
    with reading(engine) as session:
        return [DayVerdict(*row) for row in session.execute(query)]
