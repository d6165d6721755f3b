"""Columns that a program added while it wrote a file, and that say nothing about the data.

- `__index_level_0__`, `__null_dask_index__`: an index of pandas or Dask, in Parquet.
- `Unnamed: 0`, `Unnamed: 0.1`: what pandas calls a column without a name, as an index is in CSV.
- `...1`: what readr calls such a column.
- `index`, `level_0`: an index that pandas made a column; known by its values, which count the rows.
"""

import re
from collections.abc import Sequence

RANGE_NAMES = frozenset({"index", "level_0"})
"""Names under which a column is the writer's where it counts the rows."""

_WRITTEN = re.compile(r"__index_level_\d+__|__null_dask_index__|Unnamed: \d+(\.\d+)*|\.\.\.\d+")


def is_writers_column(name: str) -> bool:
    """Return whether a column is a writer's, by its name alone."""
    return _WRITTEN.fullmatch(name) is not None


def counts_rows(values: Sequence[object], places: Sequence[tuple[str, int]]) -> bool:
    """Return whether values are the numbers of their rows, from any first number on in a split.

    Args:
        values: of one column.
        places: each row's split and its number in it.
    """
    steps: dict[str, set[int]] = {}
    for value, (split, number) in zip(values, places, strict=True):
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        steps.setdefault(split, set()).add(value - number)
    alone = len(values) == len(steps)  # one row a split counts nothing, but from 0
    firsts = {first for found in steps.values() for first in found}
    return all(len(found) == 1 for found in steps.values()) and (not alone or firsts == {0})
