from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.selection import NeighbourGraph, build_graph, qdit, update_graph
from dynosaur_etl.selection.assessment.metrics import coverage
from dynosaur_etl.selection.graph.graph_table import graph_table, read_graph
from dynosaur_etl.selection.vectors.fixed_point import COARSE, Vectors, as_vectors
from tests.selection.conftest import clustered_pool

POOL = clustered_pool(1, 3000)
IDS = [f"p{at}" for at in range(3000)]


def coarse(pool: NDArray[np.float32]) -> Vectors:
    return as_vectors(pool, COARSE, "pool")


@pytest.fixture(params=["flat", "clustered"])
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("dynosaur_etl.selection.graph.building.POINTS_PER_CLUSTER", 100)
    monkeypatch.setattr("dynosaur_etl.selection.graph.updating._PROBED_POINTS", 1500)
    return str(request.param)


def overlap(one: NeighbourGraph, other: NeighbourGraph) -> float:
    shared = [
        len(np.intersect1d(a, b)) for a, b in zip(one.neighbours, other.neighbours, strict=True)
    ]
    return float(np.mean(shared)) / one.neighbours.shape[1]


def test_new_points_enter_both_their_lists_and_those_of_others(method: str) -> None:
    yesterday = build_graph(coarse(POOL[:2900]), 16, method)
    grown = update_graph(yesterday, IDS[:2900], coarse(POOL), IDS)
    rebuilt = build_graph(coarse(POOL), 16, method)
    assert (grown.neighbours >= 0).all()
    assert not (grown.neighbours == np.arange(3000)[:, None]).any()
    assert (np.diff(grown.similarities, axis=1) <= 0).all()
    assert grown.fingerprint == rebuilt.fingerprint
    if method == "flat":
        assert grown.neighbours.tolist() == rebuilt.neighbours.tolist()
    else:
        assert overlap(grown, rebuilt) > 0.95


def test_a_grown_graph_selects_as_well_as_a_rebuilt_one(method: str) -> None:
    today = np.concatenate((np.arange(60, 2900), np.arange(2930, 3000)))[::-1]
    yesterday = build_graph(coarse(POOL[:2900]), 32, method)
    ids = [IDS[at] for at in today]
    grown = update_graph(yesterday, IDS[:2900], coarse(POOL[today]), ids)
    rebuilt = build_graph(coarse(POOL[today]), 32, method)
    assert grown.neighbours.max() < len(today)
    reached = [
        coverage(POOL[today], qdit(POOL[today], 200, graph=graph).order)
        for graph in (grown, rebuilt)
    ]
    assert reached[0] == pytest.approx(reached[1], rel=1e-3)


def test_withdrawn_points_leave_all_lists() -> None:
    keep = np.flatnonzero(np.random.default_rng(2).random(1000) > 0.5)
    ids = [IDS[at] for at in keep]
    grown = update_graph(build_graph(coarse(POOL[:1000]), 8), IDS[:1000], coarse(POOL[keep]), ids)
    assert grown.neighbours.max() < len(keep)
    assert ((grown.neighbours < 0).mean(axis=1) <= 0.25).all()
    similarity = coarse(POOL[keep]).rows(np.arange(len(keep)))
    listed = grown.neighbours >= 0
    row = np.nonzero(listed)[0]
    assert (similarity[row, grown.neighbours[listed]] == grown.similarities[listed]).all()


def test_a_graph_survives_parquet(tmp_path: Path, method: str) -> None:
    graph = build_graph(coarse(POOL[:1000]), 8, method)
    pq.write_table(graph_table(graph, IDS[:1000]), tmp_path / "graph.parquet")
    read, ids = read_graph(pq.read_table(tmp_path / "graph.parquet"))
    assert ids == IDS[:1000]
    assert (read.one, read.fingerprint, read.method) == (graph.one, graph.fingerprint, graph.method)
    assert read.neighbours.tolist() == graph.neighbours.tolist()
    once = update_graph(graph, ids, coarse(POOL[:1100]), IDS[:1100])
    again = update_graph(read, ids, coarse(POOL[:1100]), IDS[:1100])
    assert once.neighbours.tolist() == again.neighbours.tolist()


def test_what_is_no_graph_and_ids_that_do_not_fit_are_refused() -> None:
    with pytest.raises(Corrupt, match="neighbour graph"):
        read_graph(pa.table({"id": ["a"]}))
    graph = build_graph(coarse(POOL[:20]), 4)
    with pytest.raises(InvalidInput, match="ids"):
        update_graph(graph, IDS[:19], coarse(POOL[:21]), IDS[:21])
    with pytest.raises(InvalidInput, match="id of row 1"):
        update_graph(graph, IDS[:20], coarse(POOL[:2]), ["a", "a"])
