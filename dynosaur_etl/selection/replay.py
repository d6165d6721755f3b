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
from dynosaur_etl.selection.problem.checks import check_count, check_embeddings
from dynosaur_etl.selection.quality_diversity import qdit
from dynosaur_etl.selection.vectors.fixed_point import COARSE, IntArray, as_vectors

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
    """Return positions of the previous tasks to replay, most wanted first, ties to the lowest.

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
        "instruction-support": lambda: _largest(_likeness(earlier, earlier), k),
        "instruction-similar": lambda: _largest(_likeness(earlier, now), k),
        "instruction-diverse": lambda: _largest(-_likeness(earlier, now), k),
        "data-diverse": lambda: _largest(-_likeness(earlier, now), k),
        "facility-location": lambda: qdit(earlier, k, anchors=now, seed=seed).order,
    }
    return rules[strategy]()


def _likeness(points: NDArray[np.number], others: NDArray[np.number]) -> IntArray:
    """Sum of each point's cosines to all others, which is its product with their sum."""
    total = _integers(others, "others").sum(axis=0, dtype=np.int64)
    return np.asarray(_integers(points, "points").astype(np.int64) @ total, np.int64)


def _integers(vectors: NDArray[np.number], what: str) -> NDArray[np.number]:
    return as_vectors(vectors, COARSE, what).values


def _largest(values: IntArray, k: int) -> IntArray:
    return np.argsort(-values, kind="stable")[:k]
