"""What a version records of its pool beside the instances: tasks, cards of sources, rejects."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, and_, func, or_, select

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.licences import join_licences
from dynosaur_etl.domain.models import NO_MODEL, Mode
from dynosaur_etl.domain.reasons import Stage
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import LlmRequestRow, RejectionRow, RevisionRow, TaskRow

_TASK = (
    TaskRow.key.label("task_key"), TaskRow.day.label("growth_day"),
    TaskRow.dataset_id.label("dataset"), TaskRow.revision, TaskRow.config, TaskRow.instruction,
    TaskRow.input_fields, TaskRow.output_field, TaskRow.label_space, TaskRow.mode,
    TaskRow.prompt_version, TaskRow.licence,
)  # fmt: skip
_AUTHOR = (
    func.coalesce(LlmRequestRow.response["model"].astext, LlmRequestRow.model).label("model"),
    LlmRequestRow.server,
    func.coalesce(LlmRequestRow.answered_at, LlmRequestRow.sent_at).label("answered_at"),
)
UNKNOWN = "unknown"
_REJECT = (
    RejectionRow.day.label("growth_day"), RejectionRow.stage, RejectionRow.subject,
    RejectionRow.reason, RejectionRow.number, RejectionRow.detail,
)  # fmt: skip


@dataclass(frozen=True)
class SourceCard:
    """What a version tells of the card of a source; several licences or languages in one text."""

    licence: str
    languages: str
    pretty_name: str


def pool_tasks(
    engine: Engine,
    keys: Collection[str],
    days: Collection[str],
    licences: Mapping[str, str],
    name_provider: Callable[[str], str],
) -> pa.Table:
    """Read the tasks of those keys, each as it stands on the first day that has it.

    Args:
        engine: of the product's database.
        keys: of the tasks.
        days: of the pool.
        licences: by dataset, where another one holds now than was written down.
        name_provider: names the provider of a server, by its base URL.

    Returns:
        Columns `schemas.TASKS`, by day and key.
    """
    query = (
        select(*_TASK, *_AUTHOR)
        .outerjoin(LlmRequestRow, LlmRequestRow.key == TaskRow.request_key)
        .where(TaskRow.day.in_(days))
        .order_by(TaskRow.day, TaskRow.key)
    )
    rows: dict[str, dict[str, Any]] = {}
    with reading(engine) as session:
        for row in session.execute(query).mappings():
            if row["task_key"] in keys:
                licence = licences.get(row["dataset"], row["licence"])
                task = {**row, "licence": licence}
                rows.setdefault(row["task_key"], task | _author(task, name_provider))
    return pa.Table.from_pylist(list(rows.values()), schema=schemas.TASKS)


def _author(row: dict[str, Any], name_provider: Callable[[str], str]) -> dict[str, str]:
    """Return who wrote a task, and on which day (UTC)."""
    if row["mode"] == Mode.NATIVE:
        return {"model": NO_MODEL, "provider": NO_MODEL, "written_on": row["growth_day"]}
    at: datetime | None = row["answered_at"]
    return {
        "model": row["model"] or UNKNOWN,
        "provider": UNKNOWN if row["server"] is None else name_provider(row["server"]),
        "written_on": UNKNOWN if at is None else at.astimezone(UTC).date().isoformat(),
    }


def source_cards(engine: Engine, days: Collection[str]) -> dict[tuple[str, str], SourceCard]:
    """Read the cards of what those days kept, by dataset and revision."""
    query = select(RevisionRow).where(RevisionRow.day.in_(days))
    with reading(engine) as session:
        return {
            (row.dataset_id, row.sha): SourceCard(
                join_licences(row.licences), ", ".join(row.languages), row.pretty_name
            )
            for row in session.scalars(query)
        }


def licence_conflicts(engine: Engine, days: Collection[str]) -> dict[str, str]:
    """Read, by dataset, where the text of its newest card outdoes its YAML, in words."""
    query = (
        select(RevisionRow.dataset_id, RevisionRow.licence_conflict)
        .where(RevisionRow.day.in_(days))
        .order_by(RevisionRow.dataset_id, RevisionRow.day)
    )
    with reading(engine) as session:
        newest = dict(session.execute(query).all())
    return {name: words for name, words in newest.items() if words}


def pool_rejects(engine: Engine, days: Collection[str], selected_on: str) -> pa.Table:
    """Read everything that those days rejected, and what the selection of one day did.

    Returns:
        Columns `schemas.REJECTS`, by day, stage, subject and reason.
    """
    grown = and_(RejectionRow.day.in_(days), RejectionRow.stage != Stage.SELECT)
    selected = and_(RejectionRow.day == selected_on, RejectionRow.stage == Stage.SELECT)
    query = (
        select(*_REJECT)
        .where(or_(grown, selected))
        .order_by(RejectionRow.day, RejectionRow.stage, RejectionRow.subject, RejectionRow.reason)
    )
    with reading(engine) as session:
        rows = [dict(row) for row in session.execute(query).mappings()]
    return pa.Table.from_pylist(rows, schema=schemas.REJECTS)
