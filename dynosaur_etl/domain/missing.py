"""Whole numbers that stand for "none": -1 as a position that there is not, or a label kept back."""

from collections.abc import Iterable

MISSING = -1
SIGNS = 1
"""A field of -1, 0 and 1, or of -1 and 1, tells signs: there -1 is an answer."""


def minus_one_is_missing(values: Iterable[int | None]) -> bool:
    """Tell whether -1 stands for a missing value: nothing else is negative, and some is above 1."""
    found = {value for value in values if value is not None}
    others = found - {MISSING}
    return MISSING in found and bool(others) and min(others) >= 0 and max(others) > SIGNS
