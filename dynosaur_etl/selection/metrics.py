"""Measures of any selection, whatever made it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.selection import checks
from dynosaur_etl.selection.vectors import BLOCK, unit

LOWEST_PART = 0.1


def point_coverage(embeddings: NDArray[np.number], order: ArrayLike) -> NDArray[np.float64]:
    """Each point's highest cosine to a selected point, below 0 counted as 0 [n]."""
    pool = checks.check_embeddings(embeddings)
    picks = checks.check_positions(np.asarray(order, np.int64), len(pool))
    chosen = unit(np.asarray(pool[picks], np.float64), 0, "picks")
    covered = np.empty(len(pool))
    for start in range(0, len(pool), BLOCK):
        block = unit(np.asarray(pool[start : start + BLOCK], np.float64), start, "embeddings")
        covered[start : start + BLOCK] = (block @ chosen.T).max(axis=1)
    covered[picks] = 1.0
    return np.clip(covered, 0.0, 1.0)


def coverage(embeddings: NDArray[np.number], order: ArrayLike) -> float:
    """Mean of `point_coverage`: the facility-location objective per point of the pool."""
    return float(point_coverage(embeddings, order).mean())


def lowest_decile_mean(values: ArrayLike) -> float:
    """Mean of the lowest tenth of the values, of at least one."""
    ordered = np.sort(np.asarray(values, np.float64))
    return float(ordered[: max(1, round(len(ordered) * LOWEST_PART))].mean())


def shares(labels: Sequence[object], order: ArrayLike) -> dict[str, float]:
    """Part of the selection that comes from each source, largest first, then by name."""
    picked = [str(labels[at]) for at in np.asarray(order, np.int64).tolist()]
    names, counts = np.unique(picked, return_counts=True)
    ranked = sorted(zip((-counts).tolist(), names.tolist(), strict=True))
    return {name: -negative / len(picked) for negative, name in ranked}


def summarise(
    embeddings: NDArray[np.number],
    order: ArrayLike,
    quality: ArrayLike | None = None,
    sources: Sequence[object] | None = None,
) -> dict[str, object]:
    """Mean and lowest-decile coverage, the same of quality, and shares, as plain JSON values."""
    covered = point_coverage(embeddings, order)
    found: dict[str, object] = {
        "coverage_mean": float(covered.mean()),
        "coverage_lowest_decile": lowest_decile_mean(covered),
    }
    checked = checks.check_quality(quality, len(covered))
    if checked is not None:
        picked = checked[np.asarray(order, np.int64)]
        found["quality_mean"] = float(picked.mean())
        found["quality_lowest_decile"] = lowest_decile_mean(picked)
    if sources is not None:
        found["shares"] = shares(sources, order)
    return found
