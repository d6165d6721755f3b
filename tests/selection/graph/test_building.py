from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import build_graph, qdit
from dynosaur_etl.selection.graph.index_search import among, listed_by
from dynosaur_etl.selection.graph.neighbour_graph import Clusters, default_neighbours
from dynosaur_etl.selection.graph.neighbour_search import search_clusters
from dynosaur_etl.selection.vectors.fixed_point import COARSE, as_vectors
from tests.selection.conftest import clustered_pool
from tests.selection.naive import cosines


def test_flat_graph_holds_the_nearest_others() -> None:
    pool = clustered_pool(1)
    graph = build_graph(as_vectors(pool, COARSE, "pool"), 12, "flat")
    true = cosines(pool)
    np.fill_diagonal(true, -1)
    best = np.sort(true, axis=1)[:, ::-1][:, :12]
    np.testing.assert_allclose(graph.similarities / graph.one, best, atol=3e-3)
    assert not (graph.neighbours == np.arange(600)[:, None]).any()
    assert (np.diff(graph.similarities, axis=1) <= 0).all()


@pytest.mark.parametrize("method", ["clustered", "ivf", "hnsw"])
def test_other_graphs_find_nearly_the_same(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynosaur_etl.selection.graph.building.POINTS_PER_CLUSTER", 100)
    monkeypatch.setattr("dynosaur_etl.selection.graph.building._PROBED_POINTS", 800)
    monkeypatch.setattr("dynosaur_etl.selection.graph.building._WALKED_FROM_POINTS", 500)
    vectors = as_vectors(clustered_pool(2, 3000), COARSE, "pool")
    flat, other = build_graph(vectors, 16, "flat"), build_graph(vectors, 16, method)
    found = [len(np.intersect1d(a, b)) for a, b in zip(flat.neighbours, other.neighbours)]  # noqa: B905
    assert 0.9 * 16 < np.mean(found) <= 16
    assert (other.similarities <= flat.similarities).all()
    assert not (other.neighbours == np.arange(3000)[:, None]).any()
    assert all(len(set(row)) == 16 for row in other.neighbours.tolist())


def test_the_walk_finds_what_the_clusters_have_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynosaur_etl.selection.graph.building.POINTS_PER_CLUSTER", 100)
    monkeypatch.setattr("dynosaur_etl.selection.graph.building._WALKED_FROM_POINTS", 500)
    spread = np.random.default_rng(2).normal(size=(3000, 12))  # no clusters to go by
    vectors = as_vectors(spread, COARSE, "pool")
    flat = build_graph(vectors, 16, "flat")
    found = []
    for walked in (0, 4, 16):
        monkeypatch.setattr("dynosaur_etl.selection.graph.neighbour_search._WALKED", walked)
        near = build_graph(vectors, 16, "clustered")
        found.append(float((near.similarities == flat.similarities).mean()))
    assert found[0] < found[1] < found[2]
    assert 1 - found[2] < (1 - found[0]) / 2


def test_lists_end_in_gaps_where_the_clusters_hold_too_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dynosaur_etl.selection.graph.neighbour_search._WALKED", 0)
    vectors = as_vectors(clustered_pool(8, 60), COARSE, "pool")
    label = np.arange(60) // 20
    centroids = np.stack([vectors.working(np.flatnonzero(label == c))[0] for c in range(3)])
    found, dots = search_clusters(vectors, Clusters(centroids, label), 1, 30)
    gaps = found < 0
    assert (np.sort(gaps, axis=1) == gaps).all()
    assert np.isneginf(dots[gaps]).all()
    assert (np.diff(np.where(gaps, -1e30, dots), axis=1) <= 0).all()
    assert set((~gaps).sum(axis=1).tolist()) == {19, 20}  # a point is not listed as its own


@pytest.mark.parametrize("method", ["flat", "clustered", "ivf", "hnsw"])
def test_a_graph_is_the_same_on_any_number_of_threads(method: str) -> None:
    import faiss

    vectors = as_vectors(clustered_pool(5, 2500), COARSE, "pool")
    threads = faiss.omp_get_max_threads()
    built = []
    try:
        for number in (1, 2, 4):
            faiss.omp_set_num_threads(number)
            built.append(build_graph(vectors, 8, method))
            assert faiss.omp_get_max_threads() == number
    finally:
        faiss.omp_set_num_threads(threads)
    for graph in built[1:]:
        np.testing.assert_array_equal(graph.neighbours, built[0].neighbours)
        np.testing.assert_array_equal(graph.similarities, built[0].similarities)


def test_what_a_search_does_not_find_leaves_gaps_at_the_end() -> None:
    vectors = as_vectors(clustered_pool(6, 50), COARSE, "pool")
    everything = among(vectors, np.arange(50))

    def search(queries: NDArray[np.float32], count: int) -> tuple[Any, Any]:
        dots, at = everything(queries, count)
        at[:, 3:] = -1
        return dots, at

    found, values = listed_by(search, vectors, 6)
    assert ((found < 0).sum(axis=1) >= 3).all()
    assert (found[:, 0] >= 0).all()
    assert (values[found < 0] == 0).all()
    assert (np.diff((found < 0).astype(int), axis=1) >= 0).all()
    whole = build_graph(vectors, 6, "flat")
    picked = qdit(clustered_pool(6, 50), 20, graph=replace(whole, neighbours=found))
    assert len(set(picked.order.tolist())) == 20


def test_copies_beyond_the_number_of_neighbours_do_not_list_themselves() -> None:
    pool = np.tile(clustered_pool(3, 2), (50, 1))
    graph = build_graph(as_vectors(pool, COARSE, "pool"), 8)
    assert not (graph.neighbours == np.arange(100)[:, None]).any()
    assert graph.neighbours[5].tolist() == sorted(graph.neighbours[5].tolist())


def test_bad_arguments_are_refused() -> None:
    vectors = as_vectors(clustered_pool(4, 20), COARSE, "pool")
    for neighbours in (0, 20):
        with pytest.raises(InvalidInput, match="neighbours"):
            build_graph(vectors, neighbours)
    with pytest.raises(InvalidInput, match="graph method"):
        build_graph(vectors, 5, "annoy")


def test_neighbours_follow_the_pool_per_pick() -> None:
    assert default_neighbours(52_000, 10_000) == 32
    assert default_neighbours(800_000, 20_000) == 64
    assert default_neighbours(800_000, 10_000) == 128
    assert default_neighbours(10, 5) == 9
