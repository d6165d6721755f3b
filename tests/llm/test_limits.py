"""Rate limits: what headers report, and that many processes keep one limit over a real server."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

from dynosaur_etl.domain.rate_limit import RateLimitRules
from dynosaur_etl.store.ledger_audit import audit
from tests.llm.asking import ask, make_client, make_ledger, make_request
from tests.llm.faulty_llm import FaultyLlm

ROOT = Path(__file__).resolve().parents[2]
WINDOW, LIMIT = 1.0, 12


def headers(**values: str) -> dict[str, str]:
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in values.items()}


def fullest(times: list[float]) -> int:
    return max(sum(start <= moment < start + WINDOW for moment in times) for start in times)


def test_processes_together_never_pass_the_limit_in_any_window(
    database_url: str, llm: FaultyLlm, engine: Engine
) -> None:
    program = [sys.executable, "-m", "tests.llm.limited", database_url, llm.url]
    settings = [str(LIMIT), str(WINDOW)]
    racers = [
        subprocess.Popen([*program, *settings, name, "16"], cwd=ROOT, stdout=subprocess.PIPE)
        for name in ("a", "b", "c")
    ]
    assert [int(racer.communicate(timeout=120)[0]) for racer in racers] == [16] * 3
    times = sorted(moment for sent in llm.times.values() for moment in sent)
    assert len(times) == 48
    assert fullest(times) <= LIMIT
    assert times[-1] - times[0] < 48 / LIMIT * (WINDOW + 0.5) * 2, "the limit is used as well"
    assert audit(engine).consistent


def test_stored_answers_wait_for_no_turn(llm: FaultyLlm, engine: Engine) -> None:
    requests = [make_request(str(n)) for n in range(30)]
    with closing(make_ledger(engine)) as ledger:
        ask(make_client(llm.url, ledger), requests)
    slow = RateLimitRules(requests=1)
    with closing(make_ledger(engine, rules=slow)) as ledger:
        started = time.monotonic()
        assert ask(make_client(llm.url, ledger), requests).sent == 0
    assert time.monotonic() - started < 5


def test_what_headers_tell_paces_the_next_requests(llm: FaultyLlm, engine: Engine) -> None:
    llm.headers = headers(limit_requests="10", remaining_requests="9", reset_requests="100ms")
    rules = RateLimitRules(window=1.0, margin=0.2)
    with closing(make_ledger(engine, rules=rules)) as ledger:
        ask(make_client(llm.url, ledger), [make_request("first")])
        started = time.monotonic()
        ask(make_client(llm.url, ledger), [make_request(str(n)) for n in range(11)])
    assert time.monotonic() - started > 1.1


def test_a_refusal_in_one_process_holds_the_other_back(llm: FaultyLlm, engine: Engine) -> None:
    llm.scripts["a"] = ["429 seconds"]
    with closing(make_ledger(engine)) as first, closing(make_ledger(engine)) as second:
        started = time.monotonic()
        first.slow_down("gpt-4o-mini", 1.0)
        assert ask(make_client(llm.url, second), [make_request("b")]).sent == 1
    assert time.monotonic() - started >= 1.0


def test_a_pause_that_is_too_long_defers_what_is_left(llm: FaultyLlm, engine: Engine) -> None:
    llm.headers = headers(remaining_requests="0", reset_requests="2h0m0s")
    with closing(make_ledger(engine)) as ledger:
        requests = [make_request(str(n)) for n in range(5)]
        result = ask(make_client(llm.url, ledger, concurrency=1), requests)
    assert len(result.answered) == 1
    assert len(result.deferred) == 4
    assert "wait 7200 seconds" in " ".join(result.notes) or "wait 7199" in " ".join(result.notes)
    assert audit(engine).consistent
