"""A run that is killed in the middle of a step, and run again, leaves the undisturbed result."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dynosaur_etl.flows.runtime.services import open_services
from tests.flows.support import (
    DEMO_HUB,
    ROOT,
    Servers,
    dump_files,
    dump_tables,
    environment,
    run_all,
    serving,
    settings,
)

pytestmark = pytest.mark.timeout(1200)

DAYS = ("2026-10-05", "2026-10-06")

KILLS = [
    ("dynosaur_etl.store.catalogue:_upsert", 1, "after"),
    ("dynosaur_etl.flows.poll.commits:replace_commits", 1, "after"),
    ("dynosaur_etl.flows.runtime.step:commit_step", 1, "before"),
    ("dynosaur_etl.flows.poll.examine:save_checkpoints", 1, "after"),
    ("dynosaur_etl.store.storage:Storage.write_table", 1, "after"),
    ("dynosaur_etl.store.ledger:PostgresLedger.claim", 1, "after"),
    ("dynosaur_etl.store.ledger:PostgresLedger.settle_all", 1, "before"),
    ("dynosaur_etl.store.ledger:PostgresLedger.settle_all", 1, "after"),
    ("dynosaur_etl.flows.propose.validate:_record", 1, "after"),
    ("dynosaur_etl.flows.fill.filler:Filler.fill", 2, "after"),
    ("dynosaur_etl.flows.fill.shards:save_checkpoints", 3, "after"),
    ("dynosaur_etl.flows.fill.fill:find_duplicates", 1, "after"),
    ("dynosaur_etl.flows.prepare.score:make_parts", 1, "after"),
    ("dynosaur_etl.flows.prepare.instance_parts:save_checkpoints", 1, "before"),
    ("dynosaur_etl.flows.prepare.instance_parts:save_checkpoints", 2, "after"),
    ("dynosaur_etl.inference.embedding:Embedder.embed", 1, "after"),
    ("dynosaur_etl.flows.select.growth_mode:select", 1, "after"),
    ("dynosaur_etl.flows.snapshot.versions:write_snapshot", 1, "after"),
    ("dynosaur_etl.flows.snapshot.versions:place_snapshot", 1, "after"),
    ("dynosaur_etl.flows.snapshot.versions:find_problems", 1, "before"),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serving(DEMO_HUB, tmp_path_factory.mktemp("logs")) as running:
        yield running


def test_killed_at_every_step_and_run_again(
    servers: Servers, make_database: Callable[[], str], tmp_path: Path
) -> None:
    killed_url, undisturbed_url = make_database(), make_database()
    small = {"DYNOSAUR_FILL_BATCH_TASKS": "1"}
    killed = environment(servers, killed_url, tmp_path / "killed", **small)
    for target, nth, moment in KILLS:
        result = subprocess.run(
            [sys.executable, "-m", "tests.flows.killed_run", target, str(nth), moment, *DAYS],
            cwd=ROOT,
            env={**os.environ, **killed},
            capture_output=True,
            text=True,
        )
        assert result.returncode == -signal.SIGKILL, f"{target}: {result.stderr[-2000:]}"
    with open_services(settings(killed)) as services:
        run_all(DAYS, services)
    paid = Counter(line["request_hash"] for line in servers.paid_requests())

    undisturbed = environment(servers, undisturbed_url, tmp_path / "undisturbed", **small)
    with open_services(settings(undisturbed)) as services:
        run_all(DAYS, services)

    ledger = ("llm_attempts", "llm_budgets", "llm_requests")  # a lost attempt is counted there
    assert dump_tables(killed_url, *ledger) == dump_tables(undisturbed_url, *ledger)
    survivors = dump_files(tmp_path / "killed")
    assert dump_files(tmp_path / "undisturbed").items() <= survivors.items()
    assert sum(name.startswith("snapshots/v") for name in survivors) > 0
    assert not [name for name in survivors if name.startswith("snapshots/v0002")]
    assert set(paid.values()) == {1}, "a request was paid twice"
