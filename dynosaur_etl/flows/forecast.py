"""What runs would ask and pay, told from what the store knows; nothing is sent, nothing changes.

A day that has been polled is told exactly: its requests are built as for sending. Before that the
catalogue names the datasets that the day touched, and the means of other days tell the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.domain.money import dollars
from dynosaur_etl.flows.poll.candidates import listed_candidates
from dynosaur_etl.flows.propose.estimate import estimate
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.hub_datasets import count_configs, count_verdicts, followed_until
from dynosaur_etl.store.facts.llm_requests import paid_usd
from dynosaur_etl.store.steps import finished_step

_REQUESTS_OF_A_REPOSITORY = 2
"""The card, and the list of files."""


@dataclass(frozen=True)
class _Yield:
    """What an examined dataset came to on the days before: configs, and US dollars if known."""

    configs: float
    dollars: Decimal | None


def poll_forecast(day: GrowthDay, services: Services) -> dict[str, Any]:
    """Tell what polling a day would ask of the Hub, as one JSON-able object.

    Raises:
        InvalidInput: the day is not over yet.
    """
    return _poll(day, services, _usual_yield(services))


def growth_forecast(day: GrowthDay, services: Services) -> dict[str, Any]:
    """Tell what growing a polled day would ask of the LLM and cost, as `estimate` does.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    return estimate(day, services)


def backfill_forecast(days: Sequence[GrowthDay], services: Services) -> dict[str, Any]:
    """Tell for each day, and in all, what polling and growing would ask and cost.

    Sums are None where a part of them is unknown.

    Raises:
        InvalidInput: a day is not over yet.
    """
    usual = _usual_yield(services)
    lines = [_day(day, services, usual) for day in days]
    return {"days": lines, **_summed(lines)}


def _day(day: GrowthDay, services: Services, usual: _Yield) -> dict[str, Any]:
    polled = _poll(day, services, usual)
    if polled["finished"]:
        growth = estimate(day, services)
        return polled | {"llm_requests": growth["to_send"], "dollars": growth["expected_usd"]}
    known = polled["candidates"] is not None and usual.dollars is not None
    dollars = usual.dollars * polled["candidates"] if known and usual.dollars is not None else None
    return polled | {"llm_requests": None, "dollars": _written(dollars)}


def _poll(day: GrowthDay, services: Services, usual: _Yield) -> dict[str, Any]:
    day.ensure_over(datetime.now(UTC))
    told: dict[str, Any] = {"day": str(day), "finished": False}
    if _is_polled(services, day):
        return told | {"finished": True, "candidates": 0, "commits": 0, "hub_requests": 0}
    seen = followed_until(services.engine)
    if seen is None or seen < day.end:
        return told | {"candidates": None, "commits": None, "hub_requests": None}
    to_ask, commits = listed_candidates(day, services)
    repositories = round(to_ask * (_REQUESTS_OF_A_REPOSITORY + usual.configs))
    return told | {
        "candidates": to_ask, "commits": commits, "hub_requests": commits + repositories
    }  # fmt: skip


def _is_polled(services: Services, day: GrowthDay) -> bool:
    done = finished_step(services.engine, str(day), StepName.EXAMINE)
    return done is not None and not done.report.unfinished


def _usual_yield(services: Services) -> _Yield:
    """Return the means over all days; before the first, as many configs as a dataset may have."""
    examined, configs = count_verdicts(services.engine), count_configs(services.engine)
    dollars = paid_usd(services.engine)
    if not examined:
        return _Yield(float(services.settings.configs_per_dataset), None)
    return _Yield(configs / examined, None if dollars is None else dollars / examined)


def _summed(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    hub = [line["hub_requests"] for line in lines]
    dollars = [line["dollars"] for line in lines]
    return {
        "hub_requests": None if None in hub else sum(hub),
        "dollars": (None if None in dollars else _written(sum(map(Decimal, dollars), Decimal(0)))),
    }


def _written(amount: Decimal | None) -> str | None:
    return None if amount is None else dollars(amount)
