"""Runs the whole system over the sample Hub: three growth days, from a Hub to a training set.

    python -m demo.run

It starts the sample Hub and the rule-based LLM beside Airflow, backfills `hub_poll` over the days,
waits for everything that follows from it, pauses `hub_poll` again, and tells what was made and what
unpausing would do. What is there is kept: a second run starts only what has stopped, and adds
nothing. `make stop` ends it all.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dynosaur_etl.domain.errors import DynosaurError
from dynosaur_etl.domain.reasons import REASON_WORDS, Reason
from dynosaur_etl.local.airflow_api import AirflowApi
from dynosaur_etl.local.environment import CHECKOUT, with_checkout
from dynosaur_etl.local.errors import SystemDown
from dynosaur_etl.local.growth import GrowthFailed, backfill, followed, set_paused
from dynosaur_etl.local.ports import free_port
from dynosaur_etl.local.processes import Command
from dynosaur_etl.local.system import SystemAddress, process_folder, start_system
from dynosaur_etl.settings import Settings, load_settings

if TYPE_CHECKING:
    from dynosaur_etl.flows.views.overview import Overview

HOME = CHECKOUT / ".dynosaur" / "demo"
DAYS = ("2026-10-05", "2026-10-06", "2026-10-07")
SERVERS = {"demo-hub": 8091, "demo-llm": 8092}
SELECTION_SIZE = 300
# The DAG files do not change under the demo; read once, they leave the processor to the tasks.
AIRFLOW_OPTIONS = {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600"}
ANSWERS_WITHIN = 30.0

err = Console(stderr=True)
out = Console()


@dataclass(frozen=True)
class Demo:
    """The demo's settings, and where its Airflow is."""

    settings: Settings
    address: SystemAddress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.run", description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME, help="folder of all the demo's state")
    home = parser.parse_args(arguments).home.absolute()
    try:
        demo = start_demo(home)
        wait_for_growth(demo.address)
    except (DynosaurError, GrowthFailed) as trouble:
        err.print(f"{type(trouble).__name__}: {trouble}", markup=False, highlight=False)
        return 1
    show_result(demo)
    return 0


def start_demo(home: Path) -> Demo:
    """Start the two servers and the system, as far as they do not run already.

    Raises:
        SystemDown: a part of it does not start; the message holds the end of its log.
    """
    home.mkdir(parents=True, exist_ok=True)
    ports = _server_ports(home)
    environment = demo_environment(home, ports)
    (home / "env").write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
    os.environ.update(environment)  # above whatever the shell has set for the real services
    settings = load_settings()
    for name, command in server_commands(home, ports).items():
        process_folder(home).start(Command(name, command, with_checkout(os.environ)))
    for name, port in ports.items():
        _await_answer(home, name, port)
    with err.status("PostgreSQL") as status:
        address = start_system(settings, AIRFLOW_OPTIONS, progress=status.update)
    return Demo(settings, address)


def demo_environment(home: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """Give the settings of the demo as environment variables."""
    hub, llm = (f"http://127.0.0.1:{ports[name]}" for name in SERVERS)
    return {
        "DYNOSAUR_HOME": str(home),
        "DYNOSAUR_DATABASE_URL": "",
        "DYNOSAUR_STORAGE_URL": "",
        "HF_ENDPOINT": hub,
        "HF_TOKEN": "",
        "DYNOSAUR_VIEWER_URL": f"{hub}/viewer",
        "OPENAI_BASE_URL": f"{llm}/v1",
        "OPENAI_API_KEY": "demo-key-of-no-worth",
        "DYNOSAUR_LLM_MODEL": "dynosaur-demo-rules",
        "DYNOSAUR_LLM_POLL_SECONDS": "1",
        "DYNOSAUR_SELECTION_SIZE": str(SELECTION_SIZE),
    }


def server_commands(home: Path, ports: Mapping[str, int]) -> dict[str, list[str]]:
    """Give the command line of each server; each logs its requests under the home."""
    hub_folder = str(CHECKOUT / "demo" / "hub")
    return {
        name: [
            sys.executable, "-m", module, *options,
            "--port", str(ports[name]), "--log", str(home / f"{name}.requests.jsonl"),
        ]
        for name, module, options in (
            ("demo-hub", "demo.hub_server", ("--root", hub_folder)),
            ("demo-llm", "demo.llm_server", ()),
        )
    }  # fmt: skip


def wait_for_growth(address: SystemAddress, days: Sequence[str] = DAYS) -> None:
    """Backfill the days, and wait until a training set holds them all.

    Raises:
        GrowthFailed: a task has failed for good; the message holds the end of its log.
    """
    columns = (TextColumn("{task.description:14}"), BarColumn(), MofNCompleteColumn())
    with (
        closing(AirflowApi(address.url, address.user, address.password)) as api,
        Progress(*columns, TimeElapsedColumn(), console=err) as bars,
    ):
        stages = {
            "hub_poll": "Hub polled",
            "task_growth": "tasks grown",
            "training_set": "selected",
        }
        bar = {dag: bars.add_task(words, total=len(days)) for dag, words in stages.items()}
        backfill(api, days)
        paused = False
        for done in followed(api, days):
            for dag, number in done.items():
                bars.update(bar[dag], completed=number)
            if done["hub_poll"] == len(days) and not paused:
                set_paused(api, "hub_poll", paused=True)  # the sample Hub has no further day
                paused = True


def show_result(demo: Demo) -> None:
    """Print what the store holds now, and where to look at it."""
    from dynosaur_etl.flows.runtime.services import open_services
    from dynosaur_etl.flows.views.overview import overview

    with open_services(demo.settings) as services:
        found = overview(services)
    newest = found.snapshots[-1]
    table = Table(show_header=False, box=None)
    for name, value in _figures(found).items():
        table.add_row(name, value)
    for reason, number in found.rejects.items():
        table.add_row(f"  left out: {reason}", f"{number}  {REASON_WORDS[Reason(reason)]}")
    out.print(table)
    out.print(f"snapshot: {demo.settings.storage}/{newest.path}", markup=False, soft_wrap=True)
    address = demo.address
    out.print(f"Airflow:  {address.url}", markup=False, soft_wrap=True)
    out.print(f"login:    {address.user} / {address.password}", markup=False, soft_wrap=True)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    out.print(
        "hub_poll: paused, as it is made; the sample Hub has no further day. Unpausing it runs "
        f"{yesterday} at once, as it has run before, and then each day after midnight UTC",
        markup=False,
        soft_wrap=True,
    )


def _figures(found: "Overview") -> dict[str, str]:
    newest, made = found.snapshots[-1], found.funnel
    return {
        "datasets seen": str(made.datasets_seen),
        "datasets kept": str(made.datasets_kept),
        "proposals": str(made.proposals),
        "tasks kept": str(made.tasks),
        "instances": str(made.instances),
        "selected": f"{newest.counts['selected']} in v{newest.version:04d}",
        "cost": f"${found.llm.cost_usd:.6f} by the price table; the rules are no LLM",
    }


def _server_ports(home: Path) -> dict[str, int]:
    """Keep the ports of an earlier run where they are the servers' own or free."""
    file = home / "ports.json"
    wanted = json.loads(file.read_text()) if file.is_file() else SERVERS
    folder = process_folder(home)
    ports: dict[str, int] = {}
    for name, port in wanted.items():
        running = folder.is_running(name)
        ports[name] = port if running else free_port(port, avoid=ports.values())
    file.write_text(json.dumps(ports))
    return ports


def _await_answer(home: Path, name: str, port: int) -> None:
    folder, end = process_folder(home), time.monotonic() + ANSWERS_WITHIN
    while folder.is_running(name) and time.monotonic() < end:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=5, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemDown(f"{name} does not answer; the end of its log:\n{folder.tail(name)}")


if __name__ == "__main__":
    sys.exit(main())
