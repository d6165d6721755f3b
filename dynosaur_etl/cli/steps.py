"""What commands print of the steps that they ran."""

from collections.abc import Mapping
from typing import Any

from dynosaur_etl.cli.console import emit, out
from dynosaur_etl.cli.tables import show_table
from dynosaur_etl.domain.models import STANDS, StepReport

_COUNTS = ("taken", "kept", "rejected", "deferred")


def show_steps(reports: list[StepReport], as_json: bool) -> None:
    """Print what steps did, and say where an earlier output stands in place of a step's own."""
    emit({"steps": reports}, as_json, lambda _: _show(reports))


def _show(reports: list[StepReport]) -> None:
    rows = [
        (report.day, report.step, *_counts(report), _listed(report.reasons)) for report in reports
    ]
    show_table(("day", "step", *_COUNTS, "reasons"), rows, text="reasons")
    for report in reports:
        for words in _notes(report):
            out.print(f"{report.step} of {report.day}: {words}", markup=False, soft_wrap=True)


def _counts(report: StepReport) -> tuple[int, int, int, int]:
    counts = report.counts
    return counts.taken, counts.kept, counts.rejected, counts.deferred


def _notes(report: StepReport) -> list[str]:
    facts, counts = report.facts, report.counts
    notes = [_version(facts)] if "path" in facts else []
    if STANDS in facts:
        notes.append(
            f"{counts.deferred} of {counts.taken} are deferred; the earlier output, "
            f"{facts[STANDS]} kept, stands until all is there"
        )
    if facts.get("asked", 0) > facts.get("rows", 0) and "pool" in facts:
        notes.append(f"{facts['asked']} were asked for, and the pool has {facts['pool']}")
    return notes


def _version(facts: Mapping[str, Any]) -> str:
    words = [f"v{facts['version']:04d}, {facts['path']}"]
    if facts.get("same_as"):
        words.append(f"the files of v{facts['same_as']:04d}")
    if facts.get("trial"):
        words.append("a trial, not the head")
    if facts.get("set_aside"):
        words.append(f"the head stays rolled back; v{facts['set_aside']:04d} was selected again")
    elif not facts["new"]:
        words.append("there already")
    return ", ".join(words)


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items()))
