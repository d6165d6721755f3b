"""The nearest selected instance answers: a measure of coverage that needs no model.

Every example that is asked about gets the answer of the selected example that is most like it, and
ROUGE-L tells how near that is. Facility location optimises such nearness by construction, so what
is shown here is coverage of known tasks, not what a model would learn. Of tasks that are in the
pool it is asked of other rows; of new sources it shows that nothing is known.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from dynosaur_etl.training.experiments.methods import (
    CLUSTERS,
    COVERAGE,
    DEITA,
    LONGEST,
    QUALITY,
    RANDOM,
    SelectionPool,
    draw_sample,
    find_method,
)
from dynosaur_etl.training.experiments.running import Cell, Cost, Figures
from dynosaur_etl.training.text_metrics import rouge_l

PROXY_METHODS = (
    RANDOM, LONGEST, QUALITY, COVERAGE, "qdit-0.5", "qdit-0.7", "qdit-0.9", DEITA, CLUSTERS,
)  # fmt: skip
ASKED = 150
WORDS = 100
"""Words of an answer that are compared: the rest of a long one takes time and tells little."""

_SECONDS = 1.0


class ProxyExperiment:
    """Asks the nearest selected instance, about rows of known tasks and of new sources."""

    name = "selection-proxy"

    def __init__(
        self,
        pool: SelectionPool,
        facts: Mapping[str, Any],
        methods: Sequence[str] = PROXY_METHODS,
        seeds: int = 12,
        k: int = 300,
        share: float = 0.8,
    ) -> None:
        """Take the pool, what it is (JSON-able), and the rows that a method picks."""
        self._pool = pool
        self._facts = facts
        self._methods = methods
        self._seeds = seeds
        self._k = k
        self._share = share

    @property
    def facts(self) -> Mapping[str, Any]:
        """What decides every cell."""
        return {**self._facts, "k": self._k, "share": self._share, "asked": ASKED, "words": WORDS}

    def cells(self) -> Sequence[Cell]:
        """Return all methods, seed by seed."""
        return [Cell(name, seed) for seed in range(self._seeds) for name in self._methods]

    def estimate(self, cells: Sequence[Cell]) -> Cost:
        """Return the hours, at a second a cell."""
        return Cost(len(cells), round(len(cells) * _SECONDS / 3600, 3), words="1 second a cell")

    def run(self, cell: Cell) -> Figures:
        """Select from a seed's sources without a tenth of their rows, and ask about the others."""
        sample = draw_sample(self._pool.examples, self._share, ASKED, cell.seed)
        part = self._pool.part(sample.choice)
        k = min(self._k, len(part))
        picks = sample.choice[find_method(cell.method)(part, k, cell.seed)]
        return {
            "known_tasks": self._score(sample.known, picks),
            "new_sources": self._score(sample.new, picks),
            "rows": len(picks),
            "row_tokens": int(self._pool.tokens[picks].sum()),
        }

    def _score(self, asked: Any, picks: Any) -> float:
        nearest = picks[(self._pool.vectors[asked] @ self._pool.vectors[picks].T).argmax(axis=1)]
        found = [
            _rouge(_begin(self._pool.examples[near].answer), _begin(self._pool.examples[at].answer))
            for at, near in zip(asked.tolist(), nearest.tolist(), strict=True)
        ]
        return float(np.mean(found))


@lru_cache(100_000)
def _rouge(text: str, answer: str) -> float:
    return rouge_l(text, [answer])


def _begin(text: str) -> str:
    return " ".join(text.split()[:WORDS])
