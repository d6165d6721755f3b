"""What a selection returns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.problem.objective import Reference
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Resolution


@dataclass(frozen=True)
class Selection:
    """An ordered subset of a pool; every prefix of it is a selection too.

    Attributes:
        order: int64 positions in the order in which they were picked.
        gain: marginal gain d(a|A) of each pick, summed over the pool in points (1 is one point
            fully covered). In the modes `graph` and `partitioned` as the graph sees it.
        coverage: the coverage curve: mean over the pool of each point's highest clipped cosine to
            a pick or an anchor, after each pick, 0 to 1. In the modes `graph` and `partitioned` a
            lower bound.
        quality: quality of each pick as it was given, or None.
        method: the mode or baseline that really ran.
        params: every parameter and normalisation really used, plain JSON values.
        diagnostics: the algorithms that ran and counts of their work, plain JSON values.
        ids: names of the picks in their order, or None where the points had none.
    """

    order: NDArray[np.int64]
    gain: NDArray[np.float64]
    coverage: NDArray[np.float64]
    quality: NDArray[np.float64] | None
    method: str
    params: dict[str, Any]
    diagnostics: dict[str, Any] = field(default_factory=dict)
    ids: list[str] | None = None

    def __len__(self) -> int:
        return len(self.order)


@dataclass(frozen=True)
class Outcome:
    """What a mode hands over.

    Attributes:
        method: the mode.
        state: with all picks made.
        rises: rise of the summed cover at each pick, fixed point.
        start: summed cover before the first pick, fixed point.
        reference: by which gains were scaled.
        resolution: of the vectors.
        params: what was used, beside the specification.
        diagnostics: counts of the work.
    """

    method: str
    state: GreedyState
    rises: IntArray
    start: int
    reference: Reference
    resolution: Resolution
    params: dict[str, Any]
    diagnostics: dict[str, Any]
