"""Other similarities than the cosine of embeddings.

The method leaves the similarity open. `with_format` adds the form of a text to its embedding, so
that every mode can go by it. `select_by_matrix` takes any similarity that a user has.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection import checks
from dynosaur_etl.selection.checks import Groups
from dynosaur_etl.selection.exact import finish
from dynosaur_etl.selection.objective import SMALLEST_GAIN, build_objective
from dynosaur_etl.selection.pairs import Pairs
from dynosaur_etl.selection.quality_scale import quality_ranks
from dynosaur_etl.selection.result import Selection
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import unit

ONE = 2**30
FORMS = (
    re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE),
    re.compile(r"```|^\s{4,}\S|\b(?:def|class|return|import|SELECT)\b.*[({;:]", re.MULTILINE),
    re.compile(r"\?"),
)  # fmt: skip
WORDS_PER_STEP = 8


def format_signal(texts: Sequence[str]) -> NDArray[np.float64]:
    """Length, list, code and question of each text as unit vectors [n, 5].

    The first two numbers turn with the logarithm of the number of words; the others are 1 where the
    text has the form.
    """
    words = np.array([len(text.split()) for text in texts], np.float64)
    angle = np.clip(np.log1p(words) / WORDS_PER_STEP, 0, 1) * np.pi / 2
    forms = [[float(bool(form.search(text))) for form in FORMS] for text in texts]
    signal = np.column_stack((np.cos(angle), np.sin(angle), np.array(forms).reshape(-1, 3)))
    return np.asarray(signal / np.linalg.norm(signal, axis=1, keepdims=True), np.float64)


def with_format(
    embeddings: NDArray[np.number], texts: Sequence[str], weight: float
) -> NDArray[np.float32]:
    """Vectors [n, d + 5] whose cosine is (1 - weight) of the embeddings' and weight of the form's.

    Raises:
        InvalidInput: a weight outside 0 to 1, or another number of texts.
    """
    pool = checks.check_embeddings(embeddings)
    if not 0 <= weight <= 1:
        raise InvalidInput(not_allowed("weight of format", weight, "a number from 0 to 1"))
    if len(texts) != len(pool):
        raise InvalidInput(not_allowed("texts", len(texts), f"{len(pool)}, one a point"))
    meaning = unit(np.asarray(pool, np.float64), 0, "embeddings") * np.sqrt(1 - weight)
    form = format_signal(texts) * np.sqrt(weight)
    return np.concatenate((meaning, form), axis=1).astype(np.float32)


def select_by_matrix(
    similarity: Any,
    k: int,
    quality: ArrayLike | None = None,
    alpha: float = 0.7,
    groups: Groups | None = None,
) -> Selection:
    """Greedy selection by a similarity of the user's own, with ties to the lowest position.

    Gains are divided by the gain of the K-th pick by diversity alone, as in `qdit`.

    Args:
        similarity: dense [n, n] or any scipy sparse matrix (a graph); row a says how well a covers
            each point, 0 to 1, and what is not stored is 0. A point covers itself fully.
        k: number of picks.
        quality: one value from 0 to 1 for each point.
        alpha: weight of quality.
        groups: (label of each point, most picks of any one label).

    Raises:
        InvalidInput: no square matrix, a value outside 0 to 1 or NaN, or as for `qdit`.
    """
    pairs = pairs_of(similarity)
    count = len(pairs.starts) - 1
    nobody = np.zeros(0, np.int64)
    purse = checks.check_purse(k, count, nobody)
    grouping = checks.check_groups(groups, count, purse, nobody)
    ratings, alpha = checks.check_quality(quality, count), checks.check_alpha(alpha)
    plain = State.unbound(np.zeros(count, np.int32), purse.total)
    finish(pairs, plain, build_objective(None, 0, "raw", quality_ranks, 1.0, ONE, purse.cost))
    late = plain.gains[int(0.9 * len(plain.gains)) :]
    unit_gain = max(float(np.mean(late)) / ONE, SMALLEST_GAIN)
    state = State.unbound(np.zeros(count, np.int32), purse.total)
    state.group, state.room = grouping.group, grouping.room.copy()
    finish(
        pairs,
        state,
        build_objective(ratings, alpha, "reference", quality_ranks, unit_gain, ONE, purse.cost),
    )
    order, gains = np.array(state.order, np.int64), np.array(state.gains, np.float64) / ONE
    return Selection(
        order=order,
        gain=gains,
        coverage=np.cumsum(gains) / count,
        quality=None if ratings is None else ratings[order],
        method="matrix",
        params={"k": purse.total, "pool": count, "alpha": alpha, "gain_unit": unit_gain},
        diagnostics={"pairs": len(pairs)},
    )


def pairs_of(similarity: Any) -> Pairs:
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
    values = np.rint(matrix.data * ONE).astype(np.int32)
    return Pairs(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), values)
