"""What the LLM cost, by growth day, purpose and model, and what is left of the month's budget."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from dynosaur_etl.domain.money import dollars
from dynosaur_etl.domain.redaction import redact
from dynosaur_etl.domain.trials import ModelResult, Trial
from dynosaur_etl.flows.runtime.batches_of_note import batches_of_note
from dynosaur_etl.flows.runtime.models_in_use import models_of_note
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.cost import month_cost
from dynosaur_etl.store.facts.llm_requests import RequestGroup, request_groups
from dynosaur_etl.store.trials import newest_trials

_KEYS = ("day", "purpose", "model")


def spent(services: Services, now: datetime | None = None) -> dict[str, Any]:
    """Return what was paid and is held in US dollars, by day, purpose and model, and the batches.

    They are summed over requests, from an index alone; `dynosaur cost` sums over each sending.
    """
    groups = request_groups(services.engine)
    return {
        "total": _summed(groups, ""),
        **{f"by_{key}": _grouped(groups, key) for key in _KEYS},
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


def _grouped(groups: Sequence[RequestGroup], key: str) -> list[dict[str, Any]]:
    parts: dict[str, list[RequestGroup]] = {}
    for group in groups:
        parts.setdefault(getattr(group, key), []).append(group)
    return [_summed(part, name) for name, part in sorted(parts.items())]


def _summed(groups: Sequence[RequestGroup], name: str) -> dict[str, Any]:
    return {
        "name": name,
        "requests": sum(group.requests for group in groups),
        "prompt_tokens": sum(group.prompt_tokens for group in groups),
        "completion_tokens": sum(group.completion_tokens for group in groups),
        "cost_usd": dollars(sum((group.cost_usd for group in groups), Decimal(0))),
        "held_usd": dollars(sum((group.held_usd for group in groups), Decimal(0))),
    }
