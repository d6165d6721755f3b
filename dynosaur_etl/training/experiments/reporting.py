"""What an experiment showed: tables with intervals, a picture, and in words what is not shown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.training.experiments.running import CellRecord, by_method
from dynosaur_etl.training.statistics import (
    NOT_SHOWN,
    Comparison,
    Interval,
    compare,
    over_seeds,
    seeds_needed,
)

REPORT, RESULTS, PICTURE = "report.md", "results.json", "differences.png"
SMALL_DIFFERENCE = 0.03
_COUNTS = ("rows", "row_tokens", "steps", "tokens")


@dataclass(frozen=True)
class ComparedFigure:
    """A figure that methods are compared in.

    Attributes:
        figure: its name in the records.
        words: what it is, with its unit.
        reference: the method that the others are compared with.
        lower_is_better: as of a loss.
        left_out: methods that are not compared in it.
    """

    figure: str
    words: str
    reference: str
    lower_is_better: bool = True
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComparisonResult:
    """What the records say to a question.

    Attributes:
        means: of each method over the seeds.
        comparisons: of each method but the reference.
        counts: rows, tokens and steps of each method, means over the seeds.
        deviation: of the differences between seeds, the mean of the comparisons.
    """

    question: ComparedFigure
    means: Mapping[str, Interval]
    comparisons: Sequence[Comparison]
    counts: Mapping[str, Mapping[str, float]]
    deviation: float

    def verdict(self, found: Comparison) -> str:
        """Say in words whether a method is better or worse."""
        if not found.is_shown:
            return NOT_SHOWN
        is_lower = found.difference.mean < 0
        return "better" if is_lower == self.question.lower_is_better else "worse"


def answer(question: ComparedFigure, records: Sequence[CellRecord]) -> ComparisonResult:
    """Compare the methods of some records in a figure, paired by seed."""
    asked = [record for record in records if record.cell.method not in question.left_out]
    figures = by_method(asked, question.figure)
    comparisons = compare(figures, question.reference)
    deviations = [
        float(np.std(np.array(values) - np.array(figures[question.reference]), ddof=1))
        for name, values in figures.items()
        if name != question.reference and len(values) > 1
    ]
    return ComparisonResult(
        question,
        {name: over_seeds(values) for name, values in figures.items()},
        comparisons,
        {name: _counts(asked, name) for name in figures},
        float(np.mean(deviations)) if deviations else float("nan"),
    )


def write_report(
    folder: Path,
    title: str,
    facts: Mapping[str, Any],
    parts: Sequence[str],
    answers: Sequence[ComparisonResult],
) -> Path:
    """Write report, results and picture into the folder of an experiment.

    Args:
        folder: of the experiment.
        title: of the report.
        facts: what was run, by name.
        parts: paragraphs before the tables.
        answers: one table each; the first one is drawn.
    """
    draw(answers[0], folder / PICTURE)
    text = [f"# {title}", *parts, f"![{answers[0].question.words}]({PICTURE})"]
    for found in answers:
        text += [f"## {found.question.words[0].upper()}{found.question.words[1:]}", table(found)]
        text.append(power_words(found))
    text += ["## What was run", _facts_table(facts)]
    path = folder / REPORT
    path.write_text("\n\n".join(text) + "\n", encoding="utf-8")
    results = {"facts": dict(facts), "answers": [_plain(found) for found in answers]}
    (folder / RESULTS).write_text(canonical_json(results), encoding="utf-8")
    return path


def table(found: ComparisonResult) -> str:
    """Return the comparison as a table in Markdown."""
    counted = [name for name in _COUNTS if any(name in c for c in found.counts.values())]
    reference = found.question.reference
    header = ["method", "seeds", "mean", f"minus {reference} [95%]", "p (Holm)", "", *counted]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    by_name = {comparison.method: comparison for comparison in found.comparisons}
    for name, mean in found.means.items():
        comparison = by_name.get(name)
        cells = [name, str(mean.number), f"{mean.mean:.3f}"]
        if comparison is None:
            cells += ["", "", "reference"]
        else:
            cells += [
                str(comparison.difference),
                f"{comparison.p:.3f} ({comparison.adjusted:.3f})",
                found.verdict(comparison),
            ]
        own = found.counts[name]
        cells += [f"{own[count]:,.0f}" if count in own else "" for count in counted]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def power_words(found: ComparisonResult) -> str:
    """Say how large a difference the seeds could have shown."""
    numbers = [interval.number for interval in found.means.values()]
    if not np.isfinite(found.deviation) or not found.deviation:
        return f"{numbers[0]} seed: no interval over seeds, so that nothing is shown."
    needed = seeds_needed(found.deviation, SMALL_DIFFERENCE)
    return (
        f"{numbers[0]} seeds. Between seeds a paired difference has a standard deviation of "
        f"{found.deviation:.3f}, so that {needed} seeds would show one of {SMALL_DIFFERENCE} four "
        "times in five."
    )


def control_words(control: Comparison, what: str) -> str:
    """Say whether the positive control holds, and what that means for the rest."""
    if control.is_shown and control.difference.mean < 0:
        return (
            f"**Positive control.** {what} lowers the loss by {-control.difference.mean:.3f} "
            f"[{-control.difference.high:.3f}, {-control.difference.low:.3f}] nats a token: this "
            "learner can learn, and the method of measurement sees it."
        )
    return (
        f"**The positive control does not hold.** {what} moves the loss by {control.difference}: "
        "this learner shows nothing, and no negative result below counts."
    )


def draw(found: ComparisonResult, path: Path) -> None:
    """Draw the differences with their intervals, without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [one for one in found.comparisons if np.isfinite(one.difference.half)]
    figure = Figure(figsize=(7, 0.5 * max(2, len(shown)) + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = np.arange(len(shown))[::-1]
    means = [one.difference.mean for one in shown]
    halves = [one.difference.half for one in shown]
    axes.axvline(0, color="0.6", linewidth=1)
    axes.errorbar(means, places, xerr=halves, fmt="o", color="#1f5fa8", capsize=3)
    axes.set_yticks(places, [one.method for one in shown])
    better = "left" if found.question.lower_is_better else "right"
    axes.set_xlabel(f"{found.question.words}\nminus {found.question.reference}; {better} is better")
    figure.savefig(path, dpi=120)


def _counts(records: Sequence[CellRecord], method: str) -> dict[str, float]:
    own = [record.figures for record in records if record.cell.method == method]
    return {
        name: float(np.mean([figures[name] for figures in own if name in figures]))
        for name in _COUNTS
        if any(name in figures for figures in own)
    }


def _facts_table(facts: Mapping[str, Any]) -> str:
    lines = ["| | |", "|---|---|"]
    for name, value in facts.items():
        told = value if isinstance(value, str) else canonical_json(value)
        lines.append(f"| {name} | {told.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def _plain(found: ComparisonResult) -> dict[str, Any]:
    return {
        "question": asdict(found.question),
        "means": {name: _finite(asdict(mean)) for name, mean in found.means.items()},
        "comparisons": [
            {
                "method": one.method,
                "reference": one.reference,
                "difference": _finite(asdict(one.difference)),
                "p": one.p,
                "adjusted": one.adjusted,
                "verdict": found.verdict(one),
            }
            for one in found.comparisons
        ],
        "counts": found.counts,
    }


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """Give values as JSON has them: null for an interval without a bound."""
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
