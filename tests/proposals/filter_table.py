"""Writes docs/filters.md: each validity filter, and what it catches of GPT-3.5's own tasks.

Usage: python -m tests.proposals.filter_table [RECORDED_HUB]
"""

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.models import Mode, Strictness, Verdict
from dynosaur_etl.domain.reasons import REASON_WORDS, Reason
from dynosaur_etl.proposals.draft import split_outputs
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.validity import FILTERS, TaskParts, ValidityRules, judge_proposals
from tests.proposals.labelled_tasks import (
    SEVERAL,
    Found,
    by_filter,
    by_strictness,
    invented,
    packaged_meanings,
    recorded,
)
from tests.proposals.recording import read_config, recorded_tasks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "filters.md"
INTRODUCTION = """\
# The validity filters

In their order; the first that applies names the reason. `level` is the least strictness
(`DYNOSAUR_VALIDITY`) at which a filter applies. `alone` is what it drops with no other filter
before it, `first` what it drops in its place at `strict`: of 464 tasks that GPT-3.5 wrote for the
paper, as far as rows of their configs are recorded. Those tasks had passed the paper's own filters,
so what those catch is rare here. The recorded rows are few and partly made by hand.

Nearly the same instruction in another config or on another day is left out where the pool is read,
at `strict`; see [decisions/0009](decisions/0009-repeats.md).
"""

Judged = list[tuple[int, TaskParts | Verdict]]
"""The line of a recorded task, and a judgement; a task that is split has several."""


def judge_recording(hub: Path, rules: ValidityRules) -> Judged:
    """Judge each recorded task that has rows as an answer of its own."""
    of_config: dict[tuple[str, str], list[int]] = {}
    tasks = recorded_tasks(hub)
    for number, task in enumerate(tasks):
        of_config.setdefault((task["dataset"], task["config"] or ""), []).append(number)
    judged: Judged = []
    for (dataset, name), lines in of_config.items():
        read = cached_config(hub, dataset, name) if name else None
        if read is not None:
            answers = [(Mode.AWARE, [RawProposal(0, tasks[line])]) for line in lines]
            places = [line for line in lines for _ in range(parts(tasks[line], rules))]
            strict = rules.strictness is Strictness.STRICT
            meanings = packaged_meanings() if strict else None
            proposals = judge_proposals(*read, answers, rules, meanings).proposals
            judged += zip(places, (found.judgement for found in proposals), strict=True)
    return sorted(judged, key=lambda item: item[0])


cached_config = cache(read_config)


def parts(task: dict[str, Any], rules: ValidityRules) -> int:
    lenient = rules.strictness is Strictness.LENIENT
    return len(split_outputs([RawProposal(0, task)])[0]) if lenient else 1


def dropped_by(judged: Judged, reason: Reason) -> list[int]:
    """The lines that were dropped for a reason."""
    return [n for n, v in judged if isinstance(v, Verdict) and v.reason is reason]


def page(hub: Path) -> str:
    tasks = recorded_tasks(hub)
    by_level = {level: judge_recording(hub, ValidityRules(level)) for level in Strictness}
    strict = by_level[Strictness.STRICT]
    lines = [INTRODUCTION, "| strictness | judged | kept | dropped |", "|---|---|---|---|"]
    for level, judged in by_level.items():
        dropped = sum(isinstance(verdict, Verdict) for _, verdict in judged)
        lines.append(f"| `{level}` | {len(judged)} | {len(judged) - dropped} | {dropped} |")
    lines += [
        "",
        f"{len(tasks) - len(dict(strict))} of the {len(tasks)} tasks have no recorded rows.",
        "",
        "| filter | level | drops | alone | first | an example |",
        "|---|---|---|---|---|---|",
    ]
    for found in FILTERS:
        alone = judge_recording(hub, only(found.reason))
        caught = dropped_by(alone, found.reason)
        first = len(dropped_by(strict, found.reason))
        example = told(tasks[caught[0]], dict(alone)[caught[0]]) if caught else "none is recorded"
        words = REASON_WORDS[found.reason]
        cells = (f"`{found.name}`", f"`{found.level}`", words, len(caught), first, example)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n\n" + against_readers(hub) + "\n" + verdicts(tasks, strict)


READERS = """\
## Against a reader

Every recorded task with rows was read by hand with its rows, and labelled as valid or by what is
wrong with it, with a sentence (`tests/proposals/labelled/`); so were tasks over invented datasets,
in the words of newer models too. The figures leave out the 17 recorded tasks that name several
outputs. Words and limits of the filters were set on the recorded and the invented tasks, so their
figures are of what they were fitted to. The held-out tasks were written afterwards: when the
filters saw them first they found 82% of the invalid ones and dropped 10% of the valid ones, and the
general faults that this showed were mended. The paper's annotators found 79% of its tasks valid.

What no filter finds are mostly tasks whose words fit and whose sense does not: an output that does
not follow (a title for a whole document), a relation that half of the rows do not have, a term that
means something else. These are for the critic. No LLM was at hand to measure it; in the tests a
stand-in by rules shows that it is asked, paid for and obeyed, and nothing more.
"""
HEADS = (
    *("tasks", "strictness", "invalid found", "valid lost"),
    *("invalid among dropped", "valid among kept"),
)


def against_readers(hub: Path) -> str:
    """What each strictness and each filter finds and loses among tasks that were read by hand."""
    parts = {
        "recorded": tuple(task for task in recorded(hub) if task.kind != SEVERAL),
        "invented": invented("invented"),
        "held out": invented("held out"),
    }
    lines = [
        READERS,
        f"| {' | '.join(HEADS)} |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | `{level}` | {told_found(by_strictness(tasks, level))} |"
        for name, tasks in parts.items()
        for level in Strictness
    ]
    lines += [
        "",
        "Each filter alone, over all of these tasks:",
        "",
        "| filter | invalid found | valid lost | invalid among dropped |",
        "|---|---|---|---|",
    ]
    everything = tuple(task for tasks in parts.values() for task in tasks)
    for one in FILTERS:
        found = by_filter(everything, one) if one.check is not None else None
        if found is not None and found.found + found.lost:
            cells = told_found(found).rpartition(" | ")[0]
            lines.append(f"| `{one.name}` | {cells} |")
    return "\n".join(lines) + "\n"


def told_found(found: Found) -> str:
    shares = (
        f"{found.found} of {found.invalid} ({found.recall:.1%})",
        f"{found.lost} of {found.valid} ({found.loss:.1%})",
        f"{found.precision:.1%}" if found.found + found.lost else "-",
        f"{found.kept_valid:.1%}",
    )
    return " | ".join(shares)


def only(reason: Reason) -> ValidityRules:
    """The rules of one filter, at the strictest level so that nothing is repaired."""
    return ValidityRules(without=frozenset(f.reason for f in FILTERS if f.reason is not reason))


def verdicts(tasks: Sequence[dict[str, Any]], judged: Judged) -> str:
    """List every recorded task that `strict` drops."""
    lines = [
        "## Every recorded task that `strict` drops",
        "",
        "| dataset | instruction | fields | reason | found |",
        "|---|---|---|---|---|",
    ]
    for number, verdict in judged:
        if isinstance(verdict, Verdict):
            task = tasks[number]
            fields = f"{', '.join(task['input_fields'])} → {', '.join(task['output_field'])}"
            source = f"{task['dataset']}/{task['config']}"
            cells = (source, task["instruction"], fields, f"`{verdict.reason}`", verdict.detail)
            lines.append("| " + " | ".join(map(plain, cells)) + " |")
    return "\n".join(lines) + "\n"


def told(task: dict[str, Any], verdict: TaskParts | Verdict) -> str:
    detail = verdict.detail if isinstance(verdict, Verdict) else ""
    return plain(f"{task['dataset']}: “{task['instruction']}” ({detail})")


def plain(text: str) -> str:
    """One line of text that Markdown leaves as it is."""
    cut = text if len(text) <= 160 else text[:159] + "…"
    return " ".join(cut.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(page(Path(sys.argv[1])), encoding="utf-8")
