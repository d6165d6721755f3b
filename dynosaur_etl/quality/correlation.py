"""Scorers beside one another: how they rank the same instances."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_COMMON = 3


@dataclass(frozen=True)
class ScorerFigures:
    """One scorer's scores.

    Attributes:
        scored: instances that have a score.
        missing: instances that it gave none.
        mean: of the scores; None without any.
        deviation: standard deviation of the scores; None without any.
    """

    scored: int
    missing: int
    mean: float | None
    deviation: float | None


def figures_of(scores: NDArray[np.float64]) -> ScorerFigures:
    """Return the figures of scores [n], NaN where there is none."""
    known = scores[~np.isnan(scores)]
    if not len(known):
        return ScorerFigures(0, len(scores), None, None)
    missing = len(scores) - len(known)
    return ScorerFigures(len(known), missing, float(known.mean()), float(known.std()))


def rank_correlations(
    scores: Mapping[str, NDArray[np.float64]],
) -> dict[str, dict[str, float | None]]:
    """Return Spearman's rank correlation of each two columns, over the rows that have both.

    Args:
        scores: columns [n] by name, NaN where there is no score.

    Returns:
        By two names; None where fewer than three rows have both, or one column is constant there.
    """
    return {
        one: {other: _spearman(scores[one], scores[other]) for other in scores} for one in scores
    }


def _spearman(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    both = ~(np.isnan(one) | np.isnan(other))
    if both.sum() < LEAST_COMMON:
        return None
    first, second = _ranks(one[both]), _ranks(other[both])
    spread = np.sqrt(first @ first) * np.sqrt(second @ second)
    return float(first @ second / spread) if spread else None


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks around 0; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    ranks = (last - (counts - 1) / 2)[inverse]
    return np.asarray(ranks - (len(values) - 1) / 2, np.float64)
