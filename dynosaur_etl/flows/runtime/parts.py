"""The parts of a day's work, each of which one mapped Airflow task does."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

MOST_PARTS = 100
"""More mapped tasks than these make Airflow's scheduler and its pages slow."""


def cut_parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut into parts of `size`, in order; of larger ones where there would be more than 100."""
    size = max(size, -(-len(items) // MOST_PARTS))
    return [items[start : start + size] for start in range(0, len(items), size)]


def rows_of_a_part(files: Sequence[int], least: int) -> int:
    """Give the rows of a part of files of so many rows, where no part may span two files.

    They are `least`, or as many times doubled as it takes to come to 100 parts or one a file.
    """
    rows, fewest = least, sum(number > 0 for number in files)
    while sum(-(-number // rows) for number in files) > max(MOST_PARTS, fewest):
        rows *= 2
    return rows
