"""Asking an LLM: rate, time and memory, against a server of 200 ms latency at concurrency 64.

The same requests are sent through two libraries for the same job, each from an environment of its
own. Ours writes every request into a ledger in PostgreSQL before it leaves; they keep files.

Usage: python -m benchmarks.llm [--quick] [--json]
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

from benchmarks.harness import ROOT, Figure, main, peer_python

LATENCY = 0.2
CONCURRENCY = 64
MEMORY_MB = 400
PEERS = {
    "curator": ["bespokelabs-curator==0.1.31"],
    "distilabel": [
        "distilabel[openai]==1.5.3",
        "requests==2.32.5",
    ],  # it imports the latter unasked
}
LONGEST = 600


def measure(quick: bool) -> list[Figure]:
    """Send the requests through each library in turn, and the whole round again."""
    number, rounds = (500, 1) if quick else (2_000, 3)
    ideal = number * LATENCY / CONCURRENCY
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], **{name: [] for name in PEERS}}
    failures: dict[str, str] = {}
    with serving() as address, tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the embedded PostgreSQL runs as another user than root
        for turn in range(rounds):
            for name, own in runs.items():
                if name not in failures:
                    found = run_one(name, address, number, f"{folder}/{name}-{turn}")
                    if "seconds" in found:
                        own.append(found | {"requests": asked(address)})
                    else:
                        failures[name] = found["error"]
    return [*ours(runs["ours"], number, ideal), *beside(runs, failures)]


def ours(runs: list[dict[str, Any]], number: int, ideal: float) -> list[Figure]:
    seconds = median(run["seconds"] for run in runs)
    notes = {"requests": number, "cpu_s": median(run["cpu"] for run in runs)}
    if any(run["requests"] != number or run["answered"] != number for run in runs):
        raise SystemExit(f"not every request was sent and answered once: {runs}")
    return [
        Figure("ours: time", seconds, "s", "latency and concurrency allow", ideal, notes),
        Figure("ours: share of the ideal rate", ideal / seconds, "", "at least", 0.9),
        Figure("ours: peak memory", median(run["mb"] for run in runs), "MB", "at most", MEMORY_MB),
    ]


def beside(runs: dict[str, list[dict[str, Any]]], failures: dict[str, str]) -> list[Figure]:
    """Give our figures beside each peer's; one that would not run is told with its last words."""
    figures = []
    seconds = median(run["seconds"] for run in runs["ours"])
    memory = median(run["mb"] for run in runs["ours"])
    for name, found in runs.items():
        if name in failures:
            figures.append(Figure(f"{name} would not run", 0, "", notes={"why": failures[name]}))
        elif name != "ours":
            theirs = {key: median(run[key] for run in found) for key in ("seconds", "mb", "cpu")}
            notes = {"its requests": found[-1]["requests"], "its cpu_s": theirs["cpu"]}
            figures += [
                Figure("time", seconds, "s", name, theirs["seconds"], notes),
                Figure("peak memory", memory, "MB", name, theirs["mb"]),
            ]
    return figures


def run_one(name: str, address: str, number: int, folder: str) -> dict[str, Any]:
    """Run one library in a process of its own; give its figures, or `error`."""
    try:
        python = sys.executable if name == "ours" else peer_python(name, PEERS[name])
    except subprocess.CalledProcessError:
        return {"error": "pip could not install it"}
    asked(address)
    command = [python, "-m", "benchmarks.llm_child", name, address, str(number), folder]
    try:
        run = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"it had not ended after {LONGEST} s"}
    if run.returncode:
        words = run.stderr.strip().splitlines()[-1:] or ["it ended without a word"]
        if name == "ours":
            raise SystemExit(run.stderr)
        return {"error": words[0][:200].replace("|", "/")}
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def asked(address: str) -> int:
    """Give the requests that the server has answered since the last call."""
    with urlopen(f"{address}/count", timeout=10) as answer:  # noqa: S310 - our own server
        return int(answer.read())


@contextmanager
def serving() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.llm_server_child", str(port), str(LATENCY)], cwd=ROOT
    )
    address = f"http://127.0.0.1:{port}/v1"
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
            asked(address)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{address} does not answer")


if __name__ == "__main__":
    main(measure, __doc__ or "")
