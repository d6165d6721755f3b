"""What bounds the picks: their budget, caps of groups, points that are excluded or come first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.problem.budget import CheckedBudget, counted, priced
from dynosaur_etl.selection.problem.checks import check_positions
from dynosaur_etl.selection.problem.specification import Specification
from dynosaur_etl.selection.vectors.fixed_point import IntArray

Labels = Sequence[object] | NDArray[Any]


@dataclass(frozen=True)
class Grouping:
    """Group number of each point [n], and how many picks each group allows [groups]."""

    group: IntArray
    capacity: IntArray


@dataclass(frozen=True)
class Constraints:
    """Checked bounds of a selection.

    Attributes:
        budget: of the picks.
        grouping: of the points.
        excluded: positions that are not picked, ascending.
        must_include: positions that are picked first, in their order.
    """

    budget: CheckedBudget
    grouping: Grouping
    excluded: IntArray
    must_include: IntArray


def check_constraints(
    count: int,
    specification: Specification,
    *,
    costs: ArrayLike | None = None,
    groups: Labels | None = None,
    excluded: IntArray | None = None,
    must_include: ArrayLike | None = None,
) -> Constraints:
    """Check what bounds the picks from `count` points.

    Raises:
        InvalidInput: a bound allows no selection, or does not fit the points.
    """
    nobody = np.zeros(0, np.int64)
    out = nobody if excluded is None else excluded
    if (costs is None) != (specification.budget is None):
        given = ("costs" if costs is not None else None, specification.budget)
        raise InvalidInput(not_allowed("costs and budget", given, "both or neither"))
    budget = (
        counted(specification.k, count, out)
        if costs is None
        else priced(costs, specification.budget, count, out)
    )
    grouping = _grouping(groups, specification.group_cap, count, budget, out)
    first = _must_include(must_include, count, out, budget, grouping)
    return Constraints(budget, grouping, out, first)


def _grouping(
    labels: Labels | None, cap: int | None, count: int, budget: CheckedBudget, excluded: IntArray
) -> Grouping:
    if (labels is None) != (cap is None):
        given = ("labels" if labels is not None else None, cap)
        raise InvalidInput(not_allowed("groups and group_cap", given, "both or neither"))
    if labels is None or cap is None:
        return Grouping(np.zeros(count, np.int64), np.array([count]))
    if len(labels) != count:
        raise InvalidInput(not_allowed("group labels", len(labels), f"{count}, one a point"))
    _, group = np.unique(np.asarray([str(label) for label in labels]), return_inverse=True)
    free = np.bincount(np.delete(group, excluded), minlength=int(group.max()) + 1)
    possible = int(np.minimum(free, cap).sum())
    if possible < budget.required_picks:
        allowed = f"1 to {possible}, with at most {cap} of each group"
        raise InvalidInput(not_allowed("k", budget.required_picks, allowed))
    return Grouping(group.astype(np.int64), np.full(len(free), cap, np.int64))


def _must_include(
    positions: ArrayLike | None,
    count: int,
    excluded: IntArray,
    budget: CheckedBudget,
    grouping: Grouping,
) -> IntArray:
    """Distinct positions that are picked first, none of them an anchor."""
    if positions is None:
        return np.zeros(0, np.int64)
    wanted = np.asarray(positions)
    if len(wanted) != len(check_positions(wanted, count)):
        raise InvalidInput(not_allowed("must-include positions", len(wanted), "each one once"))
    wanted = wanted.astype(np.int64)
    if np.isin(wanted, excluded).any():
        at = int(wanted[np.isin(wanted, excluded)][0])
        raise InvalidInput(not_allowed("must-include position", at, "no anchor"))
    _check_room(wanted, budget, grouping)
    return wanted


def _check_room(wanted: IntArray, budget: CheckedBudget, grouping: Grouping) -> None:
    """Refuse more must-includes than the budget or the cap of a group allows."""
    spent = int(budget.cost[wanted].sum())
    if spent > budget.total:
        raise InvalidInput(not_allowed("cost of must-include", spent, f"up to {budget.total}"))
    held = np.bincount(grouping.group[wanted], minlength=len(grouping.capacity))
    if (held > grouping.capacity).any():
        most = int(grouping.capacity.max())
        raise InvalidInput(not_allowed("must-include", len(wanted), f"at most {most} of a group"))
