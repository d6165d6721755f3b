"""From where on a prefix of an approximate selection is as good as greedy's own, on real data."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dynosaur_etl.selection import qdit
from dynosaur_etl.selection.assessment.metrics import coverage


@pytest.mark.parametrize(("mode", "bound"), [("near-exact", 0.999), ("graph", 0.99)])
@pytest.mark.parametrize("k", [200, 1000])
def test_approximations_hold_at_every_prefix(
    real_pool: NDArray[np.float16], mode: str, bound: float, k: int
) -> None:
    exact = qdit(real_pool, k, mode="exact")
    found = qdit(real_pool, k, mode=mode)
    for size in (1, 10, 64, 100, 200, 500, 1000):
        if size <= k:
            allowed = bound if size < k else max(bound, 0.998)
            assert coverage(real_pool, found.order[:size]) >= allowed * exact.coverage[size - 1]


@pytest.mark.parametrize(("k", "before"), [(550, 0.994), (2000, 0.98)])
def test_prefixes_of_a_large_pool_hold_from_where_the_graph_says(
    all_real: NDArray[np.float16], k: int, before: float
) -> None:
    exact = qdit(all_real, k, mode="exact")
    found = qdit(all_real, k, mode="graph")
    start = found.diagnostics["prefix_from"]
    assert start == -(-len(all_real) // (2 * found.params["neighbours"])) < k / 3
    for size in (1, 16, 64, 100, start, 2 * start, k):
        allowed = 0.99 if size >= start else before
        assert coverage(all_real, found.order[:size]) >= allowed * exact.coverage[size - 1]
