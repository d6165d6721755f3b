"""What the LLM cost, by growth day, purpose and model, and what is left of the month's budget."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from dynosaur_etl.domain.money import dollars
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.cost import month_cost
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import LlmRequestRow

_KEYS = ("day", "purpose", "model")


def spent(services: Services, now: datetime | None = None) -> dict[str, Any]:
    """Give what was paid and is held in US dollars, with lines for each day, purpose and model.

    They are summed over requests, from an index alone; `dynosaur cost` sums over each sending.
    """
    groups = (LlmRequestRow.day, LlmRequestRow.purpose, LlmRequestRow.model)
    query = select(
        *groups,
        func.count().label("requests"),
        func.sum(LlmRequestRow.cost_usd).label("cost"),
        func.sum(LlmRequestRow.reserved_usd).label("held"),
        func.sum(LlmRequestRow.prompt_tokens).label("prompt_tokens"),
        func.sum(LlmRequestRow.completion_tokens).label("completion_tokens"),
    ).group_by(*groups)
    with reading(services.engine) as session:
        lines = [_line(dict(row)) for row in session.execute(query.order_by(*groups)).mappings()]
    return {
        "total": _summed(lines, ""),
        **{f"by_{key}": _grouped(lines, key) for key in _KEYS},
        "month": month_cost(services, now or datetime.now(UTC)),
    }


def _line(row: dict[str, Any]) -> dict[str, Any]:
    amounts = {name: row[name] or Decimal(0) for name in ("cost", "held")}
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
        "cost_usd": dollars(sum((line["cost"] for line in lines), Decimal(0))),
        "held_usd": dollars(sum((line["held"] for line in lines), Decimal(0))),
    }
