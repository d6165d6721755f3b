"""A part's work as an Arrow table, so that it can be done on another machine."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.selection.partitioned.part_task import PartTask
from dynosaur_etl.selection.problem.objective import Objective, Reference
from dynosaur_etl.selection.problem.state import GreedyState

_META = b"part"
POSITION = "position"


def part_table(task: PartTask) -> pa.Table:
    """Return a part's arrays as columns, and the rest in the metadata."""
    state, objective = task.state, task.objective
    flat, width = np.ascontiguousarray(task.rows).ravel(), task.rows.shape[1]
    table = pa.table(
        {
            "vector": pa.FixedSizeListArray.from_arrays(flat, width),
            "cover": state.cover,
            "taken": state.taken,
            "group": state.group,
            "cost": state.cost,
            "rate": objective.rate,
            "quality_term": objective.quality_term,
        }
        | ({} if state.weight is None else {"weight": state.weight})
    )
    facts = {
        "room": state.capacity.tolist(),
        "left": state.remaining,
        "reference": asdict(task.reference),
        "picks": task.picks,
        "seed": task.seed,
    }
    return table.replace_schema_metadata({_META: json.dumps(facts)})


def read_part(table: pa.Table) -> PartTask:
    """Return the work that a table holds.

    Raises:
        Corrupt: the table holds none.
    """
    meta = table.schema.metadata or {}
    if _META not in meta:
        raise Corrupt(f"part: received columns {table.column_names} without metadata")
    facts = json.loads(meta[_META])
    vectors = table["vector"].combine_chunks()
    column = {name: table[name].to_numpy() for name in table.column_names if name != "vector"}
    state = GreedyState(
        np.array(column["cover"], np.int32),
        np.array(column["taken"], np.bool_),
        column["group"],
        np.array(facts["room"], np.int64),
        column["cost"],
        facts["left"],
        column.get("weight"),
    )
    return PartTask(
        vectors.flatten().to_numpy().reshape(len(table), -1),
        state,
        Objective(column["rate"], column["quality_term"]),
        Reference(**facts["reference"]),
        facts["picks"],
        facts["seed"],
    )


def part_name(task: PartTask) -> str:
    """Return SHA-256 of all that a part's result depends on."""
    table = part_table(task)
    digest = hashlib.sha256(table.schema.metadata[_META])
    for name in table.column_names:
        for buffer in table[name].combine_chunks().buffers():
            digest.update(buffer or b"")
    return digest.hexdigest()
