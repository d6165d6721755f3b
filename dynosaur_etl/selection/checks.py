"""Refusals of bad arguments, before any work is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.vectors import IntArray

Groups = tuple[Sequence[object] | NDArray[Any], int]


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


def check_groups(groups: Groups | None, count: int, k: int, barred: IntArray) -> Grouping:
    """At most so many picks of each label.

    Raises:
        InvalidInput: labels of another length, a cap below 1, or too few picks left for k.
    """
    if groups is None:
        return Grouping(np.zeros(count, np.int64), np.array([k]))
    labels, most = groups
    check_cap(most)
    if len(labels) != count:
        raise InvalidInput(not_allowed("group labels", len(labels), f"{count}, one a point"))
    _, group = np.unique(np.asarray([str(label) for label in labels]), return_inverse=True)
    free = np.bincount(np.delete(group, barred), minlength=int(group.max()) + 1)
    possible = int(np.minimum(free, most).sum())
    if possible < k:
        raise InvalidInput(
            not_allowed("k", k, f"1 to {possible}, with at most {most} of each group")
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
