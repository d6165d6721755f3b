"""What proposing tasks for a day would cost, from the requests that would be sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from dynosaur_etl.domain.chat import ChatRequest, TokenCounts
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.propose.questions import questions
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import cap
from dynosaur_etl.store.answers import stored_answers
from dynosaur_etl.store.budget import month_scope, run_scope
from dynosaur_etl.store.spending import Usage, usage, used_of_budget

USUAL_BYTES_PER_TOKEN = 4


@dataclass(frozen=True)
class Estimate:
    """What a day's requests for tasks would come to; amounts in US dollars.

    Attributes:
        answered: requests whose answers are in the ledger.
        estimator: how tokens were estimated, in words.
        expected_usd: None, like `at_most_usd`, where a price is unknown.
        price: where the price is from; None where it is unknown.
        run_budget_left_usd: None, like the month's, where the budget is unlimited.
    """

    day: str
    model: str
    requests: int
    answered: int
    to_send: int
    prompt_tokens: int
    completion_tokens: int
    estimator: str
    expected_usd: Decimal | None
    at_most_usd: Decimal | None
    price: str | None
    run_budget_left_usd: Decimal | None
    month_budget_left_usd: Decimal | None


def estimate(day: GrowthDay, services: Services) -> Estimate:
    """Return what proposing tasks for a day would cost, from the requests that would be sent.

    The prompts are built as for sending. Their tokens are estimated from their bytes: by the bytes
    a token of the model's newest answers in the ledger, or 4 bytes a token before there is one. An
    answer is taken to be as long as those answers are, or as long as the request allows.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    asked = [question.request for question in questions(day, services)]
    stored = stored_answers(services.engine, [request.key for request in asked])
    left = [request for request in asked if request.key not in stored.answered]
    model, settings = services.settings.llm_model, services.settings
    known = usage(services.engine, model, left[0].purpose) if left else Usage(0, 0, 0, 0)
    prompts = [_prompt_tokens(request, known) for request in left]
    answers = [_completion_tokens(request, known) for request in left]
    purpose = left[0].purpose if left else ""
    origin = services.prices.origin(model)
    return Estimate(
        day=str(day),
        model=model,
        requests=len(asked),
        answered=len(asked) - len(left),
        to_send=len(left),
        prompt_tokens=sum(prompts),
        completion_tokens=sum(answers),
        estimator=_estimator(known),
        expected_usd=_expected(services, model, prompts, answers),
        at_most_usd=_at_most(services, left),
        price=None if origin is None else f"{origin.source} {origin.version}",
        run_budget_left_usd=_left(
            services, cap(settings.llm_budget_run_usd), run_scope(str(day), purpose)
        ),
        month_budget_left_usd=_left(
            services, cap(settings.llm_budget_month_usd), month_scope(datetime.now(UTC))
        ),
    )


def _prompt_tokens(request: ChatRequest, known: Usage) -> int:
    if not known.prompt_bytes:
        return -(-request.prompt_bytes // USUAL_BYTES_PER_TOKEN)
    return -(-request.prompt_bytes * known.prompt_tokens // known.prompt_bytes)


def _completion_tokens(request: ChatRequest, known: Usage) -> int:
    if not known.answers:
        return request.most_completion_tokens
    return min(-(-known.completion_tokens // known.answers), request.most_completion_tokens)


def _estimator(known: Usage) -> str:
    if not known.answers:
        return f"{USUAL_BYTES_PER_TOKEN} bytes a token; answers as long as they may be"
    ratio = known.prompt_bytes / max(known.prompt_tokens, 1)
    return f"{ratio:.2f} bytes a token and the mean answer, from {known.answers} answers"


def _expected(
    services: Services, model: str, prompts: Sequence[int], answers: Sequence[int]
) -> Decimal | None:
    return services.prices.cost(model, TokenCounts(sum(prompts), 0, 0, sum(answers)))


def _at_most(services: Services, requests: Sequence[ChatRequest]) -> Decimal | None:
    bounds = [services.prices.upper_bound(request) for request in requests]
    known = [bound for bound in bounds if bound is not None]
    return sum(known, Decimal(0)) if len(known) == len(bounds) else None


def _left(services: Services, budget: Decimal | None, scope: str) -> Decimal | None:
    return None if budget is None else budget - used_of_budget(services.engine, scope)
