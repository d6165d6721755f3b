"""The same instance twice: the first one stays."""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Unique:
    """Instances with each key once, and the number of those left out, by task."""

    instances: pa.Table
    dropped: Counter[str]


def drop_duplicates(instances: pa.Table) -> Unique:
    """Keep the first instance of each key, in the table's own order."""
    seen: set[str] = set()
    kept: list[int] = []
    dropped: Counter[str] = Counter()
    keys = instances["instance_key"].to_pylist()
    for position, (key, task) in enumerate(
        zip(keys, instances["task_key"].to_pylist(), strict=True)
    ):
        if key in seen:
            dropped[task] += 1
        else:
            seen.add(key)
            kept.append(position)
    return Unique(instances.take(pa.array(kept, pa.int64())), dropped)
