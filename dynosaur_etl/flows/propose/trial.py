"""Trying another model: asked about stored configs, and compared with the model in use."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby, islice

from dynosaur_etl.domain.chat import Answer, Purpose
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import StepName, Verdict
from dynosaur_etl.domain.money import dollars
from dynosaur_etl.domain.trials import ModelResult, Trial
from dynosaur_etl.flows.propose.judging import read_configs, validity_rules
from dynosaur_etl.flows.propose.questions import Question, questions
from dynosaur_etl.flows.runtime.asking import ask_live
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.proposals.validity import TaskParts
from dynosaur_etl.store.answers import StoredAnswers, stored_answers
from dynosaur_etl.store.steps import days_with
from dynosaur_etl.store.trials import save_trial

Shape = tuple[str, tuple[str, ...], str]
"""A task by its config and by the fields that it reads and writes."""


@dataclass(frozen=True)
class _Judged:
    """The proposals of one model: how many are valid, the shapes of these, and the rejects."""

    valid: int
    shapes: frozenset[Shape]
    reasons: Counter[str]


def try_model(model: str, configs: int, services: Services, progress: Progress = silent) -> Trial:
    """Ask a model about the newest configs that the model in use has answered for.

    The requests differ in the model alone, go through the ledger one by one under the purpose
    `trial`, and are reserved in the budget of today's run and of the month. What is answered is
    paid once: another trial, or growing with the model, reads it from the ledger.
    The server is that of the settings; `configs` is the most of them, 1 or more.

    Raises:
        InvalidInput: it is the model in use, or that one has no answers.
        InvalidSetting: the price of the model is not known, and a budget is set.
        LlmUnavailable: the server gives no answer at all.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    in_use = services.settings.llm_model
    if model == in_use:
        raise InvalidInput(not_allowed("model", model, "another one than DYNOSAUR_LLM_MODEL"))
    asked = [one for some in islice(_answered(services), configs) for one in some]
    if not asked:
        allowed = f"a model for which stored answers of {in_use} can be compared"
        raise InvalidInput(not_allowed("model", model, allowed))
    tried = [_put_to(question, model) for question in asked]
    today = datetime.now(UTC)
    requests = [question.request for question in tried]
    ask_live(requests, f"{today:%Y-%m-%d}", services, progress)
    trial = _compared(asked, tried, today, services)
    save_trial(services.engine, trial)
    return trial


def _answered(services: Services) -> Iterator[list[Question]]:
    """Yield the requests of each config that are all answered, the newest day first."""
    for day in sorted(days_with(services.engine, StepName.EXAMINE), reverse=True):
        asked = questions(GrowthDay.parse(day), services)
        stored = stored_answers(services.engine, [question.request.key for question in asked])
        for _, group in groupby(asked, key=lambda question: question.about.config.subject):
            of_config = list(group)
            if all(question.request.key in stored.answered for question in of_config):
                yield of_config


def _put_to(question: Question, model: str) -> Question:
    request = replace(question.request, model=model, purpose=Purpose.TRIAL)
    return replace(question, request=request)


def _compared(
    asked: Sequence[Question], tried: Sequence[Question], now: datetime, services: Services
) -> Trial:
    results, shapes = [], []
    for of_model in (asked, tried):
        keys = [question.request.key for question in of_model]
        answers = stored_answers(services.engine, keys)
        judged = _judged(of_model, answers, services)
        results.append(_result(of_model, answers, judged, services))
        shapes.append(judged.shapes)
    return Trial(
        key=digest("trial", [question.request.key for question in tried]),
        server=services.settings.openai_base_url,
        configs=len({question.about.config.subject for question in asked}),
        old=results[0],
        new=results[1],
        found_by_both=len(shapes[0] & shapes[1]),
        tried_at=now,
    )


def _judged(asked: Sequence[Question], answers: StoredAnswers, services: Services) -> _Judged:
    """Judge each config by itself: repeats across configs and the critic are no part of it."""
    rules = validity_rules(services.settings)
    valid, shapes, reasons = 0, set[Shape](), Counter[str]()
    for found in read_configs(asked, answers, services):
        reasons.update(str(counted.reject.reason) for counted in found.rejects)
        for proposal in found.judge(rules, services).proposals:
            if isinstance(proposal.judgement, Verdict):
                reasons[str(proposal.judgement.reason)] += 1
            else:
                valid += 1
                shapes.add(_shape(found.about.config.subject, proposal.judgement))
    return _Judged(valid, frozenset(shapes), reasons)


def _shape(config: str, task: TaskParts) -> Shape:
    return config, tuple(sorted(task.input_fields)), task.output_field


def _result(
    asked: Sequence[Question], answers: StoredAnswers, judged: _Judged, services: Services
) -> ModelResult:
    model = asked[0].request.model
    found = list(answers.answered.values())
    return ModelResult(
        model=model,
        requests=len(asked),
        answered=len(found),
        refused=len(answers.refused),
        deferred=len(asked) - len(found) - len(answers.refused),
        valid=judged.valid,
        reasons=dict(sorted(judged.reasons.items(), key=lambda item: (-item[1], item[0]))),
        prompt_tokens=_summed([answer.prompt_tokens for answer in found]),
        completion_tokens=_summed([answer.completion_tokens for answer in found]),
        reasoning_tokens=_summed([answer.reasoning_tokens for answer in found]),
        cost_usd=_cost(model, found, services),
    )


def _summed(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _cost(model: str, answers: Sequence[Answer], services: Services) -> str | None:
    costs = [services.prices.cost(model, answer.tokens) for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return dollars(sum(known, Decimal(0))) if len(known) == len(costs) else None
