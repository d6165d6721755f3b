"""Asks under a limit: python -m tests.llm.limited DATABASE LLM LIMIT WINDOW NAME N."""

import sys

from dynosaur_etl.domain.rate_limit import RateLimitRules
from dynosaur_etl.store.database import connect
from tests.llm.asking import ask, make_client, make_ledger, make_request


def main(database_url: str, llm_url: str, limit: str, window: str, name: str, number: str) -> None:
    rules = RateLimitRules(requests=int(limit), window=float(window), margin=0.5)
    ledger = make_ledger(connect(database_url), rules=rules)
    requests = [make_request(f"{name} {n}") for n in range(int(number))]
    outcomes = ask(make_client(llm_url, ledger, concurrency=16, timeout=60), requests)
    sys.stdout.write(f"{len(outcomes.answered)}\n")
    ledger.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
