"""Small pools that a test makes itself."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from dynosaur_etl.domain.schemas import INSTANCES
from dynosaur_etl.flows.select.pool import Pool


def pool_of(modes: Sequence[str], tasks: Sequence[str]) -> Pool:
    """Give a pool whose quality rises from its first instance to its last."""
    size = len(modes)
    columns = {
        field.name: [0] * size if field.type == pa.int64() else ["x"] * size for field in INSTANCES
    }
    columns |= {"mode": list(modes), "task_key": list(tasks)}
    columns["instance_key"] = [f"{number:064x}" for number in range(size)]
    return Pool(
        instances=pa.table(columns, schema=INSTANCES),
        quality=np.linspace(0, 1, size),
        vectors=np.ones((size, 2), np.float16),
        duplicates={},
        left_out={},
        repeated={},
        repeats={},
        same_rows={},
        unscored=0,
        unembedded=0,
        numbers=np.arange(size, dtype=np.int64),
        files=(),
    )
