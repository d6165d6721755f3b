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
from dynosaur_etl.selection import choice, memory
from dynosaur_etl.selection.checks import Budget
from dynosaur_etl.selection.forecast import Effort
from dynosaur_etl.selection.graph import build_graph
from dynosaur_etl.selection.metrics import coverage, point_coverage
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.quality_scale import quality_ranks
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import COARSE, FINE, Vectors, as_vectors
from tests.selection.conftest import clustered_pool
from tests.selection.naive import Greedy, cosines, fixed_point

CONCRETE_MODES = ("exact", "near-exact", "graph", "partitioned")


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pool = rng.normal(size=(count, draw(st.integers(1, 12)))) + draw(st.sampled_from((0.0, 1.0)))
    if draw(st.booleans()):  # exact copies and ties
        pool = np.rint(pool * 2) / 2 + 0.25
        pool = pool[rng.integers(0, count, count)]
    k = draw(st.integers(1, count))
    barred = tuple(rng.permutation(count)[: draw(st.integers(0, count - k))].tolist())
    quality = np.round(rng.random(count), 1) if draw(st.booleans()) else None
    labels = rng.integers(0, 4, count)
    free = np.bincount(np.delete(labels, list(barred)), minlength=4)
    most = draw(st.integers(1, max(count, 1)))
    groups = (labels, most) if np.minimum(free, most).sum() >= k else None
    alpha = draw(st.sampled_from((0.0, 0.3, 0.7, 1.0)))
    normalise = draw(st.sampled_from(("raw", "reference")))
    return {
        "embeddings": pool.astype(np.float32),
        "k": k,
        "quality": quality,
        "alpha": alpha,
        "normalise": normalise,
        "groups": groups,
        "anchors": np.array(barred, np.int64) if barred else None,
    }


def expected_order(problem: dict[str, Any], gain_unit: float) -> tuple[list[int], list[float]]:
    vectors = as_vectors(problem["embeddings"], FINE, "pool")
    count = len(vectors)
    similarity = fixed_point(vectors.values, vectors.scale, vectors.one)
    quality, alpha = problem["quality"], problem["alpha"]
    weight, term = 1.0, np.zeros(count)
    if quality is not None and alpha > 0:
        scaled = quality if problem["normalise"] == "raw" else quality_ranks(quality)
        weight, term = (1 - alpha) / (vectors.one * gain_unit), alpha * scaled
    group, room = np.zeros(count, np.int64), {0: count}
    if problem["groups"] is not None:
        group = problem["groups"][0]
        room = dict.fromkeys(range(4), problem["groups"][1])
    barred = () if problem["anchors"] is None else tuple(problem["anchors"].tolist())
    cover = similarity[list(barred)].max(axis=0) if barred else None
    order, gains = Greedy(similarity, weight, term, room, group).run(problem["k"], barred, cover)
    return order, [gain / vectors.one for gain in gains]


@given(problems())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_exact_is_naive_greedy_with_ties_to_the_lowest(problem: dict[str, Any]) -> None:
    found = qdit(**problem, mode="exact")
    order, gains = expected_order(problem, found.params["gain_unit"])
    assert found.order.tolist() == order
    assert found.gain.tolist() == gains


@given(st.integers(0, 10**6), st.integers(1, 40))
@settings(max_examples=6, deadline=None)
def test_exact_follows_plain_cosines_over_several_blocks_of_points(seed: int, k: int) -> None:
    pool = clustered_pool(seed, count=1300)
    naive = Greedy(cosines(pool), 1.0, np.zeros(1300), {0: k}, np.zeros(1300, np.int64))
    order, gains = naive.run(k)
    found = qdit(pool, k, mode="exact")
    assert found.order.tolist() == order
    np.testing.assert_allclose(found.gain, gains, rtol=1e-5)


def test_a_wrong_forecast_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = clustered_pool(5, count=1300)
    right = qdit(pool, 60, mode="exact")
    assert right.diagnostics["passes"] == 1
    blind = Effort(2**25, 8, 8, 2, 8, 2)
    monkeypatch.setattr("dynosaur_etl.selection.exact.effort_to_foresee", lambda _: blind)
    corrected = qdit(pool, 60, mode="exact")
    assert corrected.diagnostics["passes"] > 1
    assert corrected.order.tolist() == right.order.tolist()


def forecasting(order: list[int]) -> Any:
    """Stands for the forecast: makes picks in a given order."""

    def forecast_within(vectors: Vectors, state: State, *_: object) -> list[NDArray[np.int32]]:
        covers = [state.cover.copy()]
        for pick in order:
            state.accept(pick, 0, vectors.rows(np.array([pick]))[0])
            covers.append(state.cover.copy())
        return covers

    return forecast_within


@given(st.integers(0, 50), st.data())
@settings(max_examples=30, deadline=None)
def test_any_forecast_leads_to_the_same_picks(seed: int, data: st.DataObject) -> None:
    pool = clustered_pool(seed, count=400)
    right = qdit(pool, 60, mode="exact").order.tolist()
    guesses = data.draw(
        st.permutations(right[:12])
        | st.permutations(range(400)).map(lambda order: order[:12])
        | st.integers(0, 11).map(lambda at: [*right[:at], *right[at + 1 : 12]])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dynosaur_etl.selection.exact.forecast_within", forecasting(guesses))
        found = qdit(pool, 60, mode="exact")
    assert found.order.tolist() == right


def test_a_true_pick_may_spend_what_was_foreseen_for_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowd = np.eye(8)[0] + 0.05 * np.random.default_rng(0).normal(size=(40, 8))
    pool = np.concatenate((crowd, np.eye(8)[1:6]))
    budget = Budget([5] * 40 + [1] * 5, 5)
    right = qdit(pool, budget, mode="exact").order.tolist()
    monkeypatch.setattr(
        "dynosaur_etl.selection.exact.forecast_within", forecasting([40, 41, 42, 43, 44])
    )
    assert len(right) == 1
    assert qdit(pool, budget, mode="exact").order.tolist() == right


def test_a_late_wrong_guess_costs_no_second_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = clustered_pool(5, count=1300)
    right = qdit(pool, 60, mode="exact")
    guesses = [*right.order[:11].tolist(), int(right.order[40])]
    monkeypatch.setattr("dynosaur_etl.selection.exact.forecast_within", forecasting(guesses))
    found = qdit(pool, 60, mode="exact")
    assert found.order.tolist() == right.order.tolist()
    assert (found.diagnostics["passes"], found.diagnostics["first_picks_foreseen"]) == (1, 11)
    assert found.diagnostics["points_listed_again"] > 0


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
from dynosaur_etl.selection.qdit import qdit
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


def test_auto_says_what_it_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = clustered_pool(12)
    assert qdit(pool, 10).method == "exact"
    monkeypatch.setitem(choice.LONGEST_PASS_S, "exact", 0)
    assert qdit(pool, 10).method == "near-exact"
    monkeypatch.setitem(choice.LONGEST_PASS_S, "near-exact", 0)
    chosen = qdit(pool, 10)
    assert (chosen.method, chosen.params["mode_asked"]) == ("graph", "auto")
    assert chosen.params["graph_method"] == "flat"
    assert "exact takes a pass of about 0 s" in chosen.diagnostics["mode_reason"]


def test_auto_depends_on_size_memory_limit_and_cores_alone() -> None:
    def chosen(count: int, gib: float, cores: int = 2) -> str:
        machine = choice.Machine(int(gib * 2**30), cores)
        return choice.automatic(choice.Size(count, 384, count // 10), machine).mode

    assert chosen(15_000, 16) == "exact"
    assert chosen(52_000, 16) == "exact"
    assert chosen(60_000, 16, cores=1) == "near-exact"
    assert chosen(100_000, 16) == "near-exact"
    assert chosen(800_000, 16) == "graph"
    assert chosen(10_000_000, 16) == "partitioned"
    assert chosen(52_000, 0.8) == "graph"


def test_a_graph_is_reused_and_one_of_another_set_refused() -> None:
    pool = clustered_pool(13)
    graph = build_graph(as_vectors(pool, COARSE, "pool"), 32)
    assert qdit(pool, 40, graph=graph).order.tolist() == qdit(pool, 40, mode="graph").order.tolist()
    with pytest.raises(InvalidInput, match="another set"):
        qdit(clustered_pool(14), 40, graph=graph)
    with pytest.raises(InvalidInput, match="mode with a graph"):
        qdit(pool, 40, mode="exact", graph=graph)


def test_too_little_memory_is_refused_with_the_mode_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = np.broadcast_to(clustered_pool(15, 1, 384), (400_000, 384))
    monkeypatch.setattr(memory, "available_bytes", lambda: 4 * 2**30)
    with pytest.raises(InvalidInput, match=r"'exact' needs about \d+\.\d GiB.*4\.0 GiB.*graph"):
        qdit(pool, 10_000, mode="exact")


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


def test_crowds_larger_than_their_neighbour_lists_are_all_covered() -> None:
    rng = np.random.default_rng(18)
    crowds = np.repeat(rng.normal(size=(80, 24)), 90, axis=0)
    crowds += 1e-3 * rng.normal(size=crowds.shape)
    pool = np.concatenate((crowds, rng.normal(size=(1200, 24))))
    found = qdit(pool, 170, mode="graph")
    assert found.params["neighbours"] < 90
    assert point_coverage(pool, found.order)[: len(crowds)].min() > 0.9
