"""The same input and output of a dataset under several instructions.

A source whose tasks read the same fields fills a set with the same rows again and again, each time
under other words. Of every such row some instances stay: those of the earliest day, and among them
the first by their key, which is a hash. So the rows of a source are spread evenly over its tasks,
and a later day takes nothing away from an earlier one. What a version holds already stays before
all others where the next one is to keep it.
"""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dynosaur_etl.domain.models import Mode

SAME_ROWS_VERSION = "same-rows-2"
_ROW = ("dataset", "asked", "input", "output")
_ORDER = ("other", "growth_day", "instance_key")


def beyond_first(instances: pa.Table, limit: int, kept: Collection[str] = ()) -> NDArray[np.bool_]:
    """Find the instances whose dataset, input and output stand `limit` times before them.

    Args:
        instances: columns `schemas.INSTANCES`.
        limit: instances that stay of one row; 0 for all.
        kept: keys of instances that stay before all others.

    Returns:
        bool [n], True for those that are too many.
    """
    found = np.zeros(instances.num_rows, np.bool_)
    if not limit or not instances.num_rows:
        return found
    columns = {name: _numbered(instances[name]) for name in ("dataset", "input", "output")}
    columns["asked"] = _numbered(_asked(instances))
    is_kept = pc.is_in(instances["instance_key"], pa.array(kept, pa.string()))
    columns |= {"other": pc.invert(is_kept)}
    columns |= {name: instances[name] for name in _ORDER[1:]}
    order = pc.sort_indices(
        pa.table(columns), sort_keys=[(name, "ascending") for name in (*_ROW, *_ORDER)]
    ).to_numpy()
    rows = np.stack([columns[name].to_numpy()[order] for name in _ROW])
    starts = np.concatenate(([True], (rows[:, 1:] != rows[:, :-1]).any(axis=0)))
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    found[order] = np.arange(len(order)) - first >= limit
    return found


def _asked(instances: pa.Table) -> pa.ChunkedArray:
    """Give the instruction of native instances, which is the row's own; of others, none."""
    is_native = pc.equal(instances["mode"], str(Mode.NATIVE))
    return pc.if_else(is_native, instances["instruction"], "")


def _numbered(column: pa.ChunkedArray) -> pa.Array:
    """Give equal texts the same number."""
    return column.combine_chunks().dictionary_encode().indices
