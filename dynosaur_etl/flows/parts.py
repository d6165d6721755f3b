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
