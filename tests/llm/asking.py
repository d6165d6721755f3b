"""Asks a server through the real client and the real ledger; also the program of a process to kill.

python -m tests.llm.asking DATABASE_URL LLM_URL NUMBER [NAME RUN_BUDGET FORM]
"""

import asyncio
import sys
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import Engine

from dynosaur_etl.domain.chat import ChatRequest, Purpose
from dynosaur_etl.domain.rate_limit import RateLimitRules
from dynosaur_etl.llm.client import LlmClient
from dynosaur_etl.llm.outcomes import Outcomes
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.store.database import connect
from dynosaur_etl.store.forms import PostgresForms
from dynosaur_etl.store.ledger import LimitedServer, PostgresLedger

DAY = "2020-12-03"
MODEL = "gpt-4o-mini"


def make_request(text: str, purpose: Purpose = Purpose.PROPOSE, model: str = MODEL) -> ChatRequest:
    return ChatRequest(
        purpose=purpose,
        subject=f"about {text}",
        model=model,
        messages=({"role": "user", "content": text},),
        schema=None,
        max_tokens=50,
        temperature=0,
        prompt_version="test-1",
    )


RULES = RateLimitRules(first_pause=0.05)


def make_ledger(
    engine: Engine,
    run: str | None = "5",
    month: str | None = "50",
    rules: RateLimitRules = RULES,
) -> PostgresLedger:
    caps = [None if cap is None else Decimal(cap) for cap in (run, month)]
    return PostgresLedger(engine, *caps, load_prices(), LimitedServer("http://server", rules))


def make_client(
    url: str,
    ledger: PostgresLedger,
    concurrency: int = 8,
    attempts: int = 3,
    timeout: float = 5,
    known: bool = True,
) -> LlmClient:
    """Make a client of a server; `known` where what `make_request` sends was taken before."""
    forms = PostgresForms(ledger._engine, url)
    if known:
        forms.accept(MODEL, make_request("").features)
    return LlmClient(url, "sk-test", timeout, concurrency, attempts, ledger, forms, 0.02)


def ask(client: LlmClient, requests: Sequence[ChatRequest], day: str = DAY) -> Outcomes:
    return asyncio.run(client.ask_all(requests, day))


def main(
    database_url: str,
    llm_url: str,
    number: str,
    name: str = "question",
    run: str = "5",
    form: str = "known",
) -> None:
    ledger = make_ledger(connect(database_url), run)
    requests = [make_request(f"{name} {n}") for n in range(int(number))]
    client = make_client(llm_url, ledger, concurrency=4, known=form == "known")
    outcomes = ask(client, requests)
    sys.stdout.write(f"{len(outcomes.answered)} {outcomes.sent}\n")
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
