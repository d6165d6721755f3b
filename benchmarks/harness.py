"""What every benchmark script shares: arguments, the machine, measured child processes, output.

A script calls `main(measure)`; `measure(quick)` returns a list of `Figure`. With `--quick` it
ends within a minute, with `--json` it prints one object.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "dynosaur-etl/benchmarks"


@dataclass(frozen=True)
class Figure:
    """One measured figure beside a peer's of the same run.

    Attributes:
        ratio: value / peer, or None where there is no peer's figure.
        notes: what a reader needs to judge it.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return self.value / self.peer_value if self.peer_value else None


def main(measure: Callable[[bool], list[Figure]], about: str) -> None:
    """Run a benchmark script."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    before = machine()
    figures = measure(arguments.quick)
    if arguments.json:
        rows = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
        print(json.dumps({"machine": before, "quick": arguments.quick, "figures": rows}))
    else:
        print(" ".join(f"{key}={value}" for key, value in before.items()))
        for figure in figures:
            print(line(figure))


def line(figure: Figure) -> str:
    text = f"{figure.name:<42} {figure.value:>10.4g} {figure.unit}"
    if figure.ratio is not None:
        text += f"   {figure.peer}: {figure.peer_value:.4g}   ratio {figure.ratio:.4g}"
    return text + "".join(f"   {key}={value}" for key, value in figure.notes.items())


def machine() -> dict[str, Any]:
    """CPU, cores, memory, load at the moment and versions, so that a figure can be placed."""
    cpu = next(
        (
            row.split(":")[1].strip()
            for row in read("/proc/cpuinfo")
            if row.startswith("model name")
        ),
        platform.processor(),
    )
    memory = next((row for row in read("/proc/meminfo") if row.startswith("MemTotal")), "x 0 kB")
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory.split()[1]) / 2**20, 1),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


def read(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def peer_python(name: str, requirements: Sequence[str]) -> str:
    """Interpreter of a virtual environment of its own with pinned packages, made at first use."""
    folder = CACHE / name
    stamp, wanted = folder / "installed.txt", "\n".join(requirements)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        venv.create(folder, with_pip=True, clear=True)
        python = folder / "bin/python"
        subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(folder / "bin/python")


def measured_child(python: str, module: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The JSON object that a module prints last, run as a process of its own in this folder."""
    run = subprocess.run(
        [python, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if run.returncode:
        sys.stderr.write(run.stderr[-2000:])
        raise SystemExit(f"{module} {' '.join(arguments)} failed")
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found
