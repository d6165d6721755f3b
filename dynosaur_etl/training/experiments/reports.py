"""The report of each experiment: which figures are compared, and what the control says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynosaur_etl.training.continual import ALL, NO_REPLAY
from dynosaur_etl.training.experiments.methods import RANDOM
from dynosaur_etl.training.experiments.reporting import (
    ComparedFigure,
    ComparisonResult,
    answer,
    control_words,
    write_report,
)
from dynosaur_etl.training.experiments.running import CellRecord, by_method
from dynosaur_etl.training.experiments.selection import CONTROL, UNTRAINED
from dynosaur_etl.training.statistics import Comparison, compare

Records = Sequence[CellRecord]
Facts = Mapping[str, Any]
_LIMITS = (
    "What this cannot show: a model of this size, trained on few rows, says nothing of a large one "
    "trained on many; and where an interval holds 0, the difference may be there and too small for "
    "these seeds."
)


@dataclass(frozen=True)
class Written:
    """A report, and what it says in a few words."""

    path: Path
    words: tuple[str, ...]


def report_selection(folder: Path, records: Records, facts: Facts) -> Written:
    """Report on methods of selection by a model's loss; see `selection.SelectionExperiment`."""
    kinds = {
        "nats": "nats a token of the evaluation's answers",
        "known_tasks": "nats a token, other rows of the sampled tasks",
        "new_sources": "nats a token, sources outside the sample",
    }
    beside = (UNTRAINED, CONTROL)
    asked = [ComparedFigure(name, words, RANDOM, left_out=beside) for name, words in kinds.items()]
    asked += [
        ComparedFigure(name, f"{words}, against no training", UNTRAINED, left_out=(CONTROL,))
        for name, words in kinds.items()
    ]
    control = _control(records, CONTROL, RANDOM, "control_half")
    words = control_words(
        control, "Training as long on other tasks of the evaluation's kind, against random rows,"
    )
    return _write(folder, _title(facts, "Selection"), facts, [words, _LIMITS], records, asked)


def report_proxy(folder: Path, records: Records, facts: Facts) -> Written:
    """Report on the proxy; see `proxy.ProxyExperiment`."""
    asked = [
        ComparedFigure(
            "known_tasks", "ROUGE-L of the nearest pick's answer, known tasks", RANDOM, False
        ),
        ComparedFigure(
            "new_sources", "ROUGE-L of the nearest pick's answer, new sources", RANDOM, False
        ),
    ]
    words = (
        "The nearest selected instance answers, and no model learns: this is a measure of "
        "coverage, which facility location optimises by construction. It must not be read as what "
        "a model would gain."
    )
    return _write(folder, "Selection by a proxy", facts, [words], records, asked)


def report_replay(folder: Path, records: Records, facts: Facts) -> Written:
    """Report on replay in the columns of the paper's Table 4; see `replay.ReplayExperiment`."""
    beside = (ALL,)
    asked = [
        ComparedFigure(
            "earlier", "nats a token, earlier stages, at the end", RANDOM, left_out=beside
        ),
        ComparedFigure("current", "nats a token, the last stage", RANDOM, left_out=beside),
        ComparedFigure("test", "nats a token, the test set, at the end", RANDOM, left_out=beside),
        ComparedFigure(
            "forgetting", "forgetting: nats a token lost of earlier stages", RANDOM, left_out=beside
        ),
        ComparedFigure("earlier", "nats a token, earlier stages, against no replay", NO_REPLAY),
    ]
    learns = compare(_before_and_after(records), "before")[0]
    keeps = _control(records, ALL, NO_REPLAY, "earlier")
    parts = [
        control_words(learns, "Learning the last stage"),
        control_words(keeps, "Replaying every earlier task, against none,"),
        table_4(records),
        _LIMITS,
    ]
    return _write(folder, "Replay", facts, parts, records, asked)


def report_representativeness(folder: Path, records: Records, facts: Facts) -> Written:
    """Report on what methods pick; see `representativeness.RepresentativenessExperiment`."""
    known = {name for record in records for name in record.figures}
    figures = {
        "coverage": "nearness of the pool to the picks", "farthest_tenth": "nearness of its "
        "farthest tenth", "even_sources": "sources, if all were drawn from as often",
        "tasks_reached": "share of the tasks that are reached", "hardness": "nats a token of the "
        "picks' answers before training", "hardest_tenth": "share of picks of the hardest tenth",
    }  # fmt: skip
    asked = [ComparedFigure(f, words, RANDOM, False) for f, words in figures.items() if f in known]
    asked.append(
        ComparedFigure("other_kinds", "distance of the mix of kinds from the pool's", RANDOM)
    )
    words = "Nothing is trained: the tables say what the picks are, not what they teach."
    return _write(folder, "Representativeness", facts, [words], records, asked)


def table_4(records: Records) -> str:
    """Return means over seeds in the layout of Dynosaur's Table 4, in nats a token."""
    stages = max(int(name.split("_")[1]) for name in records[0].figures if name[:8] == "current_")
    header = ["strategy"]
    for stage in range(1, stages + 1):
        header += [f"S{stage} test", f"S{stage} hold"]
        header += [f"S{earlier} after S{stage}" for earlier in range(1, stage)]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for strategy in dict.fromkeys(record.cell.method for record in records):
        own = [record.figures for record in records if record.cell.method == strategy]
        cells = [strategy]
        for stage in range(1, stages + 1):
            names = [f"test_{stage}", f"current_{stage}"]
            names += [f"stage_{earlier}_after_{stage}" for earlier in range(1, stage)]
            cells += [f"{sum(f[name] for f in own) / len(own):.3f}" for name in names]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _before_and_after(records: Records) -> dict[str, list[float]]:
    """Give the last stage's loss before anything is learnt, and after all is, by seed."""
    own = [record for record in records if record.cell.method == NO_REPLAY]
    ordered = sorted(own, key=lambda record: record.cell.seed)
    return {
        "before": [record.figures["before_current"] for record in ordered],
        "after": [record.figures["current"] for record in ordered],
    }


def _control(records: Records, control: str, reference: str, figure: str) -> Comparison:
    chosen = [record for record in records if record.cell.method in (control, reference)]
    return compare(by_method(chosen, figure), reference)[0]


def _write(
    folder: Path, title: str, facts: Facts, parts: Sequence[str], records: Records,
    asked: Sequence[ComparedFigure],
) -> Written:  # fmt: skip
    answers = [answer(question, records) for question in asked]
    path = write_report(folder, title, facts, [part for part in parts if part], answers)
    return Written(path, tuple(line for found in answers for line in in_words(found)))


def in_words(found: ComparisonResult) -> list[str]:
    """Return each comparison as a line."""
    return [
        f"{found.question.figure}: {one.method} against {one.reference} {one.difference}, "
        f"{found.verdict(one)}"
        for one in found.comparisons
    ]


def _title(facts: Facts, title: str) -> str:
    return f"{title}: {facts['experiment']}" if "experiment" in facts else title
