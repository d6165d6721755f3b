"""Which tasks are held out: kept away from training, so that it can be tested on unseen tasks."""

import pyarrow as pa
import pyarrow.compute as pc

from dynosaur_etl.domain.identity import digest

_BUCKETS = 2**32


def is_held_out(task_key: str, share: float) -> bool:
    """Return whether a task belongs to the held-out part.

    The answer depends on the key and the share alone: it is the same on every day and machine, and
    a task that is held out at one share is held out at every larger one.

    Args:
        task_key: of the task; all its instances go the same way.
        share: of all tasks that is held out, from 0 (none) to 1 (all).
    """
    return int(digest("held-out", task_key)[:8], 16) < share * _BUCKETS


def held_out_mask(task_keys: pa.ChunkedArray, share: float) -> pa.ChunkedArray:
    """Tell for each row whether its task is held out, as booleans."""
    unique = pc.unique(task_keys)
    held = [key for key in unique.to_pylist() if is_held_out(key, share)]
    return pc.is_in(task_keys, value_set=pa.array(held, pa.string()))
