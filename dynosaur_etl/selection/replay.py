"""Which earlier tasks to replay while a model learns the next ones.

The strategies of Dynosaur's continual learning (arXiv 2305.14327), over one vector a
task. S_cp holds the cosines of current to previous tasks, S_pp those of previous tasks among
themselves. `instruction-*` take instruction vectors, `data-diverse` the same rule on vectors of the
tasks' example data.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.checks import check_count, check_embeddings
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.vectors import COARSE, IntArray, Vectors, as_vectors

STRATEGIES = (
    "none",
    "random",
    "instruction-diverse",
    "instruction-similar",
    "instruction-support",
    "data-diverse",
    "facility-location",
)


def replay(
    strategy: str,
    previous: NDArray[np.number],
    current: NDArray[np.number],
    k: int,
    seed: int = 0,
) -> IntArray:
    """Positions of the previous tasks to replay, most wanted first, ties to the lowest.

    Args:
        strategy: `none`; `random`; `instruction-diverse` and `data-diverse`: least like the current
            tasks (smallest column sums of S_cp); `instruction-similar`: most like them;
            `instruction-support`: most like the other previous tasks (largest row sums of S_pp);
            `facility-location`: cover the previous tasks best, given that the current ones are
            learnt anyway.
        previous: vectors of the tasks learnt so far [p, d].
        current: vectors of the tasks to learn now [c, d].
        k: how many, 1 to p.
        seed: of `random`.

    Raises:
        InvalidInput: an unknown strategy, k out of range, or vectors of another length.
    """
    if strategy not in STRATEGIES:
        raise InvalidInput(not_allowed("replay strategy", strategy, STRATEGIES))
    earlier, now = check_embeddings(previous, "previous"), check_embeddings(current, "current")
    if earlier.shape[1] != now.shape[1]:
        raise InvalidInput(not_allowed("current of shape", now.shape, f"[c, {earlier.shape[1]}]"))
    k = check_count(k, len(earlier))
    rules: dict[str, Callable[[], IntArray]] = {
        "none": lambda: np.zeros(0, np.int64),
        "random": lambda: np.random.default_rng(seed).permutation(len(earlier))[:k],
        "instruction-support": lambda: largest(likeness(earlier, earlier), k),
        "instruction-similar": lambda: largest(likeness(earlier, now), k),
        "instruction-diverse": lambda: largest(-likeness(earlier, now), k),
        "data-diverse": lambda: largest(-likeness(earlier, now), k),
        "facility-location": lambda: qdit(earlier, k, anchors=now, seed=seed).order,
    }
    return rules[strategy]()


def likeness(points: NDArray[np.number], others: NDArray[np.number]) -> IntArray:
    """Sum of each point's cosines to all others, which is its product with their sum."""
    total = integers(others, "others").values.sum(axis=0, dtype=np.int64)
    return np.asarray(integers(points, "points").values.astype(np.int64) @ total, np.int64)


def integers(vectors: NDArray[np.number], what: str) -> Vectors:
    return as_vectors(vectors, COARSE, what)


def largest(values: IntArray, k: int) -> IntArray:
    return np.argsort(-values, kind="stable")[:k]
