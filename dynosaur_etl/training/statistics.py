"""Intervals and tests for few seeds and many items, which are not the same thing.

What differs from seed to seed (the sample of the pool, what is drawn, the order of training) cannot
be seen within one seed: an interval over the items of one seed says how sure the evaluation of that
model is, not how sure it is that the method is better. So methods are compared by one figure a
seed, paired, and items are only resampled, by their source, to describe one model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

LEVEL = 0.95
RESAMPLES = 2_000
TAIL = 0.1
NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Interval:
    """A mean with its interval.

    Attributes:
        level: share of such intervals that hold the truth, if their assumptions hold.
        number: what it is made of: seeds, or items.
    """

    mean: float
    low: float
    high: float
    number: int
    level: float = LEVEL

    @property
    def holds_zero(self) -> bool:
        return not (self.low > 0 or self.high < 0)

    @property
    def half(self) -> float:
        return (self.high - self.low) / 2

    def __str__(self) -> str:
        return f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


@dataclass(frozen=True)
class Comparison:
    """A method against a reference, one difference a seed.

    Attributes:
        difference: method minus reference.
        p: two-sided, by Student's t over the seeds.
        adjusted: the same, by Holm, for all comparisons that were made together.
    """

    method: str
    reference: str
    difference: Interval
    p: float
    adjusted: float

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out 0, and still would if all comparisons are counted."""
        return not self.difference.holds_zero and self.adjusted < 1 - self.difference.level

    @property
    def verdict(self) -> str:
        """In words: higher, lower, or not shown."""
        if not self.is_shown:
            return NOT_SHOWN
        return "higher" if self.difference.mean > 0 else "lower"


def over_seeds(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the mean over seeds with Student's interval; unbounded for one seed."""
    from scipy import stats

    found = finite(values)
    mean = float(found.mean())
    if len(found) < 2:
        return Interval(mean, -np.inf, np.inf, len(found), level)
    half = float(
        stats.t.ppf((1 + level) / 2, len(found) - 1) * found.std(ddof=1) / len(found) ** 0.5
    )
    return Interval(mean, mean - half, mean + half, len(found), level)


def compare(
    figures: Mapping[str, Sequence[float]], reference: str, level: float = LEVEL
) -> list[Comparison]:
    """Compare methods with a reference, paired by seed.

    Args:
        figures: by method, one figure a seed, the seeds in the same order.
        reference: one of the methods.
        level: of the intervals.

    Raises:
        InvalidInput: the reference is no method, or methods have other numbers of seeds.
    """
    if reference not in figures:
        raise InvalidInput(not_allowed("reference", reference, figures.keys()))
    numbers = {name: len(values) for name, values in figures.items()}
    if len(set(numbers.values())) > 1:
        raise InvalidInput(not_allowed("seeds of each method", numbers, "the same for all"))
    base = finite(figures[reference])
    differences = {
        name: finite(values) - base for name, values in figures.items() if name != reference
    }
    chances = {name: p_of_zero(values) for name, values in differences.items()}
    adjusted = holm(chances)
    return [
        Comparison(name, reference, over_seeds(values, level), chances[name], adjusted[name])
        for name, values in differences.items()
    ]


def p_of_zero(differences: ArrayLike) -> float:
    """Return the two-sided chance, by Student's t, of such a mean if there were no difference."""
    from scipy import stats

    found = finite(differences)
    if len(found) < 2:
        return 1.0
    if not found.std():
        return 1.0 if not found[0] else 0.0
    return float(stats.ttest_1samp(found, 0).pvalue)


def holm(chances: Mapping[str, float]) -> dict[str, float]:
    """Return chances adjusted for their number (Holm 1979), none above 1."""
    ordered = sorted(chances, key=lambda name: chances[name])
    adjusted, highest = {}, 0.0
    for rank, name in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - rank) * chances[name]))
        adjusted[name] = highest
    return {name: adjusted[name] for name in chances}


def over_items(
    values: ArrayLike,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the mean over items with a bootstrap interval that resamples whole groups.

    Items of one source are alike, so that their number overstates what is known.

    Args:
        values: one an item.
        groups: of each item, say its source; None where each stands alone.
        seed: of the resampling.
        level: of the interval.
        resamples: how many.
    """
    found = finite(values)
    labels = np.arange(len(found)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(labels).astype(np.float64)
    sums = np.bincount(labels, weights=found)
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(resamples, len(sizes)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(found.mean()), float(low), float(high), len(found), level)


def lowest(values: ArrayLike, share: float = TAIL) -> float:
    """Return the mean of the lowest tenth, one value at least."""
    found = np.sort(finite(values))
    return float(found[: tail_size(len(found), share)].mean())


def highest(values: ArrayLike, share: float = TAIL) -> float:
    """Return the mean of the highest tenth, one value at least."""
    found = np.sort(finite(values))
    return float(found[-tail_size(len(found), share) :].mean())


def tail_size(number: int, share: float = TAIL) -> int:
    return max(1, round(number * share))


def seeds_needed(deviation: float, difference: float, power: float = 0.8) -> int:
    """Return the seeds that show a difference with a power, given the deviation of differences.

    By the normal approximation at the level of the intervals: two-sided, 80% power by default.
    """
    from scipy import stats

    if difference <= 0:
        raise InvalidInput(not_allowed("difference", difference, "a number above 0"))
    reach = stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(power)
    return max(2, int(np.ceil((reach * deviation / difference) ** 2)))


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """Return the values as an array [n].

    Raises:
        InvalidInput: there is none, or one is not finite.
    """
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        allowed = "one finite number or more"
        raise InvalidInput(not_allowed("figures", found.tolist()[:10], allowed))
    return found
