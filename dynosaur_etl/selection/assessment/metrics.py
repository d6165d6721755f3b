"""Measures of any selection, whatever made it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.problem.checks import (
    check_embeddings,
    check_positions,
    check_quality,
)
from dynosaur_etl.selection.vectors.fixed_point import BLOCK, unit

_LOWEST_PART = 0.1
DENSITY_POWER = 0.5
_SAME = 1e-6
_SMALLEST_EIGENVALUE = 1e-12


def point_coverage(embeddings: NDArray[np.number], order: ArrayLike) -> NDArray[np.float64]:
    """Return each point's highest cosine to a selected point, below 0 counted as 0 [n]."""
    pool = check_embeddings(embeddings)
    picks = check_positions(np.asarray(order, np.int64), len(pool))
    chosen = unit(np.asarray(pool[picks], np.float64), 0, "picks")
    covered = np.empty(len(pool))
    for start in range(0, len(pool), BLOCK):
        block = unit(np.asarray(pool[start : start + BLOCK], np.float64), start, "embeddings")
        covered[start : start + BLOCK] = (block @ chosen.T).max(axis=1)
    covered[picks] = 1.0
    return np.clip(covered, 0.0, 1.0)


def coverage(embeddings: NDArray[np.number], order: ArrayLike) -> float:
    """Return the mean of `point_coverage`: facility location per point of the pool."""
    return float(point_coverage(embeddings, order).mean())


def lowest_decile_mean(values: ArrayLike) -> float:
    """Return the mean of the lowest tenth of the values, of at least one."""
    ordered = np.sort(np.asarray(values, np.float64))
    return float(ordered[: max(1, round(len(ordered) * _LOWEST_PART))].mean())


def shares(labels: Sequence[object], order: ArrayLike) -> dict[str, float]:
    """Return the part of the selection that comes from each source, largest first, then by name."""
    picked = [str(labels[at]) for at in np.asarray(order, np.int64).tolist()]
    names, counts = np.unique(picked, return_counts=True)
    ranked = sorted(zip((-counts).tolist(), names.tolist(), strict=True))
    return {name: -negative / len(picked) for negative, name in ranked}


def novelsum(
    embeddings: NDArray[np.number], order: ArrayLike, reference: NDArray[np.number] | None = None
) -> float:
    """Return NovelSum (arXiv 2502.17184): the novelty of the picks to one another.

    For each point, the mean of its cosine distances to the others, weighted by 1 / rank of
    nearness, each times the density around the other to the power of 0.5; density is one over the
    mean distance to the 10 nearest points of the reference set.

    Args:
        embeddings: the pool [n, d].
        order: at least two positions in it.
        reference: where density is measured; default: the pool.
    """
    pool = check_embeddings(embeddings)
    picks = check_positions(np.asarray(order, np.int64), len(pool))
    if len(picks) < 2:
        raise InvalidInput(not_allowed("picks for NovelSum", len(picks), "two or more"))
    chosen = unit(np.asarray(pool[picks], np.float64), 0, "picks")
    crowd = density(chosen, pool if reference is None else reference)
    rank_weight = 1.0 / np.arange(1, len(picks))
    total = 0.0
    for at, point in enumerate(chosen):
        distance = np.delete(1.0 - chosen @ point, at)
        nearest = np.argsort(distance, kind="stable")
        weighted = distance * np.delete(crowd, at) ** DENSITY_POWER
        total += float((weighted[nearest] * rank_weight).sum() / rank_weight.sum())
    return total / len(picks)


def density(
    points: NDArray[np.float64], reference: NDArray[np.number], neighbours: int = 10
) -> NDArray[np.float64]:
    """Return one over the mean cosine distance to the nearest references but copies [n]."""
    found = np.full((len(points), 0), 0.0)
    for start in range(0, len(reference), BLOCK):
        block = unit(np.asarray(reference[start : start + BLOCK], np.float64), start, "reference")
        distance = 1.0 - points @ block.T
        distance[distance < _SAME] = np.inf
        found = np.sort(np.concatenate((found, distance), axis=1), axis=1)[:, :neighbours]
    near = np.where(np.isfinite(found), found, 0.0).sum(axis=1)
    counted = np.maximum(np.isfinite(found).sum(axis=1), 1)
    return np.asarray(1.0 / np.maximum(near / counted, _SAME), np.float64)


def vendi(embeddings: NDArray[np.number], order: ArrayLike) -> float:
    """Return the Vendi score (arXiv 2210.02410): the effective number of distinct picks.

    The exponential of the entropy of the eigenvalues of the cosine matrix over its size, taken from
    the smaller of the two Gram matrices.
    """
    pool = check_embeddings(embeddings)
    picks = check_positions(np.asarray(order, np.int64), len(pool))
    chosen = unit(np.asarray(pool[picks], np.float64), 0, "picks")
    small = chosen.T @ chosen if len(picks) > chosen.shape[1] else chosen @ chosen.T
    values = np.clip(np.linalg.eigvalsh(small / len(picks)), 0, None)
    values = values[values > _SMALLEST_EIGENVALUE]
    return float(np.exp(-(values * np.log(values)).sum()))


def summarise(
    embeddings: NDArray[np.number],
    order: ArrayLike,
    quality: ArrayLike | None = None,
    sources: Sequence[object] | None = None,
) -> dict[str, object]:
    """Return mean and lowest-decile coverage, the same of quality, and shares: JSON values."""
    covered = point_coverage(embeddings, order)
    found: dict[str, object] = {
        "coverage_mean": float(covered.mean()),
        "coverage_lowest_decile": lowest_decile_mean(covered),
    }
    checked = check_quality(quality, len(covered))
    if checked is not None:
        picked = checked[np.asarray(order, np.int64)]
        found["quality_mean"] = float(picked.mean())
        found["quality_lowest_decile"] = lowest_decile_mean(picked)
    if sources is not None:
        found["shares"] = shares(sources, order)
    return found
