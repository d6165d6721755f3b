"""One real system for all tests of this folder: the demo, in a home of its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Table

from dynosaur_etl.local.airflow_api import AirflowApi
from dynosaur_etl.local.credentials import ADMIN, load_credentials
from dynosaur_etl.local.system import stop_system, system_address
from dynosaur_etl.store.tables import CLOCK_COLUMNS, INDEX_TABLES, Base
from tests.airflow.metrics_listener import metrics_listener

ROOT = Path(__file__).resolve().parents[2]
OURS = ("DYNOSAUR_", "AIRFLOW_", "HF_", "OPENAI_")


@dataclass(frozen=True)
class Demo:
    """A demo that has grown its three days; `shown` is what it printed."""

    home: Path
    shown: str

    @property
    def url(self) -> str:
        address = system_address(self.home)
        assert address is not None
        return address.url

    def api(self) -> AirflowApi:
        return AirflowApi(self.url, ADMIN, self.password(ADMIN))

    def password(self, user: str) -> str:
        return load_credentials(self.home / "airflow").password_of(user)

    def client(self, user: str) -> httpx.Client:
        """Give a client that is logged in as the user."""
        login = {"username": user, "password": self.password(user)}
        answer = httpx.post(f"{self.url}/auth/token", json=login, timeout=30)
        token = answer.raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def command(self, *arguments: str) -> Any:
        """Run a `dynosaur` command over the demo's home, and give its JSON."""
        ended = run_module(
            "dynosaur_etl", "--env-file", str(self.home / "env"), *arguments, "--json"
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def connect(self, database: str = "dynosaur") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.home / "postgres"), user="postgres", dbname=database, autocommit=True
        )

    def wait_until_quiet(self, seconds: float = 5) -> None:
        """Wait until no DAG run has been queued or running for some seconds.

        Earlier tests leave work behind: a task that they healed tells its asset, and a run follows.
        """
        api, quiet_since = self.api(), time.monotonic()
        end = quiet_since + 300
        while time.monotonic() - quiet_since < seconds:
            assert time.monotonic() < end
            time.sleep(0.5)
            if api.get("/dags/~/dagRuns", state=["queued", "running"])["total_entries"]:
                quiet_since = time.monotonic()

    def contents(self) -> dict[str, Any]:
        """Give every row but for its clocks, every file's bytes, and every paid request."""
        with self.connect() as connection:
            tables = {
                table.name: _rows(connection, table)
                for table in Base.metadata.sorted_tables
                if table.name not in INDEX_TABLES
            }
        store = self.home / "store"
        files = {
            str(path.relative_to(store)): path.read_bytes()
            for path in sorted(store.rglob("*"))
            if path.is_file()
        }
        return {"tables": tables, "files": files, "paid": self.paid_requests()}

    def paid_requests(self) -> list[str]:
        log = (self.home / "demo-llm.requests.jsonl").read_text().splitlines()
        return [line["request_hash"] for line in map(json.loads, log) if line["paid"]]


def _rows(connection: psycopg.Connection, table: Table) -> list[str]:
    names = [column.name for column in table.columns if column.name not in CLOCK_COLUMNS]
    query = sql.SQL("select {} from {}").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(table.name)
    )
    return sorted(repr(row) for row in connection.execute(query))


def clean_environment() -> dict[str, str]:
    """Give this process's environment without whatever configures the product or Airflow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"PYTHONPATH": str(ROOT)}


def run_module(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT, env=clean_environment() | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def run_demo(home: Path) -> str:
    """Run the demo; it tells its metrics to a listener, and publishes to a folder."""
    environment = metrics_listener().environment | {"DYNOSAUR_PUBLISH_URL": str(home / "published")}
    ended = run_module("demo.run", "--home", str(home), **environment)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-demo-"))
    folder.chmod(0o755)
    home = folder / "home"
    try:
        yield Demo(home, run_demo(home))
    finally:
        stop_system(home)
        shutil.rmtree(folder, ignore_errors=True)
