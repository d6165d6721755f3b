"""The newest verdict on each source of the pool, which decides about all of its revisions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Engine,
    Subquery,
    Text,
    and_,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on

from dynosaur_etl.domain.licences import canonical_licence
from dynosaur_etl.domain.reasons import EarlierRows, Reason, earlier_rows
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import DatasetRow, RevisionRow, TaskRow, VerdictRow


@dataclass(frozen=True)
class NewestVerdict:
    """The newest verdict on a source, or on what it has been renamed to.

    Attributes:
        dataset_id: the source, as the pool has it.
        judged_id: the id under which it was judged.
        reason: None: kept.
        earlier: what becomes of rows of earlier revisions.
        licences: that hold now, in one spelling; empty where the verdict does not tell.
    """

    dataset_id: str
    judged_id: str
    day: str
    reason: Reason | None
    detail: str
    earlier: EarlierRows
    licences: tuple[str, ...]


def newest_verdicts(engine: Engine, days: Sequence[str], up_to: str) -> list[NewestVerdict]:
    """Return the newest verdict, by dataset, on each that those days have tasks of.

    A verdict that leaves things as they were, such as `unchanged`, is passed over.

    Args:
        engine: of the product's database.
        days: of the pool.
        up_to: the last day whose verdicts count, grown or not.
    """
    sources = select(TaskRow.dataset_id).where(TaskRow.day.in_(days)).distinct().subquery()
    return _newest(engine, sources, VerdictRow.day <= up_to)


def newest_verdicts_on(
    engine: Engine, dataset_ids: Collection[str], before: str
) -> list[NewestVerdict]:
    """Return the newest verdict of the days before one on each of these, as `newest_verdicts`."""
    named = func.unnest(literal(sorted(dataset_ids), ARRAY(Text))).column_valued("dataset_id")
    return _newest(engine, select(named).subquery(), VerdictRow.day < before)


def _newest(engine: Engine, sources: Subquery, in_time: ColumnElement[bool]) -> list[NewestVerdict]:
    judged = or_(
        VerdictRow.dataset_id == sources.c.dataset_id,
        VerdictRow.dataset_id == DatasetRow.renamed_to,
    )
    query = (
        select(sources.c.dataset_id, VerdictRow, RevisionRow.licences)
        .select_from(sources)
        .outerjoin(DatasetRow, DatasetRow.id == sources.c.dataset_id)
        .join(VerdictRow, and_(judged, in_time))
        .outerjoin(
            RevisionRow,
            and_(
                RevisionRow.day == VerdictRow.day, RevisionRow.dataset_id == VerdictRow.dataset_id
            ),
        )
        .where(
            VerdictRow.reason.is_distinct_from(str(Reason.UNCHANGED)),
            func.coalesce(VerdictRow.earlier, "") != str(EarlierRows.AS_BEFORE),
        )
        .ext(distinct_on(sources.c.dataset_id))
        .order_by(
            sources.c.dataset_id,
            VerdictRow.day.desc(),
            (VerdictRow.dataset_id == sources.c.dataset_id).asc(),  # a new name goes first
        )
    )
    with reading(engine) as session:
        return [_verdict(*row) for row in session.execute(query)]


def _verdict(dataset_id: str, row: VerdictRow, of_revision: Sequence[str] | None) -> NewestVerdict:
    reason = None if row.reason is None else Reason(row.reason)
    earlier = EarlierRows(row.earlier) if row.earlier else earlier_rows(reason)
    licences = row.licences if row.licences is not None else of_revision or ()
    return NewestVerdict(
        dataset_id=dataset_id,
        judged_id=row.dataset_id,
        day=row.day,
        reason=reason,
        detail=row.detail,
        earlier=earlier,
        licences=tuple(dict.fromkeys(map(canonical_licence, licences))),
    )


def task_licences(engine: Engine, days: Sequence[str]) -> dict[str, set[str]]:
    """Return the licences that the tasks of those days were written down with, by dataset."""
    query = select(TaskRow.dataset_id, TaskRow.licence).where(TaskRow.day.in_(days)).distinct()
    found: dict[str, set[str]] = {}
    with reading(engine) as session:
        for dataset_id, licence in session.execute(query):
            found.setdefault(dataset_id, set()).add(licence)
    return found
