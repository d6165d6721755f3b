"""Asks a server through the real door and the real ledger; also the program of a process to kill.

python -m tests.llm.asking DATABASE_URL LLM_URL NUMBER [NAME RUN_BUDGET]
"""

import asyncio
import sys
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import Engine

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.pace import PaceRules
from dynosaur_etl.llm.door import LlmDoor
from dynosaur_etl.llm.outcomes import Outcomes
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.store.database import connect
from dynosaur_etl.store.ledger import PacedServer, PostgresLedger

DAY = "2020-12-03"
MODEL = "gpt-4o-mini"


def make_request(text: str, purpose: str = "propose", model: str = MODEL) -> ChatRequest:
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


RULES = PaceRules(first_pause=0.05)


def make_ledger(
    engine: Engine,
    run: str | None = "5",
    month: str | None = "50",
    rules: PaceRules = RULES,
) -> PostgresLedger:
    caps = [None if cap is None else Decimal(cap) for cap in (run, month)]
    return PostgresLedger(engine, *caps, load_prices(), PacedServer("http://server", rules))


def make_door(
    url: str,
    ledger: PostgresLedger,
    concurrency: int = 8,
    attempts: int = 3,
    timeout: float = 5,
) -> LlmDoor:
    return LlmDoor(url, "sk-test", timeout, concurrency, attempts, ledger, first_backoff=0.02)


def ask(door: LlmDoor, requests: Sequence[ChatRequest], day: str = DAY) -> Outcomes:
    return asyncio.run(door.ask_all(requests, day))


def main(
    database_url: str, llm_url: str, number: str, name: str = "question", run: str = "5"
) -> None:
    ledger = make_ledger(connect(database_url), run)
    requests = [make_request(f"{name} {n}") for n in range(int(number))]
    outcomes = ask(make_door(llm_url, ledger, concurrency=4), requests)
    sys.stdout.write(f"{len(outcomes.answered)} {outcomes.sent}\n")
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
