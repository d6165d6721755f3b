import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import qdit
from dynosaur_etl.selection.assessment.metrics import coverage
from tests.selection.conftest import clustered_pool
from tests.selection.problems import problems

CONCRETE_MODES = ("exact", "near-exact", "graph", "partitioned")


@given(problems(), st.sampled_from(CONCRETE_MODES))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_mode_keeps_the_rules(problem: dict[str, Any], mode: str) -> None:
    found = qdit(**problem, mode=mode)
    again = qdit(**problem, mode=mode)
    assert found.order.tolist() == again.order.tolist()
    assert len(set(found.order.tolist())) == problem["k"] == len(found)
    if problem["anchors"] is not None:
        assert not set(found.order.tolist()) & set(problem["anchors"].tolist())
    if problem["groups"] is not None:
        labels, most = problem["groups"]
        assert np.bincount(labels[found.order]).max() <= most
    assert (np.diff(found.coverage) >= -1e-12).all()
    assert 0 <= found.coverage[0] <= found.coverage[-1] <= 1 + 1e-9
    assert json.loads(json.dumps(found.params)) == found.params
    assert json.loads(json.dumps(found.diagnostics)) == found.diagnostics


@pytest.mark.parametrize("mode", ["exact", "near-exact"])
def test_gains_never_rise_by_diversity_alone(mode: str) -> None:
    gain = qdit(clustered_pool(1), 200, mode=mode).gain
    assert (np.diff(gain) <= 0).all()


@pytest.mark.parametrize("mode", CONCRETE_MODES)
def test_permuting_the_pool_permutes_the_picks(mode: str) -> None:
    pool = clustered_pool(2)
    quality = np.random.default_rng(2).permutation(np.linspace(0, 1, len(pool)))
    shuffle = np.random.default_rng(3).permutation(len(pool))
    plain = qdit(pool, 80, quality, mode=mode)
    shuffled = qdit(pool[shuffle], 80, quality[shuffle], mode=mode)
    assert shuffle[shuffled.order].tolist() == plain.order.tolist()


@pytest.mark.parametrize("mode", CONCRETE_MODES)
def test_coverage_is_what_plain_cosines_give(mode: str) -> None:
    pool = clustered_pool(4)
    found = qdit(pool, 60, mode=mode)
    for size in (1, 20, 60):
        true = coverage(pool, found.order[:size])
        tolerance = 1e-4 if mode != "graph" else 0.03
        assert found.coverage[size - 1] <= true + 1e-4
        assert found.coverage[size - 1] == pytest.approx(true, abs=tolerance)


def test_alpha_trades_quality_for_coverage_smoothly(real_pool: NDArray[np.float16]) -> None:
    for count, k in ((1500, 300), (3000, 150)):
        quality = np.random.default_rng(0).beta(5, 2, count)
        runs = [qdit(real_pool[:count], k, quality, a) for a in (0, 0.2, 0.4, 0.6, 0.8, 0.9, 1)]
        means = np.array([run.quality.mean() for run in runs if run.quality is not None])
        reached = np.array([run.coverage[-1] for run in runs])
        assert (np.diff(means) >= 0).all()
        assert (np.diff(reached) <= 5e-4).all()
        assert (np.diff(means) <= 0.45 * (means[-1] - means[0])).all()
        # At 0.9 diversity still has its say; the last step, to none at all, is the largest.
        assert 0.2 < (reached[-2] - reached[-1]) / (reached[0] - reached[-1]) < 0.8
        assert (np.diff(reached)[:-1] >= 0.4 * (reached[-1] - reached[0])).all()


def test_alpha_of_one_is_top_quality_and_of_zero_ignores_it() -> None:
    pool = clustered_pool(6)
    quality = np.round(np.random.default_rng(6).random(len(pool)), 2)
    top = np.argsort(-quality, kind="stable")[:50]
    for mode in CONCRETE_MODES:
        assert qdit(pool, 50, quality, 1.0, mode).order.tolist() == top.tolist()
    assert qdit(pool, 50, quality, 0.0, "exact").order.tolist() == (
        qdit(pool, 50, mode="exact").order.tolist()
    )


@pytest.mark.parametrize("mode", CONCRETE_MODES)
def test_anchor_vectors_push_picks_elsewhere(mode: str) -> None:
    pool = clustered_pool(7)
    positions = qdit(pool, 20, mode="exact").order
    by_vectors = qdit(pool, 30, mode=mode, anchors=pool[positions])
    alone = qdit(pool, 30, mode=mode)
    both = np.concatenate((positions, by_vectors.order))
    assert coverage(pool, both) > coverage(pool, np.concatenate((positions, alone.order)))
    assert by_vectors.coverage[0] > alone.coverage[18]


@pytest.mark.parametrize("mode", CONCRETE_MODES)
def test_many_exact_copies_are_covered_by_one_pick(mode: str) -> None:
    pool = np.concatenate((np.tile(clustered_pool(8, 1), (300, 1)), clustered_pool(9, 300)))
    found = qdit(pool, 40, mode=mode)
    copies = found.order[found.order < 300]
    assert len(copies) == 1
    assert int(np.flatnonzero(found.order < 300)[0]) < 5
    everything = qdit(pool, 600, mode=mode)
    assert sorted(everything.order.tolist()) == list(range(600))


def test_memory_mapped_halves_give_the_picks_of_the_array(tmp_path: Path) -> None:
    pool = clustered_pool(10).astype(np.float16)
    np.save(tmp_path / "pool.npy", pool)
    mapped = np.load(tmp_path / "pool.npy", mmap_mode="r")
    assert qdit(mapped, 40).order.tolist() == qdit(pool.astype(np.float64), 40).order.tolist()


SCRIPT = """
import os, sys
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:int(sys.argv[1])]))
import numpy as np
from dynosaur_etl.selection import qdit
from tests.selection.conftest import clustered_pool
pool = clustered_pool(11, 2500)
modes = ("exact", "near-exact", "graph", "partitioned")
print([qdit(pool, 200, mode=m).order.tolist() for m in modes])
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPU cores")
def test_the_number_of_threads_changes_nothing() -> None:
    orders = []
    for threads in ("1", "2"):
        env = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, threads],
            capture_output=True, text=True, check=True, env=env,
            cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
        orders.append(run.stdout)
    assert orders[0] == orders[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k: received 0; allowed: a whole number from 1 to 600"),
        ({"k": 601}, "k: received 601"),
        ({"k": 2.5}, "k: received 2.5"),
        ({"alpha": 1.1}, "alpha: received 1.1"),
        ({"alpha": float("nan")}, "alpha: received nan"),
        ({"quality": np.full(600, 1.5)}, "quality of row 0: received 1.5"),
        ({"quality": np.where(np.arange(600) == 7, np.nan, 0.5)}, "quality of row 7: received nan"),
        ({"quality": np.zeros(5)}, "quality of shape"),
        ({"mode": "best"}, "mode: received 'best'; allowed: auto, exact, graph, near-exact, part"),
        ({"normalise": "z"}, "normalise: received 'z'; allowed: raw, reference"),
        ({"embeddings": np.zeros(5)}, "embeddings of shape"),
        ({"embeddings": np.zeros((5, 2), int)}, "embeddings of type"),
        ({"embeddings": np.eye(600)[:, :599]}, "row 599 has a zero vector"),
        ({"embeddings": np.where(np.eye(600) > 0, np.inf, 1.0)}, "row 0 has a value that is not"),
        ({"anchors": np.array([600])}, "anchor position: received 600"),
        ({"anchors": np.zeros((2, 3))}, "anchors of shape"),
        ({"anchors": np.zeros((2, 24))}, "anchors: row 0 has a zero vector"),
        ({"anchors": np.arange(595)}, "k: received 10; allowed: a whole number from 1 to 5"),
        ({"groups": (["a"] * 600, 5)}, "k: received 10; allowed: 1 to 5"),
        ({"groups": (["a"] * 9, 5)}, "group labels: received 9"),
        ({"groups": (["a"] * 600, 0)}, "picks of a group: received 0"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        qdit(**({"embeddings": clustered_pool(16), "k": 10} | change))
    assert message in str(caught.value)


@pytest.mark.parametrize("mode", CONCRETE_MODES)
def test_caps_of_groups_hold_to_the_last_pick(mode: str) -> None:
    pool = clustered_pool(17)
    labels = np.array(["large"] * 500 + ["small"] * 100)
    found = qdit(pool, 240, mode=mode, groups=(labels, 150))
    large = int((labels[found.order] == "large").sum())
    assert len(found) == 240
    assert large <= 150
    if mode != "partitioned":  # it chooses among candidates, and the cap may not bind there
        assert large == 150
