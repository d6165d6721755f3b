"""A whole installation that may be shaken: servers behind proxies, a database and a home."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from dynosaur_etl.domain.errors import StoreUnavailable
from dynosaur_etl.store.database import connect, upgrade
from dynosaur_etl.store.embedded import embedded_url, start_embedded, stop_embedded
from tests.chaos.commands import Command, start
from tests.flows.hubs import write_dataset
from tests.flows.support import ROOT, environment, free_port, serving, serving_llm
from tests.flows.versioned import DAYS, NAMES, diary

TEMPLATE = "template_dynosaur"
CONNECTIONS = 40
STARTS = 6
"""How often PostgreSQL is asked to start; each time it may take ten seconds."""
CAP = Decimal(2)  # US dollars, of a run and of a month
_numbers = count()


@dataclass
class Database:
    """A PostgreSQL of this run's own, which may be killed."""

    folder: Path

    def host(self) -> str:
        """Return its socket's folder; start it where it does not run, however long it recovers."""
        for _ in range(STARTS):
            with contextlib.suppress(StoreUnavailable, AssertionError):
                return str(start_embedded(self.folder))
        raise TimeoutError(f"PostgreSQL does not start; its log is {self.folder}/log")

    def admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host=self.host(), user="postgres", autocommit=True)

    def prepare(self) -> None:
        engine = connect(embedded_url(self.folder, TEMPLATE))
        upgrade(engine)
        engine.dispose()
        with self.admin() as admin:
            admin.execute(f"alter system set max_connections = {CONNECTIONS}")
        self.kill()
        self.host()

    def make(self) -> str:
        """Make a database with tables and no rows, and return its URL."""
        name = f"chaos_{next(_numbers)}"
        statement = sql.SQL("create database {} template {}")
        with self.admin() as admin:
            admin.execute(statement.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        return f"postgresql+psycopg://postgres@/{name}?host={self.host()}"

    def kill(self) -> None:
        """Kill the postmaster, and wait until its backends are gone with it."""
        pid = int((self.folder / "postmaster.pid").read_text().split()[0])
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        processes[0].send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(processes, 5)
        for process in alive:
            process.kill()


@dataclass
class World:
    """One installation.

    Attributes:
        rates: the files that tell the proxies which share of requests fails.
        llm_log: of the LLM server, which remembers nothing of other installations.
    """

    home: Path
    values: dict[str, str]
    database: Database
    rates: list[Path]
    llm_log: Path
    mutant: str = ""
    cap: Decimal = CAP

    def start(self, *words: str) -> Command:
        return start(words, self.values, self.mutant)

    def fail_requests(self, share: float) -> None:
        for path in self.rates:
            path.write_text(str(share))

    def paid(self) -> list[dict[str, Any]]:
        """Return what the LLM server was paid for, by its own log."""
        lines = self.llm_log.read_text().splitlines() if self.llm_log.exists() else []
        return [line for text in lines if (line := json.loads(text))["paid"]]


@dataclass
class Worlds:
    """What all installations of a run share."""

    folder: Path
    database: Database
    urls: tuple[str, str]
    rates: list[Path]
    llm_port: int
    more: dict[str, str]

    @contextmanager
    def one(self, name: str, mutant: str = "") -> Iterator[World]:
        """Make an installation, and remove it after the block."""
        home = self.folder / name
        home.mkdir()
        servers = _Addresses(*self.urls)
        values = environment(servers, self.database.make(), home, **self.more)  # type: ignore[arg-type]
        log = home / "llm.jsonl"
        with serving_llm(log, port=self.llm_port):
            yield World(home, values, self.database, self.rates, log, mutant)
        shutil.rmtree(home)


@dataclass
class _Addresses:
    hub: str
    llm: str


@contextmanager
def worlds(folder: Path, seed: int) -> Iterator[Worlds]:
    """Start PostgreSQL, both demo servers and their proxies for the length of a block."""
    (folder / "hub").mkdir()
    for number, name in enumerate(NAMES):
        table = diary(name)
        day = DAYS[number % 2]
        write_dataset(folder / "hub", f"reed/{name}", day, data__train_dot_parquet=table)
    database = Database(folder / "postgres" / "data")
    database.prepare()
    more = {"DYNOSAUR_LLM_BUDGET_RUN_USD": str(CAP), "DYNOSAUR_LLM_BUDGET_MONTH_USD": str(CAP)}
    more |= {"DYNOSAUR_HUB_TIMEOUT": "10", "DYNOSAUR_LLM_TIMEOUT": "10"}
    rates = [folder / "hub.rate", folder / "llm.rate"]
    processes: list[subprocess.Popen[bytes]] = []
    with serving(folder / "hub", folder) as servers:
        try:
            hub = _proxy(servers.hub, rates[0], seed, processes)
            llm_port = free_port()
            llm = _proxy(f"http://127.0.0.1:{llm_port}", rates[1], seed + 1, processes)
            yield Worlds(folder, database, (hub, f"{llm}/v1"), rates, llm_port, more)
        finally:
            for process in processes:
                process.kill()
                process.wait()
            stop_embedded(database.folder)


def _proxy(target: str, rate: Path, seed: int, processes: list[subprocess.Popen[bytes]]) -> str:
    rate.write_text("0")
    port = free_port()
    words = ["tests.chaos.proxy", str(port), target, str(rate), str(seed)]
    process = subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT)
    processes.append(process)
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.05)
    return f"http://127.0.0.1:{port}"
