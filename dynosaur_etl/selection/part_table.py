"""A part's work as an Arrow table, so that it can be done on another machine."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.selection.objective import Objective, Reference
from dynosaur_etl.selection.partition import PartTask
from dynosaur_etl.selection.state import State

META = b"part"
POSITION = "position"


def part_table(task: PartTask) -> pa.Table:
    """Columns vector, cover, taken, group, cost, rate, quality_term; the rest in the metadata."""
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
    )
    told = {
        "room": state.room.tolist(),
        "left": state.left,
        "reference": asdict(task.reference),
        "picks": task.picks,
        "seed": task.seed,
    }
    return table.replace_schema_metadata({META: json.dumps(told)})


def read_part(table: pa.Table) -> PartTask:
    """The work that a table holds.

    Raises:
        Corrupt: the table holds none.
    """
    meta = table.schema.metadata or {}
    if META not in meta:
        raise Corrupt(f"part: received columns {table.column_names} without metadata")
    told = json.loads(meta[META])
    vectors = table["vector"].combine_chunks()
    column = {name: table[name].to_numpy() for name in table.column_names if name != "vector"}
    state = State(
        np.array(column["cover"], np.int32),
        np.array(column["taken"], np.bool_),
        column["group"],
        np.array(told["room"], np.int64),
        column["cost"],
        told["left"],
    )
    return PartTask(
        vectors.flatten().to_numpy().reshape(len(table), -1),
        state,
        Objective(column["rate"], column["quality_term"]),
        Reference(**told["reference"]),
        told["picks"],
        told["seed"],
    )


def part_name(task: PartTask) -> str:
    """SHA-256 of all that a part's result depends on."""
    table = part_table(task)
    digest = hashlib.sha256(table.schema.metadata[META])
    for name in table.column_names:
        for buffer in table[name].combine_chunks().buffers():
            digest.update(buffer or b"")
    return digest.hexdigest()
