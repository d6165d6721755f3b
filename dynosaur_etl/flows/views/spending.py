"""What the LLM cost, by growth day, purpose and model, and what is left of the month's budget."""

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from dynosaur_etl.domain.money import dollars
from dynosaur_etl.domain.redaction import redact
from dynosaur_etl.domain.trials import ModelResult, Trial
from dynosaur_etl.flows.runtime.batches_of_note import batches_of_note
from dynosaur_etl.flows.runtime.models_in_use import models_of_note
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.cost import month_cost
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import LlmRequestRow
from dynosaur_etl.store.trials import newest_trials

_KEYS = ("day", "purpose", "model")


def spent(services: Services, now: datetime | None = None) -> dict[str, Any]:
    """Return what was paid and is held in US dollars, by day, purpose and model, and the batches.

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
        "batches": batches_of_note(services, now),
        "models": models_of_note(services, now),
        "trials": [_trial(trial) for trial in newest_trials(services.engine)],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "tried_on": f"{trial.tried_at:%Y-%m-%d}",
        "server": redact(trial.server),
        "configs": trial.configs,
        "old": _result(trial.old),
        "new": _result(trial.new),
        "found_by_both": trial.found_by_both,
    }


def _result(result: ModelResult) -> dict[str, Any]:
    derived = {"invalid": result.invalid, "per_1000_valid_usd": result.per_1000_valid_usd}
    return asdict(result) | derived


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
