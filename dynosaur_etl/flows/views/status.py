"""What the store holds, for people: the state of all, and the report of one day."""

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.domain.reasons import REASON_WORDS, Reason, Stage
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool import funnel
from dynosaur_etl.flows.snapshot.versions import list_versions
from dynosaur_etl.store.ledger_audit import audit
from dynosaur_etl.store.tables import (
    ConfigRow,
    DatasetRow,
    GrowthRunRow,
    LlmRequestRow,
    RejectionRow,
    VerdictRow,
)

_REJECTS_SHOWN = 500
_REJECTED = {
    Stage.CANDIDATES: "entries of the list",
    Stage.EXAMINE: "datasets",
    Stage.CONFIGS: "configs",
    Stage.PROPOSE: "questions",
    Stage.VALIDATE: "proposals",
    Stage.FILL: "rows",
    Stage.SCORE: "scores",
    Stage.EMBED: "vectors",
    Stage.SELECT: "instances",
}
"""What each stage rejects."""
_PARTS: dict[str, str] = {
    Reason.SPLIT_HELD_BACK: "splits",
    Reason.VALUE_UNREADABLE: "values",
    Reason.ROW_TOO_LARGE: "sampled rows",
}
"""What is rejected of a config that stays."""


def overview(services: Services) -> dict[str, Any]:
    """Give the state of everything, with a line for each growth day; all of it JSON-able.

    `rejects` sums up all rejects by reason; `rejected` keeps datasets, their configs and what was
    made of them apart.
    """
    with Session(services.engine) as session:
        days = list(session.scalars(select(GrowthRunRow.day).distinct().order_by(GrowthRunRow.day)))
        catalogue = session.scalar(select(func.count()).select_from(DatasetRow))
        rejects = _rejects(session)
        rejected = _rejected(session)
        configs = session.scalar(select(func.count()).select_from(ConfigRow))
        llm = _llm(session)
        lines = [_day(session, services, day) for day in days]
    return {
        "catalogue": catalogue,
        **funnel(services, days),
        "configs_kept": configs,
        "rejects": rejects,
        "rejected": rejected,
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
            "alarm": _alarm(session, day),
            "rejects": _rejects(session, day),
            "rejected": _rejected(session, day),
            **_llm(session, day),
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
        "cost_usd": _dollars(found.cost_usd),
        "reserved_usd": _dollars(found.reserved_usd),
        "lost_usd": _dollars(found.lost_usd),
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


def _rejected(session: Session, day: str | None = None) -> dict[str, dict[str, int]]:
    """Count rejects by what they are, and by reason."""
    total = func.sum(RejectionRow.number)
    query = select(RejectionRow.stage, RejectionRow.reason, total).group_by(
        RejectionRow.stage, RejectionRow.reason
    )
    if day is not None:
        query = query.where(RejectionRow.day == day)
    found: dict[str, dict[str, int]] = {
        name: {} for name in (*_REJECTED.values(), *_PARTS.values())
    }
    for stage, reason, number in session.execute(query.order_by(total.desc(), RejectionRow.reason)):
        of_kind = found[_PARTS.get(reason, _REJECTED[Stage(stage)])]
        of_kind[reason] = of_kind.get(reason, 0) + int(number)
    return found


def _alarm(session: Session, day: str) -> str:
    """Join the alarms of a day's steps."""
    query = select(GrowthRunRow).where(GrowthRunRow.day == day).order_by(GrowthRunRow.finished_at)
    alarms = [row.facts.get("alarm", "") for row in session.scalars(query)]
    return "; ".join(filter(None, alarms))


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
    return {
        "requests": {status: number for status, number, *_ in rows},
        "cost_usd": _dollars(sum((cost or Decimal(0) for _, _, cost, _, _ in rows), Decimal(0))),
        "tokens": {
            "prompt": int(sum(prompt or 0 for *_, prompt, _ in rows)),
            "completion": int(sum(completion or 0 for *_, completion in rows)),
        },
    }


def _dollars(amount: Decimal) -> str:
    """Write an amount in full, without the zeros that its column adds."""
    return f"{amount.normalize():f}"


def _day(session: Session, services: Services, day: str) -> dict[str, Any]:
    held_back = select(GrowthRunRow.step).where(
        GrowthRunRow.day == day, GrowthRunRow.held_back.is_not(None)
    )
    return {
        "day": day,
        **funnel(services, [day]),
        "cost_usd": _llm(session, day)["cost_usd"],
        "alarm": _alarm(session, day),
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
