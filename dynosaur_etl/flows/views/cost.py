"""What the LLM has cost, by day, purpose and model, and in the calendar month."""

from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dynosaur_etl.domain.money import dollars
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import cap
from dynosaur_etl.store.budget import month_scope
from dynosaur_etl.store.facts.funnel import funnel
from dynosaur_etl.store.spending import (
    SpendingLine,
    forgive_lost,
    spending,
    spent_since,
    used_of_budget,
)

_AMOUNTS = ("spent_usd", "reserved_usd", "lost_usd")
_COUNTS = (
    "sendings", "answered", "lost", "unknown",
    "prompt_tokens", "cached_tokens", "completion_tokens",
)  # fmt: skip
_SECONDS_A_DAY = 86_400


def cost(services: Services, day: str | None, now: datetime | None = None) -> dict[str, Any]:
    """Return what was spent, reserved and lost, as one JSON-able object; amounts in US dollars.

    The month is the calendar month (UTC) of the clock, whatever growth days it paid for; its
    projection goes on at the month's average so far, of at least one day.
    """
    lines = spending(services.engine, day)
    days = sorted({line.day for line in lines})
    return {
        "lines": [_written(line.__dict__) for line in lines],
        "by_day": [_with_yield(services, group) for group in _grouped(lines, lambda x: x.day)],
        "by_purpose": [_written(group) for group in _grouped(lines, lambda x: x.purpose)],
        "by_model": [_written(group) for group in _grouped(lines, lambda x: x.model)],
        "total": _per_thousand(_summed(lines), asdict(funnel(services.engine, days))),
        "month": month_cost(services, now or datetime.now(UTC)),
    }


def forgive(services: Services, day: str | None) -> dict[str, Any]:
    """Count the lost attempts of a day, or of all days, as not paid."""
    number, amount = forgive_lost(services.engine, day)
    return {"attempts": number, "freed_usd": _dollars(amount)}


def _grouped(
    lines: Sequence[SpendingLine], name: Callable[[SpendingLine], str]
) -> list[dict[str, Any]]:
    names = sorted({name(line) for line in lines})
    return [{"name": one} | _summed(line for line in lines if name(line) == one) for one in names]


def _summed(lines: Iterable[SpendingLine]) -> dict[str, Any]:
    rows = [asdict(line) for line in lines]
    counts = {name: sum(row[name] for row in rows) for name in _COUNTS}
    return counts | {name: sum((row[name] for row in rows), Decimal(0)) for name in _AMOUNTS}


def _with_yield(services: Services, group: dict[str, Any]) -> dict[str, Any]:
    return _per_thousand(group, asdict(funnel(services.engine, [group["name"]])))


def _per_thousand(group: dict[str, Any], made: dict[str, int]) -> dict[str, Any]:
    """Add what the valid tasks and the instances cost, as far as the costs are known."""
    written = _written(group)
    for name in ("tasks", "instances"):
        number = made[name]
        share = group["spent_usd"] * 1_000 / number if number else None
        written |= {name: number, f"per_1000_{name}_usd": _dollars(share)}
    return written


def month_cost(services: Services, now: datetime) -> dict[str, Any]:
    """Return what the calendar month (UTC) has cost, what is left of its budget, and where it goes.

    The projection goes on at the month's average so far, of at least one day. Without a budget,
    `budget_usd` and `left_usd` are None.
    """
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    passed = max((now - start).total_seconds() / _SECONDS_A_DAY, 1.0)
    spent = spent_since(services.engine, start)
    used = used_of_budget(services.engine, month_scope(now))
    budget = cap(services.settings.llm_budget_month_usd)
    length = monthrange(now.year, now.month)[1]
    projected = spent * length / Decimal(str(passed))
    return {
        "month": f"{now:%Y-%m}",
        "spent_usd": _dollars(spent),
        "reserved_or_lost_usd": _dollars(used - spent),
        "budget_usd": _dollars(budget),
        "left_usd": None if budget is None else _dollars(budget - used),
        "projected_usd": _dollars(projected),
    }


def _written(group: dict[str, Any]) -> dict[str, Any]:
    return {name: _dollars(v) if isinstance(v, Decimal) else v for name, v in group.items()}


def _dollars(amount: Decimal | None) -> str | None:
    return None if amount is None else dollars(amount)
