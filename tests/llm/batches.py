"""The demo's Batch API in a thread, its batch_ledger, and a client of ours to it."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import uvicorn
from sqlalchemy import Engine

from demo.llm_batches import BatchFaults
from demo.llm_completion import MODEL
from demo.llm_limits import RateLimits
from demo.llm_server import create_app
from dynosaur_etl.domain.batch import Batch, BatchStatus
from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.llm.batch_client import BatchClient, Submission
from dynosaur_etl.llm.batch_rules import DEFAULT_RULES, BatchRules
from dynosaur_etl.llm.batch_server import KEY_NAME, BatchServer
from dynosaur_etl.llm.prices import load_prices
from dynosaur_etl.store.batches import PostgresBatchLedger, all_batches
from dynosaur_etl.store.forms import PostgresForms
from tests.llm.asking import make_request


@dataclass(frozen=True)
class BatchLlm:
    """A running server: its address, what goes wrong with it, and what it charged."""

    url: str
    faults: BatchFaults
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        text = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def paid(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["paid"]]

    def times_paid(self) -> Counter[str]:
        return Counter(line["request_hash"] for line in self.paid())

    def times_made(self) -> Counter[str]:
        """Give how often the server has made each batch, by our key; one is the right number."""
        with openai.OpenAI(base_url=self.url, api_key="sk-test") as client:
            made = client.batches.list(limit=100)
            return Counter((batch.metadata or {}).get(KEY_NAME, "") for batch in made)

    def bill(self) -> Decimal:
        """Give what the server's own log comes to, at half the list price."""
        price = load_prices().price(MODEL)
        assert price is not None
        tokens = [(line["prompt_tokens"], line["completion_tokens"]) for line in self.paid()]
        total = sum(
            prompt * price.input.base + answer * price.output.base for prompt, answer in tokens
        )
        return Decimal(total) / 2 / 1_000_000


@contextmanager
def serve_batches(folder: Path, limits: RateLimits | None = None) -> Iterator[BatchLlm]:
    """Run the demo's server on a free port of the loopback address for the length of a block."""
    faults, log = BatchFaults(), folder / "llm.jsonl"
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(log, faults=faults, limits=limits)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield BatchLlm(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", faults, log)
    finally:
        server.should_exit = True
        thread.join(10)


def make_batch_ledger(engine: Engine, run: str = "5", month: str = "50") -> PostgresBatchLedger:
    return PostgresBatchLedger(engine, Decimal(run), Decimal(month), load_prices().in_batch())


def make_client(
    url: str,
    batch_ledger: PostgresBatchLedger,
    shard_lines: int = 100,
    attempts: int = 3,
    settling: float = 0,
    rules: BatchRules = DEFAULT_RULES,
) -> BatchClient:
    server = BatchServer(url, "sk-test", 10)
    forms = PostgresForms(batch_ledger._engine, url)
    return BatchClient(server, batch_ledger, forms, shard_lines, attempts, 0.01, settling, rules)


def questions(number: int, model: str = MODEL) -> list[ChatRequest]:
    return [make_request(f"question {n}", model=model) for n in range(number)]


def collect(client: BatchClient, submission: Submission) -> list[Batch]:
    """Look at batches until all are closed."""
    deadline = time.monotonic() + 30
    while True:
        looks = [client.look(key) for key in submission.batches]
        if all(look.batch.status == BatchStatus.CLOSED for look in looks):
            return [look.batch for look in looks]
        assert time.monotonic() < deadline


def only_batch(engine: Engine) -> Batch:
    [batch] = all_batches(engine)
    return batch
