"""The limiter against a server that really limits, by requests and by tokens, over HTTP."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from demo.llm_completion import MODEL
from demo.llm_limits import RateLimits
from dynosaur_etl.domain.rate_limit import RateLimitRules
from dynosaur_etl.store.forms import PostgresForms
from dynosaur_etl.store.ledger_audit import audit, spend
from tests.llm.asking import ask, make_client, make_ledger, make_request
from tests.llm.batches import BatchLlm, serve_batches

WINDOW = 1.0
RULES = RateLimitRules(window=WINDOW, margin=0.5)
LIMITS = {
    "requests": RateLimits(requests=8, window=WINDOW),
    "tokens": RateLimits(tokens=500, window=WINDOW),
}
REQUESTS = [make_request(f"a question of some length, number {n}", model=MODEL) for n in range(14)]


@pytest.fixture(params=LIMITS)
def limited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BatchLlm]:
    with serve_batches(tmp_path, LIMITS[request.param]) as llm:
        yield llm


def statuses(llm: BatchLlm) -> Counter[int]:
    return Counter(line["status"] for line in llm.lines())


def test_what_one_answer_tells_is_enough_to_be_refused_never(
    limited: BatchLlm, engine: Engine
) -> None:
    with closing(make_ledger(engine, rules=RULES)) as ledger:
        ask(make_client(limited.url, ledger), REQUESTS[:1])
        outcomes = ask(make_client(limited.url, ledger, concurrency=16), REQUESTS)
    assert len(outcomes.answered) == len(REQUESTS)
    assert statuses(limited) == {200: len(REQUESTS)}


def test_a_burst_is_refused_and_in_the_end_answered_and_paid_once(
    limited: BatchLlm, engine: Engine
) -> None:
    PostgresForms(engine, limited.url).accept(MODEL, REQUESTS[0].features)  # else one goes ahead
    with closing(make_ledger(engine, rules=RULES)) as ledger:
        outcomes = ask(make_client(limited.url, ledger, concurrency=16), REQUESTS)
    assert len(outcomes.answered) == len(REQUESTS)
    found = statuses(limited)
    assert found[200] == len(REQUESTS)
    assert 0 < found[429] <= 16, "those that left before the first word of the limit"
    assert audit(engine).attempts == {"answered": len(REQUESTS), "failed": found[429]}
    spent, paid = spend(engine), limited.paid()
    assert spent.prompt_tokens == sum(line["prompt_tokens"] for line in paid)
    assert spent.completion_tokens == sum(line["completion_tokens"] for line in paid)
