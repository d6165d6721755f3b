"""What `dynosaur_etl.selection` offers, and how little importing it costs."""

import subprocess
import sys

import numpy as np
import pytest

import dynosaur_etl.selection as room
from dynosaur_etl.selection import Budget, GroundSet, Selection, Specification, build_graph, select
from tests.selection.conftest import clustered_pool


def test_importing_it_loads_nothing_and_its_names_are_there() -> None:
    code = (
        "import sys, dynosaur_etl.selection as room\n"
        "heavy = {'numpy', 'faiss', 'numba', 'torch', 'scipy', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from dynosaur_etl.selection import qdit, Selection, Budget, build_graph\n"
        "assert callable(qdit) and not {'faiss', 'numba', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert all(getattr(room, name) is not None for name in room.__all__)
    assert dir(room) == sorted(room.__all__)
    with pytest.raises(AttributeError, match="no attribute 'qdits'"):
        _ = room.qdits


def test_select_is_qdit_by_a_specification() -> None:
    pool, quality = clustered_pool(1, 300), np.random.default_rng(1).random(300)
    labels, costs = np.arange(300) % 4, np.arange(300) % 7 + 1
    plain = room.qdit(pool, 30, quality, 0.4, groups=(labels, 9), ids=range(300), seed=3)
    points = GroundSet(pool, quality, groups=labels, ids=range(300))
    found = select(points, Specification(30, alpha=0.4, group_cap=9, seed=3))
    assert isinstance(found, Selection)
    assert found.order.tolist() == plain.order.tolist()
    assert (found.params, found.ids) == (plain.params, plain.ids)
    paid = select(GroundSet(pool, quality, costs=costs), Specification(budget=70, alpha=0.4))
    assert paid.order.tolist() == room.qdit(pool, Budget(costs, 70), quality, 0.4).order.tolist()


def test_a_graph_is_built_of_embeddings_as_they_are() -> None:
    pool = clustered_pool(2, 300).astype(np.float16)
    graph = build_graph(pool, 20)
    by_graph = select(GroundSet(pool), Specification(30), graph)
    assert by_graph.params["graph_fingerprint"] == graph.fingerprint
    assert by_graph.method == "graph"
