"""What the pages make of figures before they show them: bars beside lines."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from dynosaur_etl.flows.views.reason_counts import ReasonCount, reason_counts

Line = TypeVar("Line")


def reject_lines(rejects: Mapping[str, int]) -> list[tuple[ReasonCount, float]]:
    """Put words and a bar's width (0 to 100) to each reason, the most frequent first."""
    return with_bars(reason_counts(rejects), lambda line: line.number)


def with_bars(lines: Sequence[Line], measure: Callable[[Line], int]) -> list[tuple[Line, float]]:
    """Put beside each line its share of the largest, 0 to 100."""
    most = max(map(measure, lines), default=0) or 1
    return [(line, round(100 * measure(line) / most, 1)) for line in lines]


def funnel_widths(numbers: Sequence[int]) -> list[float]:
    """Return the width of each stage of a funnel, 0 to 100, by its order of magnitude.

    Of a million datasets some hundred rows are left; drawn by number they would not be seen.
    """
    most = max(map(math.log1p, numbers), default=0) or 1
    return [round(100 * math.log1p(number) / most, 1) for number in numbers]
