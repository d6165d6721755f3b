"""Following the Hub: requests, time and memory, against a server of 50 ms latency.

Usage: python -m benchmarks.hub [--quick] [--json]
"""

import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import httpx

from benchmarks.harness import ROOT, Figure, main
from benchmarks.hub_child import CARDS_THAT_TELL, CONFIGS, NEWEST, PER_DAY
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.poll import candidates as poll
from dynosaur_etl.flows.poll.catalogue import sync_now
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.database import EMBEDDED_FOLDER
from dynosaur_etl.store.embedded import stop_embedded

LATENCY = 0.05
KEPT = 200
BACKFILL_DAYS = 30
MIX = (
    f"of {PER_DAY - KEPT} drops {CARDS_THAT_TELL} are told by their card's text only; licence and "
    "language as in a recording of 402 real drops; none that only its files tell"
)


def measure(quick: bool) -> list[Figure]:
    """List a whole Hub, poll its newest day, and backfill 30 days."""
    import datasets as _loaded  # noqa: F401 - once a process, whatever the number of datasets

    datasets = 35_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as folder, serving(datasets) as address:
        Path(folder).chmod(0o755)  # the embedded PostgreSQL runs as another user than root
        settings = Settings(home=Path(folder), HF_ENDPOINT=address, viewer_url=f"{address}/viewer")  # type: ignore[call-arg]
        try:
            with open_services(settings) as services:
                return [
                    *listing(services, address, datasets),
                    *growth_day(services, address),
                    *backfill(services, address),
                ]
        finally:
            stop_embedded(Path(folder) / EMBEDDED_FOLDER)


def listing(services: Services, address: str, datasets: int) -> list[Figure]:
    before = memory()
    started = time.monotonic()
    sync_now(services)
    seconds = time.monotonic() - started
    asked = counts(address)["list"]
    return [
        Figure("listing", seconds, "s", notes={"datasets": datasets}),
        Figure("listing: requests", asked, "", "one per 1,000", datasets / 1_000),
        Figure("listing: peak memory", memory(), "MB", notes={"before": f"{before:.0f}"}),
    ]


def growth_day(services: Services, address: str) -> list[Figure]:
    day = GrowthDay(NEWEST.date())
    started, cpu = time.monotonic(), time.process_time()
    steps = (poll.sync_catalogue, poll.find_candidates, poll.examine_candidates)
    report = [step(day, services) for step in steps][-1]
    seconds = time.monotonic() - started
    asked = counts(address)
    kept, dropped = report.counts.kept, report.counts.rejected
    told = {"taken": report.counts.taken, "kept": kept, **report.reasons}
    told["cpu_s"] = round(time.process_time() - cpu, 1)
    if (kept, dropped) != (KEPT, PER_DAY - KEPT):
        raise SystemExit(f"the day was not examined as it was made: {told}")
    total = asked.total() - asked["list"]
    of_dropped = asked["card"] - kept
    allowed = total * LATENCY / services.settings.hub_concurrency
    per_kept = (total - of_dropped - asked["rows"]) / kept
    rows = asked["rows"] / (kept * len(CONFIGS))
    return [
        Figure("day: requests per kept dataset", per_kept, "", "at most", 5),
        Figure("day: requests per kept config", rows, "", "at most", 2),
        Figure(
            "day: requests per dropped dataset",
            of_dropped / dropped,
            "",
            "at most",
            0.05,
            {
                "mix": MIX,
                "a drop that only its card tells": "1 request",
                "that only its files tell": "2 or more",
            },
        ),
        Figure("day: listing requests", asked["list"], "", notes=dict(asked)),
        Figure("day", seconds, "s", "latency and concurrency allow", allowed, told),
        Figure("day: share of what they allow", allowed / seconds, "", "at least", 0.9),
        bare_client(address, total, services.settings.hub_concurrency, allowed),
    ]


def bare_client(address: str, requests: int, concurrency: int, allowed: float) -> Figure:
    """Send as many requests and do nothing with the answers: what this machine lets a client do."""
    card = f"{address}/datasets/owner1/notes-1/resolve/{0:040x}/README.md"
    with httpx.Client() as client, ThreadPoolExecutor(concurrency) as pool:
        client.get(card)
        started = time.monotonic()
        for answer in pool.map(client.get, [card] * requests):
            answer.raise_for_status()
        seconds = time.monotonic() - started
    counts(address)
    return Figure("day: share of a bare client", allowed / seconds, "")


def backfill(services: Services, address: str) -> list[Figure]:
    """Poll the days before the newest; a few datasets of each were pushed to later."""
    started = time.monotonic()
    found = 0
    for back in range(1, BACKFILL_DAYS + 1):
        day = GrowthDay((NEWEST - timedelta(days=back)).date())
        poll.sync_catalogue(day, services)
        found += poll.find_candidates(day, services).counts.kept
    notes = {"days": BACKFILL_DAYS, "candidates": found, **counts(address)}
    seconds = time.monotonic() - started
    return [
        Figure("backfill: listing requests", notes.get("list", 0), "", "one day", 0, notes),
        Figure("backfill: candidates found", seconds, "s"),
        Figure("peak memory", memory(), "MB"),
    ]


def memory() -> float:
    """Peak memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def counts(address: str) -> Counter[str]:
    """Give the server's requests by kind since the last call."""
    with urlopen(f"{address}/counts", timeout=10) as answer:  # noqa: S310 - our own server
        return Counter(json.load(answer))


@contextmanager
def serving(datasets: int) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.hub_child", port, datasets, KEPT, LATENCY]
    server = subprocess.Popen([*map(str, command)], cwd=ROOT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def wait_for(address: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            counts(address)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{address} does not answer")


if __name__ == "__main__":
    main(measure, __doc__ or "")
