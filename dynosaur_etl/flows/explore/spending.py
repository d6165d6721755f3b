"""What the LLM cost, by growth day, purpose and model, and what is left of the month's budget."""

from calendar import monthrange
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dynosaur_etl.flows.explore.growth import written
from dynosaur_etl.flows.services import Services
from dynosaur_etl.store.tables import LlmRequestRow

_SECONDS_A_DAY = 86_400
_KEYS = ("day", "purpose", "model")


def spent(services: Services, now: datetime | None = None) -> dict[str, Any]:
    """Give what was paid and is held in US dollars, with lines for each day, purpose and model.

    The month is that of the clock in UTC, whatever growth days it paid for; its projection goes on
    at the month's average so far, of at least one day. An unknown cost counts what is held for it.
    """
    now = now or datetime.now(UTC)
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    used = func.coalesce(LlmRequestRow.cost_usd, 0) + LlmRequestRow.reserved_usd
    groups = (LlmRequestRow.day, LlmRequestRow.purpose, LlmRequestRow.model)
    query = select(
        *groups,
        func.count().label("requests"),
        func.sum(LlmRequestRow.cost_usd).label("cost"),
        func.sum(LlmRequestRow.reserved_usd).label("held"),
        func.sum(LlmRequestRow.prompt_tokens).label("prompt_tokens"),
        func.sum(LlmRequestRow.completion_tokens).label("completion_tokens"),
        func.sum(used).filter(LlmRequestRow.sent_at >= start).label("month"),
    ).group_by(*groups)
    with Session(services.engine) as session:
        lines = [_line(dict(row)) for row in session.execute(query.order_by(*groups)).mappings()]
    month = sum((line["month"] for line in lines), Decimal(0))
    return {
        "total": _summed(lines, ""),
        **{f"by_{key}": _grouped(lines, key) for key in _KEYS},
        "month": _month(services, month, now, start),
    }


def _line(row: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: row[name] or Decimal(0) for name in ("cost", "held", "month")}
    tokens = {name: int(row[name] or 0) for name in ("prompt_tokens", "completion_tokens")}
    return row | amounts | tokens


def _grouped(lines: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    parts: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        parts.setdefault(line[key], []).append(line)
    return [_summed(part, name) for name, part in sorted(parts.items())]


def _summed(lines: list[dict[str, Any]], name: str) -> dict[str, Any]:
    counts = ("requests", "prompt_tokens", "completion_tokens")
    return {
        "name": name,
        **{key: sum(line[key] for line in lines) for key in counts},
        "cost_usd": written(sum((line["cost"] for line in lines), Decimal(0))),
        "held_usd": written(sum((line["held"] for line in lines), Decimal(0))),
    }


def _month(services: Services, used: Decimal, now: datetime, start: datetime) -> dict[str, Any]:
    passed = max((now - start).total_seconds() / _SECONDS_A_DAY, 1.0)
    projected = used * monthrange(now.year, now.month)[1] / Decimal(str(passed))
    budget = services.settings.llm_budget_month_usd
    return {
        "name": f"{now:%Y-%m}",
        "used_usd": written(used),
        "budget_usd": written(budget),
        "left_usd": written(max(budget - used, Decimal(0))),
        "projected_usd": written(round(projected, 4)),
        "over_budget": projected > budget,
    }
