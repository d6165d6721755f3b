"""Is what is selected like the pool, and does it hold what is hard? Nothing is trained.

Of each method's picks: the nearness of the whole pool and of its farthest tenth, how evenly sources
and tasks are drawn from, the mix of kinds against the pool's, and how hard the picks are for a
small model.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.assessment.metrics import lowest_decile_mean, point_coverage
from dynosaur_etl.training.experiments.methods import (
    METHODS,
    SelectionPool,
    find_method,
    sample_sources,
)
from dynosaur_etl.training.experiments.running import Cell, Cost, Figures


class RepresentativenessExperiment:
    """Measures what each method picks from a seed's sources."""

    name = "representativeness"

    def __init__(
        self,
        pool: SelectionPool,
        hardness: NDArray[np.float64] | None,
        facts: Mapping[str, Any],
        methods: Sequence[str] = tuple(METHODS),
        seeds: int = 10,
        k: int = 200,
        share: float = 0.7,
    ) -> None:
        """Take the pool, and where it is known how hard each example is [n], in nats a token."""
        self._pool = pool
        self._hardness = hardness
        self._facts = facts
        self._methods = methods
        self._seeds = seeds
        self._k = k
        self._share = share

    @property
    def facts(self) -> Mapping[str, Any]:
        """What decides every cell."""
        return {**self._facts, "k": self._k, "share": self._share}

    def cells(self) -> Sequence[Cell]:
        """Return all methods, seed by seed."""
        return [Cell(name, seed) for seed in range(self._seeds) for name in self._methods]

    def estimate(self, cells: Sequence[Cell]) -> Cost:
        """Return the hours, at half a second a cell."""
        return Cost(len(cells), round(len(cells) * 0.5 / 3600, 3), words="half a second a cell")

    def run(self, cell: Cell) -> Figures:
        """Measure what a method picks."""
        inside, _ = sample_sources(self._pool.examples, self._share, cell.seed)
        part = self._pool.part(inside)
        picks = find_method(cell.method)(part, min(self._k, len(part)), cell.seed)
        covered = point_coverage(part.vectors, picks)
        chosen = [part.examples[at] for at in picks.tolist()]
        figures = {
            "coverage": float(covered.mean()),
            "farthest_tenth": lowest_decile_mean(covered),
            "even_sources": evenness([one.source for one in chosen]),
            "tasks_reached": len({e.task for e in chosen}) / len({e.task for e in part.examples}),
            "other_kinds": distance([e.kind for e in chosen], [e.kind for e in part.examples]),
            "rows": len(picks),
            "row_tokens": int(part.tokens[picks].sum()),
        }
        if self._hardness is None:
            return figures
        hard = self._hardness[inside]
        edge = np.quantile(hard, 0.9)
        return figures | {
            "hardness": float(hard[picks].mean()),
            "hardest_tenth": float((hard[picks] >= edge).mean()),
        }


def evenness(labels: Sequence[str]) -> float:
    """Return the number of labels that would be as varied if all were as common (exp entropy)."""
    counts = np.array(list(Counter(labels).values()), np.float64)
    shares = counts / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def distance(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Return half the sum of differences of shares (total variation), from 0 to 1."""
    mine, other = Counter(ours), Counter(theirs)
    names = mine.keys() | other.keys()
    return sum(abs(mine[n] / len(ours) - other[n] / len(theirs)) for n in names) / 2
