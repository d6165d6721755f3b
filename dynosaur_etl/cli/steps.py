"""What commands print of the steps that they ran."""

from typing import Any

from dynosaur_etl.cli.console import emit, out
from dynosaur_etl.cli.tables import show_table
from dynosaur_etl.domain.models import STANDS, StepReport

_COUNTS = ("taken", "kept", "rejected", "deferred")


def show_steps(reports: list[StepReport], as_json: bool) -> None:
    """Print what steps did, and say where an earlier output stands in place of a step's own."""
    from dynosaur_etl.flows.views.status import report_dict

    emit({"steps": [report_dict(report) for report in reports]}, as_json, _show)


def _show(state: dict[str, Any]) -> None:
    rows = [
        (step["day"], step["step"], *(step[name] for name in _COUNTS), _listed(step["reasons"]))
        for step in state["steps"]
    ]
    show_table(("day", "step", *_COUNTS, "reasons"), rows, text="reasons")
    for step in state["steps"]:
        for words in _notes(step):
            out.print(f"{step['step']} of {step['day']}: {words}", markup=False, soft_wrap=True)


def _notes(step: dict[str, Any]) -> list[str]:
    facts = step["facts"]
    notes = [_version(facts)] if "path" in facts else []
    if STANDS in facts:
        notes.append(
            f"{step['deferred']} of {step['taken']} are deferred; the earlier output, "
            f"{facts[STANDS]} kept, stands until all is there"
        )
    if facts.get("asked", 0) > facts.get("rows", 0) and "pool" in facts:
        notes.append(f"{facts['asked']} were asked for, and the pool has {facts['pool']}")
    return notes


def _version(facts: dict[str, Any]) -> str:
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


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items()))
