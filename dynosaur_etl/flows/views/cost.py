"""What the LLM has cost, by day, purpose and model, and in the calendar month."""

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import cap
from dynosaur_etl.store.budget import month_scope
from dynosaur_etl.store.facts.funnel import Funnel, funnel
from dynosaur_etl.store.spending import (
    SpendingLine,
    SpendingSums,
    forgive_lost,
    spending,
    spent_since,
    used_of_budget,
)

_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class NamedSums:
    """The sums of one purpose or one model."""

    name: str
    sums: Inlined[SpendingSums]


@dataclass(frozen=True)
class SpendingYield:
    """Sums beside what they brought; costs of 1,000 are None where nothing was brought."""

    sums: Inlined[SpendingSums]
    tasks: int
    per_1000_tasks_usd: Decimal | None
    instances: int
    per_1000_instances_usd: Decimal | None


@dataclass(frozen=True)
class NamedYield:
    """The sums of one growth day, beside what they brought."""

    name: str
    brought: Inlined[SpendingYield]


@dataclass(frozen=True)
class MonthCost:
    """What a calendar month (UTC) has cost; amounts in US dollars.

    Attributes:
        month: YYYY-MM.
        budget_usd: None, like `left_usd`, where it is unlimited.
        projected_usd: at the month's average so far, of at least one day.
    """

    month: str
    spent_usd: Decimal
    reserved_or_lost_usd: Decimal
    budget_usd: Decimal | None
    left_usd: Decimal | None
    projected_usd: Decimal


@dataclass(frozen=True)
class CostReport:
    """What was spent, reserved and lost, line by line and in sums."""

    lines: tuple[SpendingLine, ...]
    by_day: tuple[NamedYield, ...]
    by_purpose: tuple[NamedSums, ...]
    by_model: tuple[NamedSums, ...]
    total: SpendingYield
    month: MonthCost


@dataclass(frozen=True)
class Forgiven:
    """Lost attempts that count as not paid, and the US dollars that they held."""

    attempts: int
    freed_usd: Decimal


def cost(services: Services, day: str | None, now: datetime | None = None) -> CostReport:
    """Return what was spent, reserved and lost; amounts in US dollars.

    The month is the calendar month (UTC) of the clock, whatever growth days it paid for.
    """
    lines = spending(services.engine, day)
    days = sorted({line.day for line in lines})
    return CostReport(
        lines=tuple(lines),
        by_day=tuple(
            NamedYield(group.name, _yield(group.sums, funnel(services.engine, [group.name])))
            for group in _grouped(lines, lambda line: line.day)
        ),
        by_purpose=_grouped(lines, lambda line: line.purpose),
        by_model=_grouped(lines, lambda line: line.model),
        total=_yield(_summed(lines), funnel(services.engine, days)),
        month=month_cost(services, now or datetime.now(UTC)),
    )


def forgive(services: Services, day: str | None) -> Forgiven:
    """Count the lost attempts of a day, or of all days, as not paid."""
    return Forgiven(*forgive_lost(services.engine, day))


def month_cost(services: Services, now: datetime) -> MonthCost:
    """Return what the calendar month (UTC) has cost, what is left of its budget, and its trend."""
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    passed = max((now - start).total_seconds() / _SECONDS_A_DAY, 1.0)
    spent = spent_since(services.engine, start)
    used = used_of_budget(services.engine, month_scope(now))
    budget = cap(services.settings.llm_budget_month_usd)
    length = monthrange(now.year, now.month)[1]
    return MonthCost(
        month=f"{now:%Y-%m}",
        spent_usd=spent,
        reserved_or_lost_usd=used - spent,
        budget_usd=budget,
        left_usd=None if budget is None else budget - used,
        projected_usd=spent * length / Decimal(str(passed)),
    )


def _grouped(
    lines: Sequence[SpendingLine], name: Callable[[SpendingLine], str]
) -> tuple[NamedSums, ...]:
    names = sorted({name(line) for line in lines})
    return tuple(
        NamedSums(one, _summed([line for line in lines if name(line) == one])) for one in names
    )


def _summed(lines: Sequence[SpendingLine]) -> SpendingSums:
    return SpendingSums(
        sendings=sum(line.sendings for line in lines),
        answered=sum(line.answered for line in lines),
        lost=sum(line.lost for line in lines),
        unknown=sum(line.unknown for line in lines),
        prompt_tokens=sum(line.prompt_tokens for line in lines),
        cached_tokens=sum(line.cached_tokens for line in lines),
        completion_tokens=sum(line.completion_tokens for line in lines),
        spent_usd=sum((line.spent_usd for line in lines), Decimal(0)),
        reserved_usd=sum((line.reserved_usd for line in lines), Decimal(0)),
        lost_usd=sum((line.lost_usd for line in lines), Decimal(0)),
    )


def _yield(sums: SpendingSums, made: Funnel) -> SpendingYield:
    def per_1000(number: int) -> Decimal | None:
        return sums.spent_usd * 1_000 / number if number else None

    return SpendingYield(
        sums, made.tasks, per_1000(made.tasks), made.instances, per_1000(made.instances)
    )
