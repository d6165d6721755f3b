"""Runs benchmark scripts, and writes what they print into docs/benchmarks.md.

Usage: python -m benchmarks [--quick] [SCRIPT[:CASE] ...]

Without names every script runs but `selection_large`, which takes long. Sections of what is not
run stay as they are; each tells its machine, the load before it ran, and the day.
"""

import argparse
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT

SHARED = frozenset({"__init__", "__main__", "harness", "instances_rows", "native_rows", "ui_store"})
PREPARING = frozenset({"recorded_llm", "training_pool"})
LONG = frozenset({"selection_large"})
REPORT = ROOT / "docs" / "benchmarks.md"
HEADING = """# Benchmarks

What `python -m benchmarks` printed, one run each. Ratios to peers are of the same run."""


def scripts() -> list[str]:
    """Name the scripts; `*_child.py` is a part of one, and `LONG` ones are run by hand."""
    names = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(name for name in names - SHARED - PREPARING - LONG if not name.endswith("_child"))


def measure(title: str, options: list[str]) -> dict[str, Any]:
    """Run one script and read its object."""
    print(f"measuring {title}", file=sys.stderr)
    command = [sys.executable, *command_line(title), "--json", *options]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def command_line(title: str) -> list[str]:
    """Give the arguments of `python` that run what a section is titled by."""
    name, _, case = title.partition(":")
    return ["-m", f"benchmarks.{name}", *(["--case", case] if case else [])]


def section(title: str, found: dict[str, Any]) -> str:
    """Write one script's figures as a table."""
    told = ", ".join(f"{key} {value}" for key, value in found["machine"].items())
    command = " ".join(["python", *command_line(title), *(["--quick"] if found["quick"] else [])])
    lines = [
        f"## {title}",
        "",
        f"`{command}`, {datetime.now(UTC).date()}: {told}.",
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
    return "\n".join(lines)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def written_sections() -> dict[str, str]:
    """Read the report's sections by their titles."""
    if not REPORT.exists():
        return {}
    _, *parts = re.split(r"^## ", REPORT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: f"## {part.strip()}" for part in parts}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("titles", nargs="*", metavar="SCRIPT[:CASE]")
    arguments = parser.parse_args()
    options = ["--quick"] if arguments.quick else []
    for title in arguments.titles or scripts():
        sections = written_sections() | {title: section(title, measure(title, options))}
        parts = [HEADING, *(sections[name] for name in sorted(sections))]
        REPORT.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"wrote {REPORT.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
