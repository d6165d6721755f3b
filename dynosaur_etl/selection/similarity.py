"""Other similarities than the cosine of embeddings.

The method leaves the similarity open. `with_format` adds the form of a text to its embedding, so
that every mode can go by it. `select_by_matrix` takes any similarity that a user has.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.greedy.pairs import Pairs, pick_lazily
from dynosaur_etl.selection.greedy.reference import SMALLEST_GAIN
from dynosaur_etl.selection.problem.budget import Budget, CheckedBudget, counted_or_priced
from dynosaur_etl.selection.problem.checks import check_embeddings, check_quality
from dynosaur_etl.selection.problem.constraints import Labels, check_constraints
from dynosaur_etl.selection.problem.objective import build_objective
from dynosaur_etl.selection.problem.result import Selection
from dynosaur_etl.selection.problem.specification import Specification
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.fixed_point import unit

_ONE = 2**30
_FORMS = (
    re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE),
    re.compile(r"```|^\s{4,}\S|\b(?:def|class|return|import|SELECT)\b.*[({;:]", re.MULTILINE),
    re.compile(r"\?"),
)  # fmt: skip
_WORDS_PER_STEP = 8
_WEIGHT_TOLERANCE = 1e-6
_IDENTITY_WIDTH = 256


def format_signal(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return length, list, code and question of each text as unit vectors [n, 5].

    The first two numbers turn with the logarithm of the number of words; the others are 1 where the
    text has the form.
    """
    words = np.array([len(text.split()) for text in texts], np.float64)
    angle = np.clip(np.log1p(words) / _WORDS_PER_STEP, 0, 1) * np.pi / 2
    forms = [[float(bool(form.search(text))) for form in _FORMS] for text in texts]
    signal = np.column_stack((np.cos(angle), np.sin(angle), np.array(forms).reshape(-1, 3)))
    return np.asarray(signal / np.linalg.norm(signal, axis=1, keepdims=True), np.float64)


def with_format(
    embeddings: NDArray[np.number], texts: Sequence[str], weight: float
) -> NDArray[np.float32]:
    """Return vectors [n, d + 5] whose cosine mixes those of embeddings and form by a weight.

    Raises:
        InvalidInput: a weight outside 0 to 1, or another number of texts.
    """
    pool = check_embeddings(embeddings)
    if not 0 <= weight <= 1:
        raise InvalidInput(not_allowed("weight of format", weight, "a number from 0 to 1"))
    if len(texts) != len(pool):
        raise InvalidInput(not_allowed("texts", len(texts), f"{len(pool)}, one a point"))
    return mixed([(pool, 1 - weight), (format_signal(texts), weight)])


def mixed(parts: Sequence[tuple[NDArray[np.number], float]]) -> NDArray[np.float32]:
    """Return vectors whose cosine is the mean of the parts' cosines, weighted.

    Args:
        parts: vectors [n, d] of each similarity, and its weight, which are not negative and sum
            to 1.

    Raises:
        InvalidInput: weights that are none, or a vector that is zero or not finite.
    """
    weights = [weight for _, weight in parts]
    if min(weights) < 0 or abs(sum(weights) - 1) > _WEIGHT_TOLERANCE:
        raise InvalidInput(not_allowed("weights of similarities", weights, "0 or more, sum 1"))
    scaled = [
        unit(np.asarray(vectors, np.float64), 0, "embeddings") * np.sqrt(weight)
        for vectors, weight in parts
    ]
    return np.concatenate(scaled, axis=1).astype(np.float32)


def identity_signal(labels: Sequence[object]) -> NDArray[np.float32]:
    """Return vectors [n, 256] that are equal for equal labels and nearly orthogonal for others.

    Each label has random signs of its own, so that two labels have a cosine of 0 within 0.06 (one
    standard deviation), whatever their number.
    """
    names, at = np.unique(np.asarray([str(label) for label in labels]), return_inverse=True)
    seeds = [int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) for name in names.tolist()]
    signs = [np.random.default_rng(seed).choice((-1.0, 1.0), _IDENTITY_WIDTH) for seed in seeds]
    return (np.array(signs, np.float32) / np.float32(_IDENTITY_WIDTH**0.5))[at]


def select_by_matrix(
    similarity: Any,
    k: int | Budget,
    quality: ArrayLike | None = None,
    alpha: float = 0.7,
    groups: tuple[Labels, int] | None = None,
) -> Selection:
    """Select greedily by a similarity of the user's own, with ties to the lowest position.

    Gains are divided by the gain of the K-th pick by diversity alone, as in `qdit`.

    Args:
        similarity: dense [n, n] or any scipy sparse matrix (a graph); row a says how well a covers
            each point, 0 to 1, and what is not stored is 0. A point covers itself fully.
        k: number of picks, or a `Budget`.
        quality: one value from 0 to 1 for each point.
        alpha: weight of quality.
        groups: (label of each point, most picks of any one label).

    Raises:
        InvalidInput: no square matrix, a value outside 0 to 1 or NaN, or as for `qdit`.
    """
    pairs = _pairs_of(similarity)
    count = len(pairs.starts) - 1
    picks, budget, costs = counted_or_priced(k)
    labels, cap = (None, None) if groups is None else groups
    specification = Specification(picks, budget, alpha, group_cap=cap)
    specification.check()
    constraints = check_constraints(count, specification, costs=costs, groups=labels)
    ratings = check_quality(quality, count)
    unit_gain = _late_gain(pairs, specification, constraints.budget)
    state = GreedyState.unbound(np.zeros(count, np.int32), constraints.budget.total)
    state.cost = constraints.budget.cost
    state.group, state.capacity = constraints.grouping.group, constraints.grouping.capacity.copy()
    objective = build_objective(ratings, specification, unit_gain, _ONE, state.cost)
    pick_lazily(pairs, state, objective)
    return _measured(state, ratings, len(pairs), alpha, unit_gain)


def _late_gain(pairs: Pairs, specification: Specification, budget: CheckedBudget) -> float:
    """Mean gain of the last tenth of the picks that diversity alone makes."""
    plain = GreedyState.unbound(np.zeros(len(pairs.starts) - 1, np.int32), budget.total)
    plain.cost = budget.cost
    pick_lazily(pairs, plain, build_objective(None, specification, 1.0, _ONE, budget.cost))
    late = plain.gains[int(0.9 * len(plain.gains)) :]
    return max(float(np.mean(late)) / _ONE, SMALLEST_GAIN)


def _measured(
    state: GreedyState,
    ratings: NDArray[np.float64] | None,
    pairs: int,
    alpha: float,
    unit_gain: float,
) -> Selection:
    order, gains = np.array(state.order, np.int64), np.array(state.gains, np.float64) / _ONE
    count = len(state.cover)
    return Selection(
        order=order,
        gain=gains,
        coverage=np.cumsum(gains) / count,
        quality=None if ratings is None else ratings[order],
        method="matrix",
        params={"k": len(order), "pool": count, "alpha": float(alpha), "gain_unit": unit_gain},
        diagnostics={"algorithm": "lazy greedy", "pairs": pairs},
    )


def _pairs_of(similarity: Any) -> Pairs:
    """A user's matrix in fixed point, by candidate."""
    from scipy.sparse import csr_matrix

    matrix = csr_matrix(similarity, dtype=np.float64, copy=True)
    if matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
        raise InvalidInput(not_allowed("similarity of shape", matrix.shape, "[n, n] with n >= 1"))
    matrix.sum_duplicates()
    outside = ~((matrix.data >= 0) & (matrix.data <= 1))
    if outside.any():
        value = float(matrix.data[outside][0])
        raise InvalidInput(not_allowed("similarity", value, "0 to 1"))
    matrix = matrix.tolil()
    matrix.setdiag(1.0)
    matrix = matrix.tocsr()
    values = np.rint(matrix.data * _ONE).astype(np.int32)
    return Pairs(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), values)
