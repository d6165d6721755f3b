"""What a pick is worth, and what the weight alpha means.

The method's objective is f(a|A) = (1 - alpha) d(a|A) + alpha q(a), d the facility-location gain
summed over the pool (QDIT, arXiv 2311.14736, section 3). The paper does not say how d and q are
scaled, and raw values make alpha depend on the size of the pool: a first gain is of the order of
N, a late one far below 1. Two normalisations are offered and recorded with every selection:

- `reference` (default): d is divided by the gain that the K-th pick has when diversity alone
  decides, estimated on a sample; q is scaled to 0 to 1 (see `quality_scale`). At the edge of the
  selection one reference gain then weighs as much as the whole range of quality at alpha 0.5,
  for every N, K and judge.
- `raw`: d and q as they are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.problem.quality_scale import QUALITY_SCALES
from dynosaur_etl.selection.problem.specification import Specification
from dynosaur_etl.selection.vectors.fixed_point import IntArray


@dataclass(frozen=True)
class Objective:
    """score(a) = rate[a] * gain + quality_term[a], the gain in fixed point."""

    rate: NDArray[np.float64]
    quality_term: NDArray[np.float64]

    def scores(self, gains: NDArray[np.number], at: IntArray) -> NDArray[np.float64]:
        """Return the scores of candidates with these gains."""
        return self.rate[at] * gains.astype(np.float64) + self.quality_term[at]

    def part(self, at: IntArray) -> "Objective":
        """Return the objective of some of the points."""
        return Objective(self.rate[at], self.quality_term[at])


@dataclass(frozen=True)
class Reference:
    """What is known of a selection before it is made, from a sample of the pool.

    Attributes:
        gain: d of the last picks with diversity alone, in points of the whole pool.
        coverage: mean coverage that as many picks reach by chance.
    """

    gain: float
    coverage: float


def build_objective(
    quality: NDArray[np.float64] | None,
    specification: Specification,
    reference_gain: float,
    one: float,
    cost: IntArray,
) -> Objective:
    """Return the weights of gain and quality, both for each unit of cost.

    Without quality, diversity alone decides. `one` is what a gain of 1 is in fixed
    point.
    """
    alpha = specification.alpha
    if quality is None or alpha == 0:
        return Objective(1.0 / cost, np.zeros(len(cost)))
    raw = specification.normalise == "raw"
    scaled = quality if raw else QUALITY_SCALES[specification.quality_scale](quality)
    unit = one * (1.0 if raw else reference_gain)
    return Objective((1 - alpha) / unit / cost, alpha * scaled / cost)
