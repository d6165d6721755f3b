"""What the store holds, for people: the state of all, and the report of one day."""

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.domain.money import write_dollars
from dynosaur_etl.domain.reasons import REASON_WORDS, Reason
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool import funnel
from dynosaur_etl.flows.snapshot.versions import list_versions
from dynosaur_etl.llm.providers import provider_of
from dynosaur_etl.store.ledger_audit import audit
from dynosaur_etl.store.tables import (
    DatasetRow,
    GrowthRunRow,
    LlmRequestRow,
    RejectionRow,
    TaskRow,
    VerdictRow,
)

_REJECTS_SHOWN = 500


def overview(services: Services) -> dict[str, Any]:
    """Give the state of everything, with a line for each growth day; all of it JSON-able."""
    with Session(services.engine) as session:
        days = list(session.scalars(select(GrowthRunRow.day).distinct().order_by(GrowthRunRow.day)))
        catalogue = session.scalar(select(func.count()).select_from(DatasetRow))
        rejects = _rejects(session)
        llm = _llm(session)
        lines = [_day(session, services, day) for day in days]
    return {
        "catalogue": catalogue,
        **funnel(services, days),
        "rejects": rejects,
        **llm,
        "days": lines,
        "snapshots": list_versions(services),
    }


def day_report(day: str, services: Services) -> dict[str, Any]:
    """Give one growth day: its steps, its cost, its rejects with their words and details."""
    with Session(services.engine) as session:
        steps = session.scalars(
            select(GrowthRunRow).where(GrowthRunRow.day == day).order_by(GrowthRunRow.finished_at)
        )
        rejections = session.scalars(
            select(RejectionRow)
            .where(RejectionRow.day == day)
            .order_by(RejectionRow.stage, RejectionRow.subject, RejectionRow.reason)
            .limit(_REJECTS_SHOWN)
        )
        kept = session.scalars(
            select(VerdictRow.dataset_id)
            .where(VerdictRow.day == day, VerdictRow.reason.is_(None))
            .order_by(VerdictRow.dataset_id)
        )
        return {
            "day": day,
            **funnel(services, [day]),
            "steps": [_step(row) for row in steps],
            "rejects": _rejects(session, day),
            **_llm(session, day),
            "models": _models(session, day),
            "datasets": list(kept),
            "rejections": [_rejection(row) for row in rejections],
        }


def ledger_audit(services: Services) -> dict[str, Any]:
    """Give what the ledger holds and whether it contradicts itself, as one JSON-able object."""
    found = audit(services.engine)
    return {
        "consistent": found.consistent,
        "contradictions": list(found.contradictions),
        "requests": dict(found.requests),
        "attempts": dict(found.attempts),
        "lost": found.lost,
        "ownerless": found.ownerless,
        "unknown_costs": found.unknown_costs,
        "cost_usd": write_dollars(found.cost_usd),
        "reserved_usd": write_dollars(found.reserved_usd),
        "lost_usd": write_dollars(found.lost_usd),
    }


def report_dict(report: StepReport) -> dict[str, Any]:
    """Give a step's report as one JSON-able object."""
    counts = report.counts
    return {
        "step": report.step,
        "day": report.day,
        "taken": counts.taken,
        "kept": counts.kept,
        "rejected": counts.rejected,
        "deferred": counts.deferred,
        "reasons": dict(report.reasons),
        "facts": dict(report.facts),
    }


def _rejects(session: Session, day: str | None = None) -> dict[str, int]:
    total = func.sum(RejectionRow.number)
    query = select(RejectionRow.reason, total).group_by(RejectionRow.reason)
    if day is not None:
        query = query.where(RejectionRow.day == day)
    rows = session.execute(query.order_by(total.desc(), RejectionRow.reason))
    return {reason: int(number) for reason, number in rows}


def _llm(session: Session, day: str | None = None) -> dict[str, Any]:
    query = select(
        LlmRequestRow.status,
        func.count(),
        func.sum(LlmRequestRow.cost_usd),
        func.sum(LlmRequestRow.prompt_tokens),
        func.sum(LlmRequestRow.completion_tokens),
    ).group_by(LlmRequestRow.status)
    if day is not None:
        query = query.where(LlmRequestRow.day == day)
    rows = session.execute(query.order_by(LlmRequestRow.status)).all()
    cost = sum((cost or Decimal(0) for _, _, cost, _, _ in rows), Decimal(0))
    return {
        "requests": {status: number for status, number, *_ in rows},
        "cost_usd": write_dollars(cost),
        "tokens": {
            "prompt": int(sum(prompt or 0 for *_, prompt, _ in rows)),
            "completion": int(sum(completion or 0 for *_, completion in rows)),
        },
    }


def _models(session: Session, day: str) -> list[dict[str, Any]]:
    """Return the models that wrote the day's tasks, those of most tasks first."""
    model = func.coalesce(LlmRequestRow.response["model"].astext, LlmRequestRow.model)
    number = func.count()
    query = (
        select(model, LlmRequestRow.server, number)
        .join(LlmRequestRow, LlmRequestRow.key == TaskRow.request_key)
        .where(TaskRow.day == day)
        .group_by(model, LlmRequestRow.server)
        .order_by(number.desc(), model)
    )
    return [
        {
            "model": name,
            "provider": "unknown" if server is None else provider_of(server),
            "tasks": tasks,
        }
        for name, server, tasks in session.execute(query.select_from(TaskRow))
    ]


def _day(session: Session, services: Services, day: str) -> dict[str, Any]:
    validated = session.get(GrowthRunRow, (day, "validate"))
    held_back = select(GrowthRunRow.step).where(
        GrowthRunRow.day == day, GrowthRunRow.held_back.is_not(None)
    )
    return {
        "day": day,
        **funnel(services, [day]),
        "cost_usd": _llm(session, day)["cost_usd"],
        "alarm": "" if validated is None else validated.facts.get("alarm", ""),
        "held_back": list(session.scalars(held_back.order_by(GrowthRunRow.step))),
    }


def _step(row: GrowthRunRow) -> dict[str, Any]:
    return {
        "step": row.step,
        "taken": row.taken,
        "kept": row.kept,
        "rejected": row.rejected,
        "deferred": row.deferred,
        "reasons": row.reasons,
        "facts": row.facts,
        "held_back": row.held_back,
    }


def _rejection(row: RejectionRow) -> dict[str, Any]:
    return {
        "stage": row.stage,
        "subject": row.subject,
        "reason": row.reason,
        "words": REASON_WORDS[Reason(row.reason)],
        "number": row.number,
        "detail": row.detail,
    }
