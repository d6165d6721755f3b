"""Scoring by the heuristics and a judge, and embedding, killed in the middle and run again."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.store.ledger_audit import audit
from tests.flows import growth
from tests.flows.support import (
    DEMO_HUB,
    GROW_STEPS,
    POLL_STEPS,
    ROOT,
    Servers,
    dump_files,
    dump_tables,
    environment,
    serving,
    settings,
)

pytestmark = pytest.mark.timeout(1200)

DAY = "2026-10-06"
KILLS = [
    ("dynosaur_etl.store.ledger:PostgresLedger.settle_all", 1, "before"),
    ("dynosaur_etl.flows.prepare.instance_parts:save_checkpoints", 1, "after"),
    ("dynosaur_etl.flows.prepare.embed:check_unit", 1, "after"),
]
LEDGER = ("llm_attempts", "llm_budgets", "llm_requests")  # a lost attempt is counted there


def environ_of(servers: Servers, database_url: str, home: Path) -> dict[str, str]:
    return environment(servers, database_url, home, DYNOSAUR_SCORERS="heuristics,judge")


def run(values: dict[str, str], *steps: Callable[..., object]) -> None:
    with open_services(settings(values)) as services:
        for step in steps:
            step(GrowthDay.parse(DAY), services)


def test_a_killed_scoring_and_embedding_leave_the_same_files_and_pay_once(
    make_database: Callable[[], str], tmp_path: Path
) -> None:
    with serving(DEMO_HUB, tmp_path / "logs") as servers:
        killed = environ_of(servers, make_database(), tmp_path / "killed")
        until_filled = GROW_STEPS[: GROW_STEPS.index(growth.score)]
        run(killed, *POLL_STEPS, *until_filled)
        for target, nth, moment in KILLS:
            result = subprocess.run(
                [sys.executable, "-m", "tests.flows.killed_run", target, str(nth), moment, DAY],
                cwd=ROOT,
                env={**os.environ, **killed},
                capture_output=True,
                text=True,
            )
            assert result.returncode == -signal.SIGKILL, f"{target}: {result.stderr[-2000:]}"
        run(killed, growth.score, growth.embed)
        paid = Counter(line["request_hash"] for line in servers.paid_requests())

        undisturbed = environ_of(servers, make_database(), tmp_path / "undisturbed")
        run(undisturbed, *POLL_STEPS, *GROW_STEPS)

    assert set(paid.values()) == {1}, "a request was paid twice"
    tables = [dump_tables(it["DYNOSAUR_DATABASE_URL"], *LEDGER) for it in (killed, undisturbed)]
    assert tables[0] == tables[1]
    survivors, files = dump_files(tmp_path / "killed"), dump_files(tmp_path / "undisturbed")
    assert files.items() <= survivors.items()
    assert {path.split("/")[0] for path in files} >= {"scores", "embeddings", "instances"}
    with open_services(settings(killed)) as services:
        assert audit(services.engine).consistent
