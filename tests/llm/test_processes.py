"""Several processes over one ledger, one of them killed while its requests are in flight."""

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from dynosaur_etl.store.ledger_audit import audit
from tests.llm.asking import ask, make_client, make_ledger, make_request
from tests.llm.faulty_llm import FaultyLlm

ROOT = Path(__file__).resolve().parents[2]
NUMBER = 30


def start(database_url: str, llm: FaultyLlm, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.llm.asking", database_url, llm.url, str(NUMBER), *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def wait_for(llm: FaultyLlm, requests: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while llm.received.total() < requests:
        assert process.poll() is None, "the process ended early"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until_dead(engine: Engine) -> int:
    """Wait until the database has noticed the death; give the requests left in flight."""
    deadline = time.monotonic() + 30
    while not (ownerless := audit(engine).ownerless):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return ownerless


def test_processes_that_race_for_the_same_keys_pay_once(
    database_url: str, llm: FaultyLlm, engine: Engine
) -> None:
    llm.latency = 0.05
    llm.honours_keys = False
    racers = [start(database_url, llm) for _ in range(2)]
    reports = [racer.communicate(timeout=120)[0].split() for racer in racers]

    assert [answered for answered, _ in reports] == [str(NUMBER)] * 2
    assert sum(int(sent) for _, sent in reports) == NUMBER
    assert llm.received.total() == llm.paid.total() == NUMBER
    assert audit(engine).attempts == {"answered": NUMBER}
    assert audit(engine).consistent


def test_processes_cannot_spend_the_last_dollar_twice(
    database_url: str, llm: FaultyLlm, engine: Engine
) -> None:
    llm.latency = 0.05
    budget = "0.0004"
    racers = [start(database_url, llm, name, budget) for name in ("first", "second")]
    reports = [racer.communicate(timeout=120)[0].split() for racer in racers]
    found = audit(engine)
    assert sum(int(sent) for _, sent in reports) == llm.paid.total() < 2 * NUMBER
    assert Decimal(budget) * Decimal("0.7") < found.cost_usd <= Decimal(budget)
    assert found.consistent


def test_a_killed_process_is_taken_over_and_nothing_is_paid_twice(
    database_url: str, llm: FaultyLlm, engine: Engine
) -> None:
    llm.latency = 0.3
    killed = start(database_url, llm)
    wait_for(llm, 6, killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    llm.latency = 0
    in_flight = wait_until_dead(engine)

    ledger = make_ledger(engine)
    result = ask(
        make_client(llm.url, ledger), [make_request(f"question {n}") for n in range(NUMBER)]
    )
    ledger.close()
    after = audit(engine)
    assert len(result.answered) == NUMBER
    assert after.requests == {"answered": NUMBER}
    assert after.lost == in_flight
    assert after.consistent
    assert after.reserved_usd == 0
    assert after.lost_usd > 0, "what may have been paid is counted"
    assert set(llm.paid.values()) == {1}
    # a request that was written down but had not left yet counts as lost as well
    assert NUMBER <= llm.received.total() <= NUMBER + after.lost


def test_the_claim_of_a_live_process_is_waited_for(
    database_url: str, llm: FaultyLlm, engine: Engine
) -> None:
    llm.latency = 0.5
    other = start(database_url, llm)
    wait_for(llm, 4, other)
    ledger = make_ledger(engine)
    result = ask(make_client(llm.url, ledger), [make_request("question 0")])
    ledger.close()
    assert result.sent == 0
    assert len(result.answered) == 1
    assert llm.received["question 0"] == 1
    llm.latency = 0
    other.communicate(timeout=120)
