"""Runs every benchmark script, and writes docs/benchmarks.md from what they print.

Usage: python -m benchmarks [--quick]
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, machine

SHARED = frozenset({"__init__", "__main__", "harness", "instances_rows", "ui_store"})
LONG = frozenset({"selection_large"})
REPORT = ROOT / "docs" / "benchmarks.md"


def scripts() -> list[str]:
    """Name the scripts; `*_child.py` is a part of one, and `LONG` ones are run by hand."""
    names = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return sorted(
        name for name in names if name not in SHARED | LONG and not name.endswith("_child")
    )


def measure(name: str, options: list[str]) -> dict[str, Any]:
    """Run one script and read its object."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *options]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def section(name: str, found: dict[str, Any]) -> list[str]:
    """Write one script's figures as a table."""
    lines = [
        f"## {name}",
        "",
        f"`python -m benchmarks.{name}{' --quick' if found['quick'] else ''}`",
        "",
        "| figure | value | peer | peer's value | ratio | notes |",
        "|---|---|---|---|---|---|",
    ]
    for figure in found["figures"]:
        notes = ", ".join(f"{key} {value}" for key, value in figure["notes"].items())
        cells = (
            figure["name"],
            f"{figure['value']:.4g} {figure['unit']}",
            figure["peer"] or "",
            number(figure["peer_value"]),
            number(figure["ratio"]),
            notes,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def main() -> None:
    options = sys.argv[1:]
    told = ", ".join(f"{key} {value}" for key, value in machine().items())
    lines = ["# Benchmarks", "", f"Measured by `make bench`. Machine: {told}.", ""]
    for name in scripts():
        print(f"measuring {name}", file=sys.stderr)
        lines += section(name, measure(name, options))
    REPORT.write_text("\n".join(lines), encoding="utf-8")
    print(f"wrote {REPORT.relative_to(ROOT)}", file=sys.stderr)


main()
