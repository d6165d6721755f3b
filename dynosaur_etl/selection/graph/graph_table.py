"""The neighbour graph as an Arrow table, which a day leaves in Parquet for the next."""

import base64
import json

import numpy as np
import pyarrow as pa

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.selection.graph.neighbour_graph import Clusters, NeighbourGraph

_META = b"neighbour_graph"


def graph_table(graph: NeighbourGraph, ids: list[str]) -> pa.Table:
    """Return columns id, neighbours, similarities and cluster; the rest in the metadata."""
    width = graph.neighbours.shape[1]
    label = np.full(len(ids), -1, np.int32) if graph.clusters is None else graph.clusters.label
    table = pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "neighbours": pa.FixedSizeListArray.from_arrays(graph.neighbours.ravel(), width),
            "similarities": pa.FixedSizeListArray.from_arrays(graph.similarities.ravel(), width),
            "cluster": pa.array(label.astype(np.int32)),
        }
    )
    centroids = None if graph.clusters is None else graph.clusters.centroids.astype("<i2")
    facts = {
        "one": graph.one,
        "fingerprint": graph.fingerprint,
        "method": graph.method,
        "centroids": None if centroids is None else base64.b64encode(centroids.tobytes()).decode(),
        "dimensions": None if centroids is None else centroids.shape[1],
    }
    return table.replace_schema_metadata({_META: json.dumps(facts)})


def read_graph(table: pa.Table) -> tuple[NeighbourGraph, list[str]]:
    """Return the graph and the ids of its points.

    Raises:
        Corrupt: the table holds no graph.
    """
    meta = table.schema.metadata or {}
    if _META not in meta:
        raise Corrupt(f"neighbour graph: received columns {table.column_names} without metadata")
    facts = json.loads(meta[_META])
    clusters = None
    if facts["centroids"] is not None:
        values = np.frombuffer(base64.b64decode(facts["centroids"]), "<i2").astype(np.float32)
        label = table["cluster"].to_numpy().astype(np.int64)
        clusters = Clusters(values.reshape(-1, facts["dimensions"]), label)
    neighbours, similarities = (_matrix(table, name) for name in ("neighbours", "similarities"))
    graph = NeighbourGraph(
        neighbours, similarities, facts["one"], facts["fingerprint"], facts["method"], clusters
    )
    return graph, table["id"].to_pylist()


def _matrix(table: pa.Table, name: str) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    column = table[name].combine_chunks()
    return np.array(column.flatten(), np.int32).reshape(len(table), -1)
