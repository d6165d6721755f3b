"""Refusals of bad arguments, before any work is done."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.vectors.fixed_point import IntArray


def check_embeddings(embeddings: object, what: str = "embeddings") -> NDArray[np.number]:
    """Return a float array [n, d] with n, d >= 1; its values are checked as they are read.

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
    """Return k, which is between 1 and what can be picked.

    Raises:
        InvalidInput: it is not.
    """
    if not isinstance(k, int | np.integer) or not 1 <= k <= available:
        raise InvalidInput(not_allowed("k", k, f"a whole number from 1 to {available}"))
    return int(k)


def check_ids(ids: Sequence[object] | NDArray[Any] | None, count: int) -> list[str] | None:
    """Return one distinct name for each point, or None.

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


def check_quality(quality: ArrayLike | None, count: int) -> NDArray[np.float64] | None:
    """Return one value from 0 to 1 for each point, or None.

    Raises:
        InvalidInput: another shape, or a value outside 0 to 1 or NaN; its row is named.
    """
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


def check_positions(anchors: NDArray[np.integer], count: int) -> IntArray:
    """Return distinct positions of points, ascending.

    Raises:
        InvalidInput: another shape, or a position that is none of a point.
    """
    if anchors.ndim != 1:
        raise InvalidInput(not_allowed("anchor positions of shape", anchors.shape, "[m]"))
    outside = anchors[(anchors < 0) | (anchors >= count)]
    if len(outside):
        raise InvalidInput(not_allowed("anchor position", int(outside[0]), f"0 to {count - 1}"))
    return np.unique(anchors).astype(np.int64)
