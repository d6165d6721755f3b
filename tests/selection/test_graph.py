import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection.graph import build_graph, default_neighbours
from dynosaur_etl.selection.vectors import COARSE, as_vectors
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


def test_clustered_graph_finds_nearly_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynosaur_etl.selection.graph.POINTS_PER_CLUSTER", 100)
    monkeypatch.setattr("dynosaur_etl.selection.graph.PROBED_POINTS", 800)
    vectors = as_vectors(clustered_pool(2, 3000), COARSE, "pool")
    flat, blocked = (build_graph(vectors, 16, method) for method in ("flat", "clustered"))
    found = [len(np.intersect1d(a, b)) for a, b in zip(flat.neighbours, blocked.neighbours)]  # noqa: B905
    assert 0.9 * 16 < np.mean(found) < 16
    assert (blocked.similarities <= flat.similarities).all()


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
        build_graph(vectors, 5, "hnsw")


def test_neighbours_follow_the_pool_per_pick() -> None:
    assert default_neighbours(52_000, 10_000) == 32
    assert default_neighbours(800_000, 10_000) == 96
    assert default_neighbours(10, 5) == 9
