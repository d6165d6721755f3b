"""Quality on the scale on which alpha weighs it against diversity.

Raw scores of two judges do not mean the same: one gives 4.5 of 5 to nearly everything, another
fills its whole range. Alpha has a meaning only after the scale is chosen, so it is recorded with
every selection.

- `rank`: the position among all, 0 (lowest) to 1 (highest); blind to distances and outliers.
- `min-max`: linear, the lowest to 0 and the highest to 1; one outlier squeezes the rest.
- `z`: how many standard deviations from the mean, through the normal distribution function, so
  that the mean is at 0.5 and one deviation above it at 0.84.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SMALLEST_DEVIATION = 1e-12
Scale = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def quality_ranks(quality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value, 0 (lowest) to 1 (highest); equal ones share the mean."""
    _, inverse, counts = np.unique(quality, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    middle = last - (counts - 1) / 2
    return np.asarray(middle[inverse] / max(len(quality) - 1, 1), np.float64)


def min_max(quality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values with their range drawn out to 0 to 1; 0.5 where all are equal."""
    span = float(np.ptp(quality))
    if span == 0:
        return np.full(len(quality), 0.5)
    return np.asarray((quality - quality.min()) / span, np.float64)


def z_scores(quality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normal distribution function of the standard score; 0.5 where all are equal."""
    if np.ptp(quality) == 0:
        return np.full(len(quality), 0.5)
    standard = (quality - quality.mean()) / max(float(quality.std()), SMALLEST_DEVIATION)
    return np.array([0.5 + 0.5 * math.erf(value / math.sqrt(2)) for value in standard])


QUALITY_SCALES: dict[str, Scale] = {"rank": quality_ranks, "min-max": min_max, "z": z_scores}
