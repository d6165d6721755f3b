"""A real growth for the tests: the embedded servers as processes, and the store laid open."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from sqlalchemy import create_engine, select

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.models import StepReport
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.poll import candidates as poll
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.tables import CLOCK_COLUMNS, INDEX_TABLES, Base
from tests.flows import growth

ROOT = Path(__file__).resolve().parents[2]
DEMO_HUB = ROOT / "demo" / "hub"
POLL_STEPS = (poll.sync_catalogue, poll.find_candidates, poll.examine_candidates)
GROW_STEPS = (
    growth.propose_all, growth.criticise, growth.validate, growth.fill, growth.score, growth.embed,
)  # fmt: skip


@dataclass(frozen=True)
class Servers:
    """The embedded Hub and LLM, with their request logs."""

    hub: str
    llm: str
    hub_log: Path
    llm_log: Path

    def paid_requests(self) -> list[dict[str, Any]]:
        if not self.llm_log.exists():
            return []
        lines = [json.loads(line) for line in self.llm_log.read_text().splitlines()]
        return [line for line in lines if line["paid"]]

    def hub_requests(self) -> int:
        return len(self.hub_log.read_text().splitlines()) if self.hub_log.exists() else 0


@contextmanager
def serving(hub: Path, logs: Path) -> Iterator[Servers]:
    """Start both servers for the length of a block."""
    logs.mkdir(parents=True, exist_ok=True)
    hub_log, llm_log = logs / "hub.jsonl", logs / "llm.jsonl"
    hub_port, llm_port = free_port(), free_port()
    processes = [
        _start("demo.hub_server", "--root", hub, "--port", hub_port, "--log", hub_log),
        _start("demo.llm_server", "--port", llm_port, "--log", llm_log),
    ]
    try:
        hub_url, llm_url = f"http://127.0.0.1:{hub_port}", f"http://127.0.0.1:{llm_port}/v1"
        wait_for(f"{hub_url}/api/datasets?limit=1", processes[0])
        wait_for(f"{llm_url}/models", processes[1])
        yield Servers(hub_url, llm_url, hub_log, llm_log)
    finally:
        for process in processes:
            process.terminate()
            process.wait(10)


@contextmanager
def serving_llm(log: Path, *options: str, port: int | None = None) -> Iterator[str]:
    """Start the LLM server alone, with options, for the length of a block; yield its URL."""
    port = port or free_port()
    process = _start("demo.llm_server", "--port", port, "--log", log, *options)
    try:
        wait_for(f"http://127.0.0.1:{port}/v1/models", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


def environment(servers: Servers, database_url: str, home: Path, **more: str) -> dict[str, str]:
    """Give the settings of a growth over the servers, as the environment names them."""
    return {
        "DYNOSAUR_HOME": str(home),
        "DYNOSAUR_DATABASE_URL": database_url,
        "HF_ENDPOINT": servers.hub,
        "DYNOSAUR_VIEWER_URL": f"{servers.hub}/viewer",
        "OPENAI_BASE_URL": servers.llm,
        "OPENAI_API_KEY": "test-key",
        "DYNOSAUR_LLM_MODEL": "dynosaur-demo-rules",
        "DYNOSAUR_CRITIC_MODEL": "none",
        "DYNOSAUR_INSTANCES_PER_TASK": "8",
        "DYNOSAUR_SELECTION_SIZE": "20",
    } | more


def settings(values: dict[str, str]) -> Settings:
    """Read settings from names and values alone."""
    lower = {
        (name if name.startswith(("HF_", "OPENAI_")) else name.removeprefix("DYNOSAUR_").lower()):
        value
        for name, value in values.items()
    }  # fmt: skip
    return Settings(**lower)  # type: ignore[arg-type]


def run_day(day: str, services: Services) -> list[StepReport]:
    """Poll and grow a day."""
    return [step(GrowthDay.parse(day), services) for step in (*POLL_STEPS, *GROW_STEPS)]


def run_all(days: tuple[str, ...], services: Services) -> list[StepReport]:
    """Poll and grow days, then snapshot the pool up to the last."""
    reports = [report for day in days for report in run_day(day, services)]
    built = training_set.build_snapshot(GrowthDay.parse(days[-1]), services)
    verified = training_set.verify_snapshot(built.facts["version"], services)
    return [*reports, built, verified]


def dump_tables(database_url: str, *without: str) -> dict[str, list[str]]:
    """Give every row of every table as text, without the columns that tell the clock."""
    engine = create_engine(database_url)
    tables = {}
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in INDEX_TABLES.union(without):
                columns = [column for column in table.c if column.name not in CLOCK_COLUMNS]
                rows = connection.execute(select(*columns))
                tables[table.name] = sorted(canonical_json(list(row)) for row in rows)
    engine.dispose()
    return tables


def dump_files(home: Path) -> dict[str, str]:
    """Give the checksum of every file of the storage."""
    store = home / "store"
    return {
        str(path.relative_to(store)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(module: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        try:
            with urlopen(url, timeout=2):
                return
        except OSError as error:
            if getattr(error, "code", None) is not None:
                return  # it answers, if only to say no
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")
