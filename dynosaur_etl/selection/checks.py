"""Refusals of bad arguments, before any work is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.vectors import IntArray

Groups = tuple[Sequence[object] | NDArray[Any], int]


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
class Purse:
    """A checked count or budget.

    Attributes:
        cost: of each point [n]; ones where picks are counted.
        total: what may be spent.
        likely_picks: how many picks that makes, about.
        fixed_picks: how many it has to make; 0 where a budget decides.
    """

    cost: IntArray
    total: int
    likely_picks: int
    fixed_picks: int


def check_embeddings(embeddings: object, what: str = "embeddings") -> NDArray[np.number]:
    """A float array [n, d] with n, d >= 1; its values are checked as they are read.

    Raises:
        InvalidInput: another type, shape or element type.
    """
    array = embeddings if isinstance(embeddings, np.ndarray) else np.asarray(embeddings)
    if array.ndim != 2 or 0 in array.shape:
        raise InvalidInput(not_allowed(f"{what} of shape", array.shape, "[n, d] with n, d >= 1"))
    if array.dtype.kind != "f":
        kinds = ("float16", "float32", "float64")
        raise InvalidInput(not_allowed(f"{what} of type", str(array.dtype), kinds))
    return array


def check_count(k: object, available: int) -> int:
    """K between 1 and what can be picked."""
    if not isinstance(k, int | np.integer) or not 1 <= k <= available:
        raise InvalidInput(not_allowed("k", k, f"a whole number from 1 to {available}"))
    return int(k)


def check_purse(k: object, count: int, barred: IntArray) -> Purse:
    """A number of picks, or a `Budget` that pays for one pick or more.

    Raises:
        InvalidInput: k is out of range, a cost is below 1 or no whole number, or nothing fits.
    """
    if not isinstance(k, Budget):
        wanted = check_count(k, count - len(barred))
        return Purse(np.ones(count, np.int64), wanted, wanted, wanted)
    cost = np.asarray(k.costs)
    if cost.shape != (count,) or cost.dtype.kind not in "iu":
        received = f"{cost.dtype} of shape {cost.shape}"
        raise InvalidInput(not_allowed("costs", received, f"whole numbers of shape ({count},)"))
    if (cost < 1).any():
        at = int(np.flatnonzero(cost < 1)[0])
        raise InvalidInput(not_allowed(f"cost of row {at}", int(cost[at]), "a number from 1"))
    cost = cost.astype(np.int64)
    free = np.delete(cost, barred)
    if not len(free) or k.total < free.min():
        least = int(free.min()) if len(free) else "nothing: every point is an anchor"
        raise InvalidInput(not_allowed("budget", k.total, f"a whole number from {least}"))
    likely = int(np.clip(k.total / free.mean(), 1, len(free)))
    return Purse(cost, int(k.total), likely, 0)


def check_ids(ids: Sequence[object] | NDArray[Any] | None, count: int) -> list[str] | None:
    """One distinct name for each point, or None.

    Raises:
        InvalidInput: another number of names, or a name that is there twice.
    """
    if ids is None:
        return None
    names = [str(name) for name in ids]
    if len(names) != count:
        raise InvalidInput(not_allowed("ids", len(names), f"{count}, one a point"))
    seen: set[str] = set()
    for at, name in enumerate(names):
        if name in seen:
            raise InvalidInput(not_allowed(f"id of row {at}", name, "ids that are there once"))
        seen.add(name)
    return names


def check_must_include(
    positions: ArrayLike | None, count: int, barred: IntArray, purse: Purse, grouping: "Grouping"
) -> IntArray:
    """Distinct positions that are picked first, in their order.

    Raises:
        InvalidInput: one is outside the pool, there twice or an anchor, or all of them together
            are more than the count, the budget or the cap of a group allows.
    """
    wanted = np.zeros(0, np.int64) if positions is None else np.asarray(positions)
    if positions is not None and len(wanted) != len(check_positions(wanted, count)):
        raise InvalidInput(not_allowed("must-include positions", len(wanted), "each one once"))
    wanted = wanted.astype(np.int64)
    if np.isin(wanted, barred).any():
        at = int(wanted[np.isin(wanted, barred)][0])
        raise InvalidInput(not_allowed("must-include position", at, "no anchor"))
    if purse.cost[wanted].sum() > purse.total:
        spent = int(purse.cost[wanted].sum())
        raise InvalidInput(not_allowed("cost of must-include", spent, f"up to {purse.total}"))
    if (np.bincount(grouping.group[wanted], minlength=len(grouping.room)) > grouping.room).any():
        most = int(grouping.room.max())
        raise InvalidInput(not_allowed("must-include", len(wanted), f"at most {most} of a group"))
    return wanted


def check_alpha(alpha: object) -> float:
    if not isinstance(alpha, int | float | np.number) or not 0 <= alpha <= 1:
        raise InvalidInput(not_allowed("alpha", alpha, "a number from 0 to 1"))
    return float(alpha)


def check_quality(quality: ArrayLike | None, count: int) -> NDArray[np.float64] | None:
    """One value from 0 to 1 for each point, or None."""
    if quality is None:
        return None
    values = np.asarray(quality, np.float64)
    if values.shape != (count,):
        raise InvalidInput(not_allowed("quality of shape", values.shape, f"({count},)"))
    bad = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if len(bad):
        at = int(bad[0])
        raise InvalidInput(not_allowed(f"quality of row {at}", float(values[at]), "0 to 1"))
    return values


@dataclass(frozen=True)
class Grouping:
    """Group number of each point, and how many picks each group allows."""

    group: IntArray
    room: IntArray


def check_groups(groups: Groups | None, count: int, purse: Purse, barred: IntArray) -> Grouping:
    """At most so many picks of each label.

    Raises:
        InvalidInput: labels of another length, a cap below 1, or too few picks left for k.
    """
    if groups is None:
        return Grouping(np.zeros(count, np.int64), np.array([count]))
    labels, most = groups
    check_cap(most)
    if len(labels) != count:
        raise InvalidInput(not_allowed("group labels", len(labels), f"{count}, one a point"))
    _, group = np.unique(np.asarray([str(label) for label in labels]), return_inverse=True)
    free = np.bincount(np.delete(group, barred), minlength=int(group.max()) + 1)
    possible = int(np.minimum(free, most).sum())
    if possible < purse.fixed_picks:
        raise InvalidInput(
            not_allowed(
                "k", purse.fixed_picks, f"1 to {possible}, with at most {most} of each group"
            )
        )
    return Grouping(group.astype(np.int64), np.full(len(free), most, np.int64))


def check_cap(most: object) -> None:
    if not isinstance(most, int | np.integer) or most < 1:
        raise InvalidInput(not_allowed("picks of a group", most, "a whole number from 1"))


def check_positions(anchors: NDArray[np.integer], count: int) -> IntArray:
    """Distinct positions of points, ascending."""
    if anchors.ndim != 1:
        raise InvalidInput(not_allowed("anchor positions of shape", anchors.shape, "[m]"))
    outside = anchors[(anchors < 0) | (anchors >= count)]
    if len(outside):
        raise InvalidInput(not_allowed("anchor position", int(outside[0]), f"0 to {count - 1}"))
    return np.unique(anchors).astype(np.int64)
