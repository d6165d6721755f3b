"""Products on a GPU: the same picks as on the CPU; without a GPU nothing of it is loaded.

Torch's CPU stands in for a GPU where there is none: the code is the same but for the place.
"""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from dynosaur_etl.selection import build_graph, qdit
from dynosaur_etl.selection.vectors import products
from tests.selection.conftest import clustered_pool

torch = pytest.importorskip("torch")
PLACES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]


@pytest.fixture(params=PLACES)
def moved(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put the products on a device of torch; gives a way to go back to none."""

    def put(place: str | None) -> None:
        found = None if place is None else torch.device(place)
        monkeypatch.setattr(products, "accelerator", lambda: found)

    put(request.param)
    return put


@pytest.mark.parametrize("mode", ["exact", "near-exact", "graph", "partitioned"])
def test_the_picks_are_those_of_the_cpu(moved: Any, mode: str) -> None:
    embeddings, quality = clustered_pool(1, 3_000), np.random.default_rng(1).random(3_000)
    there = qdit(embeddings, 300, quality, alpha=0.5, mode=mode)
    moved(None)
    here = qdit(embeddings, 300, quality, alpha=0.5, mode=mode)
    assert there.order.tolist() == here.order.tolist()
    assert there.gain.tolist() == here.gain.tolist()


def test_blocks_of_queries_are_put_together(moved: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clustered_pool(2, 2_000)
    monkeypatch.setattr(products, "_CELLS", 2_000 * 77)
    there = build_graph(vectors, 20, "flat")
    moved(None)
    here = build_graph(vectors, 20, "flat")
    assert (there.similarities == here.similarities).all()
    assert (there.neighbours == here.neighbours).mean() > 0.99  # of equals at the end, any may stay


@pytest.mark.usefixtures("moved")
def test_less_than_float32_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(products, "_DRIVERS", ("/dev/null",))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    before = torch.get_float32_matmul_precision()
    found = []
    try:
        for precision in ("highest", "high"):
            torch.set_float32_matmul_precision(precision)
            products.accelerator.cache_clear()
            found.append(products.accelerator())
    finally:
        torch.set_float32_matmul_precision(before)
        products.accelerator.cache_clear()
    assert found == [torch.device("cuda"), None]


def test_without_a_gpu_torch_is_not_even_loaded() -> None:
    code = (
        "import sys, numpy as np\n"
        "from dynosaur_etl.selection import qdit\n"
        "from dynosaur_etl.selection.vectors import products\n"
        "products._DRIVERS = ()\n"
        "qdit(np.random.default_rng(0).random((50, 8)), 5, mode='exact')\n"
        "print('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
