"""Selections of one pool beside one another, whatever made them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.selection.assessment.metrics import (
    lowest_decile_mean,
    novelsum,
    point_coverage,
    shares,
    vendi,
)
from dynosaur_etl.selection.problem.problem import GroundSet
from dynosaur_etl.selection.problem.result import Selection
from dynosaur_etl.selection.problem.weights import target_coverage, target_directions

_MEASURED_POINTS = 16_384
_MEASURED_PICKS = 2_000


@dataclass(frozen=True)
class Assessment:
    """Figures of one selection.

    Attributes:
        rows: number of picks.
        tokens: of all picks, or None where lengths are not known.
        coverage: mean over the pool of each point's highest clipped cosine to a pick.
        coverage_lowest_decile: mean of the lowest tenth of these.
        quality: mean of the picks, or None.
        quality_lowest_decile: mean of their lowest tenth, or None.
        vendi: effective number of distinct picks.
        novelsum: novelty of the picks to one another, or None for a single pick.
        target: how much of the target is covered, or None.
        shares: part of the picks from each source, largest first; empty without sources.
    """

    rows: int
    tokens: int | None
    coverage: float
    coverage_lowest_decile: float
    quality: float | None
    quality_lowest_decile: float | None
    vendi: float
    novelsum: float | None
    target: float | None
    shares: dict[str, float]


def assess(points: GroundSet, selection: Selection, seed: int = 0) -> Assessment:
    """Measure a selection of a pool.

    Coverage is measured on up to 16,384 points of the pool, Vendi score and NovelSum on up to 2,000
    picks, both drawn by the seed.

    Args:
        points: the pool; similarity is the cosine of its embeddings.
        selection: of it.
        seed: of the samples.
    """
    order = np.asarray(selection.order, np.int64)
    covered = _covered(points.embeddings, order, seed)
    quality = None if points.quality is None else np.asarray(points.quality, np.float64)[order]
    few = _sampled(len(order), _MEASURED_PICKS, seed)
    return Assessment(
        rows=len(order),
        tokens=tokens_of(points.lengths, order),
        coverage=float(covered.mean()),
        coverage_lowest_decile=lowest_decile_mean(covered),
        quality=None if quality is None else float(quality.mean()),
        quality_lowest_decile=None if quality is None else lowest_decile_mean(quality),
        vendi=vendi(points.embeddings, order[few]),
        novelsum=novelsum(points.embeddings, order[few]) if len(few) > 1 else None,
        target=_target(points, order),
        shares={} if points.sources is None else shares(list(points.sources), order),
    )


def tokens_of(lengths: ArrayLike | None, order: NDArray[np.int64]) -> int | None:
    """Sum the lengths of picks; None where there are no lengths."""
    return None if lengths is None else int(np.asarray(lengths)[order].sum())


def overlaps(orders: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return the share of the smaller of each two selections that is in the other one [m, m]."""
    sets = [set(order.tolist()) for order in orders]
    return np.array([[len(a & b) / max(min(len(a), len(b)), 1) for b in sets] for a in sets])


def _covered(
    embeddings: NDArray[np.number], order: NDArray[np.int64], seed: int
) -> NDArray[np.float64]:
    at = _sampled(len(embeddings), _MEASURED_POINTS, seed)
    both = np.concatenate((embeddings[order], embeddings[at]))
    found = point_coverage(both, np.arange(len(order)))[len(order) :]
    found[np.isin(at, order)] = 1.0
    return found


def _sampled(count: int, most: int, seed: int) -> NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def _target(points: GroundSet, order: NDArray[np.int64]) -> float | None:
    if points.target is None:
        return None
    goals = target_directions(points.embeddings, points.target)
    return target_coverage(points.embeddings, order, goals)
