"""What the validity filters do: stored answers judged again under other rules, without the LLM."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepName, Strictness, Verdict
from dynosaur_etl.flows.propose.judging import ConfigAnswers, read_configs, validity_rules
from dynosaur_etl.flows.propose.questions import questions
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.proposals.validity import FILTERS, Judged, ValidityRules
from dynosaur_etl.store.answers import stored_answers
from dynosaur_etl.store.facts.growth_steps import days_of_step


@dataclass(frozen=True)
class Ablation:
    """What some rules keep and drop; `without` names the filter that was left out, if any."""

    strictness: Strictness
    without: str
    kept: int
    dropped: int
    reasons: dict[str, int]

    def row(self) -> dict[str, Any]:
        """Give it as one JSON-able object."""
        return {
            "strictness": str(self.strictness),
            "without": self.without,
            "kept": self.kept,
            "dropped": self.dropped,
            "reasons": self.reasons,
        }


def ablate_filters(
    services: Services, day: GrowthDay | None = None, progress: Progress = silent
) -> list[Ablation]:
    """Judge the stored answers of a day, or of all days, under each strictness, and without each.

    The first three rows are the levels of strictness; the others are the level in force without
    one filter of it. The critic and repeats across configs and days are not part of it.

    Raises:
        InvalidInput: no day, or not this one, has been validated.
    """
    days = days_of_step(services.engine, StepName.VALIDATE)
    if not days or (day is not None and str(day) not in days):
        raise InvalidInput(not_allowed("day", str(day or "any"), f"a validated day: {days}"))
    answers = [
        found
        for name in (days if day is None else [str(day)])
        for found in _answers(GrowthDay.parse(name), services)
    ]
    rules = _all_rules(validity_rules(services.settings))
    ablations = []
    for done, variant in enumerate(rules, start=1):
        ablations.append(_ablation(variant, answers, services))
        progress(done, len(rules))
    return ablations


def _all_rules(in_force: ValidityRules) -> list[ValidityRules]:
    levels = [replace(in_force, strictness=level) for level in Strictness]
    left_out = [
        replace(in_force, without=frozenset({found.reason}))
        for found in in_force.filters
        if found is not FILTERS[0]  # what has no shape cannot be judged at all
    ]
    return levels + left_out


def _ablation(
    rules: ValidityRules, answers: Sequence[ConfigAnswers], services: Services
) -> Ablation:
    kept, reasons = 0, Counter[str]()
    for found in answers:
        judged: Judged = found.judge(rules, services)
        for proposal in judged.proposals:
            if isinstance(proposal.judgement, Verdict):
                reasons[str(proposal.judgement.reason)] += 1
            else:
                kept += 1
    without = next(iter(rules.without), "")
    ordered = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return Ablation(rules.strictness, str(without), kept, reasons.total(), ordered)


def _answers(day: GrowthDay, services: Services) -> list[ConfigAnswers]:
    asked = questions(day, services)
    stored = stored_answers(services.engine, [question.request.key for question in asked])
    return list(read_configs(asked, stored, services))
