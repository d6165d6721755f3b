"""How many picks are made, or what they may cost together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.problem.checks import check_count
from dynosaur_etl.selection.vectors.fixed_point import IntArray


@dataclass(frozen=True)
class Budget:
    """What picks may cost in all, in place of their number: tokens, say.

    Attributes:
        costs: a whole number from 1 for each point [n].
        total: the most that all picks together may cost.
    """

    costs: ArrayLike
    total: int


@dataclass(frozen=True)
class CheckedBudget:
    """A count or a budget after its checks.

    Attributes:
        cost: of each point [n]; ones where picks are counted.
        total: what may be spent.
        expected_picks: how many picks that makes, about.
        required_picks: how many it has to make; 0 where costs decide.
    """

    cost: IntArray
    total: int
    expected_picks: int
    required_picks: int


def counted_or_priced(k: int | Budget) -> tuple[int | None, int | None, ArrayLike | None]:
    """Return what `k` stands for: a number of picks, or a total and the costs."""
    return (None, k.total, k.costs) if isinstance(k, Budget) else (k, None, None)


def counted(k: object, count: int, excluded: IntArray) -> CheckedBudget:
    """Return the budget of k picks from `count` points, of which some are excluded.

    Raises:
        InvalidInput: k is not between 1 and what can be picked.
    """
    wanted = check_count(k, count - len(excluded))
    return CheckedBudget(np.ones(count, np.int64), wanted, wanted, wanted)


def priced(costs: ArrayLike, total: object, count: int, excluded: IntArray) -> CheckedBudget:
    """Return the budget of picks that cost at most `total` together.

    Raises:
        InvalidInput: a cost is below 1 or no whole number, or nothing fits.
    """
    cost = _checked_costs(costs, count)
    free = np.delete(cost, excluded)
    if not isinstance(total, int | np.integer) or not len(free) or total < free.min():
        least = int(free.min()) if len(free) else "nothing: every point is an anchor"
        raise InvalidInput(not_allowed("budget", total, f"a whole number from {least}"))
    expected = int(np.clip(total / free.mean(), 1, len(free)))
    return CheckedBudget(cost, int(total), expected, 0)


def _checked_costs(costs: ArrayLike, count: int) -> IntArray:
    cost = np.asarray(costs)
    if cost.shape != (count,) or cost.dtype.kind not in "iu":
        received = f"{cost.dtype} of shape {cost.shape}"
        raise InvalidInput(not_allowed("costs", received, f"whole numbers of shape ({count},)"))
    if (cost < 1).any():
        at = int(np.flatnonzero(cost < 1)[0])
        raise InvalidInput(not_allowed(f"cost of row {at}", int(cost[at]), "a number from 1"))
    return cost.astype(np.int64)
