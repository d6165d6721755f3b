"""Which mode runs: by size, memory limit and cores alone."""

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import memory, modes, qdit
from tests.selection.conftest import clustered_pool


def test_auto_says_what_it_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = clustered_pool(12)
    assert qdit(pool, 10).method == "exact"
    monkeypatch.setitem(modes.LONGEST_PASS_S, "exact", 0)
    assert qdit(pool, 10).method == "near-exact"
    monkeypatch.setitem(modes.LONGEST_PASS_S, "near-exact", 0)
    chosen = qdit(pool, 10)
    assert (chosen.method, chosen.params["mode_requested"]) == ("graph", "auto")
    assert chosen.params["graph_method"] == "flat"
    assert "exact takes a pass of about 0 s" in chosen.diagnostics["mode_reason"]


def test_auto_depends_on_size_memory_limit_and_cores_alone() -> None:
    def chosen(count: int, gib: float, cores: int = 2) -> str:
        machine = modes.Machine(int(gib * 2**30), cores)
        return modes.automatic(modes.Size(count, 384, count // 10), machine).mode

    assert chosen(15_000, 16) == "exact"
    assert chosen(52_000, 16) == "exact"
    assert chosen(60_000, 16, cores=1) == "near-exact"
    assert chosen(100_000, 16) == "near-exact"
    assert chosen(800_000, 16) == "graph"
    assert chosen(10_000_000, 16) == "partitioned"
    assert chosen(52_000, 0.8) == "graph"


def test_too_little_memory_is_refused_with_the_mode_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = np.broadcast_to(clustered_pool(15, 1, 384), (400_000, 384))
    monkeypatch.setattr(memory, "available_bytes", lambda: 4 * 2**30)
    with pytest.raises(InvalidInput, match=r"'exact' needs about \d+\.\d GiB.*4\.0 GiB.*graph"):
        qdit(pool, 10_000, mode="exact")
