"""What the LLM cost, by growth day, purpose and model, and what is left of the month's budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.domain.redaction import redact
from dynosaur_etl.domain.trials import ModelResult, Trial
from dynosaur_etl.flows.runtime.batches_of_note import BatchOfNote, batches_of_note
from dynosaur_etl.flows.runtime.models_in_use import ModelOfNote, models_of_note
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.cost import MonthCost, month_cost
from dynosaur_etl.store.facts.llm_requests import RequestGroup, request_groups
from dynosaur_etl.store.trials import newest_trials


@dataclass(frozen=True)
class PaidGroup:
    """What the requests of a day, purpose or model came to, in US dollars; of all, without name."""

    name: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal
    held_usd: Decimal


@dataclass(frozen=True)
class TrialResult:
    """What one model of a trial came to, with what follows from it."""

    result: Inlined[ModelResult]
    invalid: int
    per_1000_valid_usd: str | None


@dataclass(frozen=True)
class TrialLine:
    """A trial as it is shown: its UTC day, its server without secrets, and both models."""

    tried_on: str
    server: str
    configs: int
    old: TrialResult
    new: TrialResult
    found_by_both: int


@dataclass(frozen=True)
class Spent:
    """What was paid and is held, the month, and what there is to know of batches and models."""

    total: PaidGroup
    by_day: tuple[PaidGroup, ...]
    by_purpose: tuple[PaidGroup, ...]
    by_model: tuple[PaidGroup, ...]
    month: MonthCost
    batches: Sequence[BatchOfNote]
    models: Sequence[ModelOfNote]
    trials: tuple[TrialLine, ...]


def spent(services: Services, now: datetime | None = None) -> Spent:
    """Return what was paid and is held in US dollars, by day, purpose and model, and the batches.

    They are summed over requests, from an index alone; `dynosaur cost` sums over each sending.
    """
    groups = request_groups(services.engine)
    return Spent(
        total=_summed("", groups),
        by_day=_grouped(groups, lambda group: group.day),
        by_purpose=_grouped(groups, lambda group: group.purpose),
        by_model=_grouped(groups, lambda group: group.model),
        month=month_cost(services, now or datetime.now(UTC)),
        batches=batches_of_note(services, now),
        models=models_of_note(services, now),
        trials=tuple(_trial(trial) for trial in newest_trials(services.engine)),
    )


def _trial(trial: Trial) -> TrialLine:
    return TrialLine(
        tried_on=f"{trial.tried_at:%Y-%m-%d}",
        server=redact(trial.server),
        configs=trial.configs,
        old=_result(trial.old),
        new=_result(trial.new),
        found_by_both=trial.found_by_both,
    )


def _result(result: ModelResult) -> TrialResult:
    return TrialResult(result, result.invalid, result.per_1000_valid_usd)


def _grouped(
    groups: Sequence[RequestGroup], name: Callable[[RequestGroup], str]
) -> tuple[PaidGroup, ...]:
    parts: dict[str, list[RequestGroup]] = {}
    for group in groups:
        parts.setdefault(name(group), []).append(group)
    return tuple(_summed(one, part) for one, part in sorted(parts.items()))


def _summed(name: str, groups: Sequence[RequestGroup]) -> PaidGroup:
    return PaidGroup(
        name=name,
        requests=sum(group.requests for group in groups),
        prompt_tokens=sum(group.prompt_tokens for group in groups),
        completion_tokens=sum(group.completion_tokens for group in groups),
        cost_usd=sum((group.cost_usd for group in groups), Decimal(0)),
        held_usd=sum((group.held_usd for group in groups), Decimal(0)),
    )
