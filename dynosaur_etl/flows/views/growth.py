"""How the set grew: days, sums, the way from the Hub to the selection, and what runs now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from dynosaur_etl.domain.reasons import Stage
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.tasks import words_of
from dynosaur_etl.store.tables import (
    CheckpointRow,
    DatasetRow,
    GrowthRunRow,
    LlmRequestRow,
    SnapshotRow,
)
from dynosaur_etl.store.versions import head_version

STEPS = ("candidates", "examine", "validate", "fill", "score", "embed", "select")
VALIDITY_FLOOR = 0.8
_COUNTED_EXACTLY = 100_000
_FIGURES = ("datasets_seen", "datasets_kept", "proposals", "tasks", "instances")


@dataclass(frozen=True)
class _Step:
    taken: int
    kept: int
    rejected: int
    deferred: int
    reasons: Mapping[str, int]


def growth(services: Services) -> dict[str, Any]:
    """Give every growth day, the oldest first, with sums over all and the funnel; JSON-able."""
    with Session(services.engine) as session:
        steps = _steps(session)
        dollars = _dollars_by_day(session)
        catalogue = _catalogue(session)
    head = head_version(services.engine)
    days = [_day(day, done, dollars.get(day)) for day, done in sorted(steps.items())]
    total: dict[str, Any] = {name: sum(day[name] for day in days) for name in _FIGURES}
    total["cost_usd"] = written(sum(dollars.values(), Decimal(0)))
    return {
        "days": days,
        "total": total | {"catalogue": catalogue},
        "funnel": _funnel(steps, catalogue, total, head),
    }


def live(services: Services) -> dict[str, Any]:
    """Give the growth day that was worked on last: its steps, and how far the open one is."""
    newest = select(GrowthRunRow.day).order_by(GrowthRunRow.finished_at.desc()).limit(1)
    with Session(services.engine) as session:
        opened = session.scalar(select(func.max(CheckpointRow.day)))
        day = opened or session.scalar(newest)
        if day is None:
            return {"day": None, "steps": [], "requests": {}, "running": False}
        done = {row.step: row for row in session.scalars(_steps_of(day))}
        begun = _counted(session, CheckpointRow.step, CheckpointRow.day == day)
        requests = _counted(session, LlmRequestRow.status, LlmRequestRow.day == day)
    steps = [_live_step(name, done.get(name), begun.get(name, 0)) for name in STEPS[:-1]]
    open_steps = [step for step in steps if step["state"] != "done"]
    return {"day": day, "steps": steps, "requests": requests, "running": bool(open_steps)}


def written(amount: Decimal | None) -> str:
    """Write an amount in full, without the zeros that its column adds."""
    return f"{(amount or Decimal(0)).normalize():f}"


def _steps_of(day: str) -> Any:
    return select(GrowthRunRow).where(GrowthRunRow.day == day)


def _counted(session: Session, by: Any, where: ColumnElement[bool]) -> dict[str, int]:
    query = select(by, func.count()).where(where).group_by(by).order_by(by)
    return {row[0]: row[1] for row in session.execute(query)}


def _live_step(name: str, row: GrowthRunRow | None, begun: int) -> dict[str, Any]:
    if row is None:
        return {"step": name, "state": "begun" if begun else "to come", "number": begun}
    return {"step": name, "state": "done", "number": row.kept, "at": f"{row.finished_at:%H:%M} UTC"}


def _steps(session: Session) -> dict[str, dict[str, _Step]]:
    query = select(
        GrowthRunRow.day,
        GrowthRunRow.step,
        GrowthRunRow.taken,
        GrowthRunRow.kept,
        GrowthRunRow.rejected,
        GrowthRunRow.deferred,
        GrowthRunRow.reasons,
    )
    found: dict[str, dict[str, _Step]] = {}
    for day, step, *numbers in session.execute(query):
        found.setdefault(day, {})[step] = _Step(*numbers)
    return found


def _dollars_by_day(session: Session) -> dict[str, Decimal]:
    query = select(LlmRequestRow.day, func.sum(LlmRequestRow.cost_usd))
    rows = session.execute(query.group_by(LlmRequestRow.day))
    return {day: cost or Decimal(0) for day, cost in rows}


def _catalogue(session: Session) -> int:
    """Count the catalogue; a large one is estimated as PostgreSQL's planner does."""
    estimated = session.scalar(
        text("select reltuples::bigint from pg_class where oid = 'datasets'::regclass")
    )
    if estimated is not None and estimated > _COUNTED_EXACTLY:
        return int(estimated)
    return session.scalar(select(func.count()).select_from(DatasetRow)) or 0


_NOTHING = _Step(0, 0, 0, 0, {})


def _day(day: str, done: Mapping[str, _Step], cost: Decimal | None) -> dict[str, Any]:
    examined, judged = done.get("examine", _NOTHING), done.get("validate", _NOTHING)
    return {
        "day": day,
        "datasets_seen": examined.kept + examined.rejected,
        "datasets_kept": examined.kept,
        "proposals": judged.kept + judged.rejected,
        "tasks": judged.kept,
        "instances": done.get("fill", _NOTHING).kept,
        "validity": validity(judged.kept, judged.rejected),
        "rejected": sum(step.rejected for name, step in done.items() if name != "select"),
        "cost_usd": written(cost),
    }


def validity(kept: int, rejected: int) -> float | None:
    """Give the share of proposals that became tasks, 0 to 1; None where there is none."""
    judged = kept + rejected
    return round(kept / judged, 4) if judged else None


def _funnel(
    steps: Mapping[str, Mapping[str, _Step]],
    catalogue: int,
    total: Mapping[str, int],
    head: SnapshotRow | None,
) -> list[dict[str, Any]]:
    """Give each stage with what is left after it, and what it left out by reason."""
    counts = {} if head is None else head.facts.get("counts", {})
    selecting = [] if head is None else [steps.get(head.day, {}).get("select", _NOTHING)]
    return [
        _stage("In the catalogue of the Hub", catalogue, None, ()),
        _stage("Candidates", _sum(steps, "candidates"), Stage.CANDIDATES, _of(steps, "candidates")),
        _stage("Datasets kept", total["datasets_kept"], Stage.EXAMINE, _of(steps, "examine")),
        _stage("Proposals", total["proposals"], None, ()),
        _stage("Tasks", total["tasks"], Stage.VALIDATE, _of(steps, "validate")),
        _stage("Instances", total["instances"], Stage.FILL, _of(steps, "fill")),
        _stage("Pool of the head", counts.get("pool", 0), Stage.SELECT, selecting),
        _stage("Selected in it", counts.get("selected", 0), None, ()),
    ]


def _of(steps: Mapping[str, Mapping[str, _Step]], name: str) -> list[_Step]:
    return [done[name] for done in steps.values() if name in done]


def _sum(steps: Mapping[str, Mapping[str, _Step]], name: str) -> int:
    return sum(step.kept for step in _of(steps, name))


def _stage(name: str, number: int, stage: Stage | None, steps: Iterable[_Step]) -> dict[str, Any]:
    reasons = _added(step.reasons for step in steps)
    lost = [
        {"reason": reason, "words": words_of(reason), "number": count}
        for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    ]
    return {
        "name": name,
        "number": number,
        "stage": None if stage is None else str(stage),
        "rejected": sum(reasons.values()),
        "lost": lost,
    }


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for reason, number in part.items():
            total[reason] = total.get(reason, 0) + number
    return total
