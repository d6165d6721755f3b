"""A rerun of finished days against their first run, by the command line and inside one process.

The Hub is the recording beside the checkout, over days of which many are quiet, or the demo's three
days where there is none; the LLM answers by fixed rules, at once. So nearly all of a first run is
our own work, and the ratio is worse than it is with a real LLM.

Usage: python -m benchmarks.steps [--quick] [--json]
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from unittest import mock
from urllib.error import HTTPError
from urllib.request import urlopen

from benchmarks.harness import ROOT, Figure, main
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.fill.fill import fill
from dynosaur_etl.flows.poll import candidates as poll
from dynosaur_etl.flows.prepare.embed import embed
from dynosaur_etl.flows.prepare.score import score
from dynosaur_etl.flows.propose import questions
from dynosaur_etl.flows.propose.criticise import criticise
from dynosaur_etl.flows.propose.propose import propose_all
from dynosaur_etl.flows.propose.validate import validate
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.database import EMBEDDED_FOLDER, database_url
from dynosaur_etl.store.embedded import stop_embedded
from dynosaur_etl.store.storage import Storage

RECORDED = ROOT.parent / "shared" / "hub"
FIRST, DAYS, QUICK_DAYS = date(2020, 10, 1), 92, 21
DEMO_FIRST, DEMO_DAYS = date(2026, 10, 5), 3
AIM = 0.1
STEPS = (
    poll.sync_catalogue, poll.find_candidates, poll.examine_candidates, propose_all,
    criticise, validate, fill, score, embed,
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """What one run over the days took, and did."""

    seconds: float
    processor: float
    built: int
    read: int


def measure(quick: bool) -> list[Figure]:
    """Poll and grow the days twice, in one process and by the command line."""
    recorded = RECORDED.is_dir()
    hub, first = (RECORDED, FIRST) if recorded else (ROOT / "demo" / "hub", DEMO_FIRST)
    number = (QUICK_DAYS if quick else DAYS) if recorded else DEMO_DAYS
    days = [str(first + timedelta(days=after)) for after in range(number)]
    notes = {"days": number, "hub": "recorded" if recorded else "demo"}
    with serving(hub) as servers:
        with growing(servers) as values:
            inside = [in_process(values, days) for _ in range(2)]
        with growing(servers) as values:
            outside = [by_command(values, days) for _ in range(2)]
    once, again = inside
    return [
        compared("one process", once.seconds, again.seconds, notes),
        compared("one process, processor time", once.processor, again.processor, notes),
        compared("command line", *outside, notes),
        Figure("rerun: requests built", again.built, "", "first run", once.built),
        Figure("rerun: files of the store read", again.read, "", "first run", once.read),
    ]


def compared(where: str, once: float, again: float, notes: dict[str, object]) -> Figure:
    told = {**notes, "ratio_at_most": AIM}
    return Figure(f"rerun of finished days, {where}", again, "s", "first run", once, told)


def in_process(values: dict[str, str], days: Sequence[str]) -> Work:
    """Run every step over the days, as the command does, and count what it built and read."""
    with (
        open_services(settings(values)) as services,
        mock.patch.object(questions, "build_request", wraps=questions.build_request) as built,
        mock.patch.object(Storage, "open", autospec=True, side_effect=Storage.open) as read,
    ):
        started, processor = time.monotonic(), time.process_time()
        grow(services, days)
        seconds, used = time.monotonic() - started, time.process_time() - processor
        return Work(seconds, used, built.call_count, read.call_count)


def grow(services: Services, days: Sequence[str]) -> None:
    services.records.read(days)
    for day in days:
        for step in STEPS:
            step(GrowthDay.parse(day), services)


def by_command(values: dict[str, str], days: Sequence[str]) -> float:
    """Run `dynosaur poll` and `dynosaur grow` over the days, each a process of its own."""
    started = time.monotonic()
    for command in ("poll", "grow"):
        arguments = [command, "--from", days[0], "--to", days[-1], "--json"]
        subprocess.run(
            [sys.executable, "-m", "dynosaur_etl", *arguments],
            cwd=ROOT, env={**os.environ, **values}, stdout=subprocess.DEVNULL, check=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
    return time.monotonic() - started


def settings(values: dict[str, str]) -> Settings:
    named = {name.removeprefix("DYNOSAUR_"): value for name, value in values.items()}
    named = {
        name if name.startswith(("HF_", "OPENAI_")) else name.lower(): value
        for name, value in named.items()
    }
    return Settings(**named)  # type: ignore[arg-type]


@contextmanager
def growing(servers: tuple[str, str]) -> Iterator[dict[str, str]]:
    """Give the settings of an empty store, its database started, for the length of a block."""
    hub, llm = servers
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the embedded PostgreSQL runs as another user than root
        values = {
            "DYNOSAUR_HOME": folder,
            "HF_ENDPOINT": hub,
            "DYNOSAUR_VIEWER_URL": f"{hub}/viewer",
            "OPENAI_BASE_URL": f"{llm}/v1",
            "OPENAI_API_KEY": "demo-key-of-no-worth",
            "DYNOSAUR_LLM_MODEL": "dynosaur-demo-rules",
        }
        database_url(settings(values))
        try:
            yield values
        finally:
            stop_embedded(Path(folder) / EMBEDDED_FOLDER)


@contextmanager
def serving(hub: Path) -> Iterator[tuple[str, str]]:
    """Start the demo's Hub over a folder, and its LLM; gives their addresses."""
    ports = [free_port(), free_port()]
    commands = (
        ("demo.hub_server", "--root", hub, "--port", ports[0]),
        ("demo.llm_server", "--port", ports[1]),
    )
    servers = [
        subprocess.Popen([sys.executable, "-m", *map(str, command)], cwd=ROOT)
        for command in commands
    ]
    addresses = [f"http://127.0.0.1:{port}" for port in ports]
    try:
        for address in addresses:
            wait_for(address)
        yield addresses[0], addresses[1]
    finally:
        for server in servers:
            server.terminate()
            server.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urlopen(address, timeout=10).close()  # noqa: S310 - our own server
        except HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{address} does not answer")


if __name__ == "__main__":
    main(measure, __doc__ or "")
