"""What runs would ask and pay, read from what the store knows; nothing is sent, nothing changes.

A day that has been polled is told exactly: its requests are built as for sending. Before that the
catalogue names the datasets that the day touched, and the means of other days tell the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.flows.poll.candidates import listed_candidates
from dynosaur_etl.flows.propose.estimate import Estimate, estimate
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.hub_datasets import count_configs, count_verdicts, followed_until
from dynosaur_etl.store.facts.llm_requests import paid_usd
from dynosaur_etl.store.steps import finished_step

T = TypeVar("T", int, Decimal)

_REQUESTS_OF_A_REPOSITORY = 2
"""The card, and the list of files."""


@dataclass(frozen=True)
class _Yield:
    """What an examined dataset came to on the days before: configs, and US dollars if known."""

    configs: float
    dollars: Decimal | None


@dataclass(frozen=True)
class PollForecast:
    """What polling a day would ask of the Hub; None where the catalogue does not reach so far.

    Attributes:
        finished: whether the day has been polled.
        candidates: repositories that would be asked for their card.
        commits: datasets that would be asked for their commits.
    """

    day: str
    finished: bool
    candidates: int | None
    commits: int | None
    hub_requests: int | None


@dataclass(frozen=True)
class DayForecast:
    """What polling and growing a day would ask and cost, in US dollars; None where unknown."""

    poll: Inlined[PollForecast]
    llm_requests: int | None
    dollars: Decimal | None


@dataclass(frozen=True)
class BackfillForecast:
    """The forecasts of days, and their sums; a sum is None where a part of it is unknown."""

    days: tuple[DayForecast, ...]
    hub_requests: int | None
    dollars: Decimal | None


def poll_forecast(day: GrowthDay, services: Services) -> PollForecast:
    """Return what polling a day would ask of the Hub.

    Raises:
        InvalidInput: the day is not over yet.
    """
    return _poll(day, services, _usual_yield(services))


def growth_forecast(day: GrowthDay, services: Services) -> Estimate:
    """Return what growing a polled day would ask of the LLM and cost, as `estimate` does.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    return estimate(day, services)


def backfill_forecast(days: Sequence[GrowthDay], services: Services) -> BackfillForecast:
    """Return for each day, and in all, what polling and growing would ask and cost.

    Raises:
        InvalidInput: a day is not over yet.
    """
    usual = _usual_yield(services)
    lines = tuple(_day(day, services, usual) for day in days)
    return BackfillForecast(
        days=lines,
        hub_requests=_sum([line.poll.hub_requests for line in lines], 0),
        dollars=_sum([line.dollars for line in lines], Decimal(0)),
    )


def _day(day: GrowthDay, services: Services, usual: _Yield) -> DayForecast:
    poll = _poll(day, services, usual)
    if poll.finished:
        growth = estimate(day, services)
        return DayForecast(poll, growth.to_send, growth.expected_usd)
    if poll.candidates is None or usual.dollars is None:
        return DayForecast(poll, None, None)
    return DayForecast(poll, None, usual.dollars * poll.candidates)


def _poll(day: GrowthDay, services: Services, usual: _Yield) -> PollForecast:
    day.ensure_over(datetime.now(UTC))
    if _is_polled(services, day):
        return PollForecast(str(day), True, 0, 0, 0)
    seen = followed_until(services.engine)
    if seen is None or seen < day.end:
        return PollForecast(str(day), False, None, None, None)
    to_ask, commits = listed_candidates(day, services)
    repositories = round(to_ask * (_REQUESTS_OF_A_REPOSITORY + usual.configs))
    return PollForecast(str(day), False, to_ask, commits, commits + repositories)


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


def _sum(parts: Sequence[T | None], nothing: T) -> T | None:
    """Sum up numbers; None where one of them is."""
    known = [part for part in parts if part is not None]
    return sum(known, nothing) if len(known) == len(parts) else None
