"""The mode `exact` beside the textbook algorithm, however wrong its warm start."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dynosaur_etl.selection import Budget, qdit
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.greedy.samples import SampleSizes
from dynosaur_etl.selection.problem.quality_scale import quality_ranks
from dynosaur_etl.selection.vectors.fixed_point import FINE, as_vectors
from tests.selection.conftest import clustered_pool
from tests.selection.naive import Greedy, cosines, fixed_point
from tests.selection.problems import problems

WARM = "dynosaur_etl.selection.exact.warm"


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


def test_a_wrong_warm_start_is_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = clustered_pool(5, count=1300)
    right = qdit(pool, 60, mode="exact")
    assert right.diagnostics["passes"] == 1
    blind = SampleSizes(2**25, 8, 8, 2, 8, 2)
    monkeypatch.setattr(f"{WARM}.warm_start_sizes", lambda _: blind)
    corrected = qdit(pool, 60, mode="exact")
    assert corrected.diagnostics["passes"] > 1
    assert corrected.order.tolist() == right.order.tolist()


def warm_started(order: list[int]) -> Any:
    """Stands for the warm start: makes picks in a given order."""

    def warm_start_within(run: GreedyRun, _: int) -> list[NDArray[np.int32]]:
        covers = [run.state.cover.copy()]
        for pick in order:
            run.state.accept(pick, 0, run.vectors.rows(np.array([pick]))[0])
            covers.append(run.state.cover.copy())
        return covers

    return warm_start_within


@given(st.integers(0, 50), st.data())
@settings(max_examples=30, deadline=None)
def test_any_warm_start_leads_to_the_same_picks(seed: int, data: st.DataObject) -> None:
    pool = clustered_pool(seed, count=400)
    right = qdit(pool, 60, mode="exact").order.tolist()
    guesses = data.draw(
        st.permutations(right[:12])
        | st.permutations(range(400)).map(lambda order: order[:12])
        | st.integers(0, 11).map(lambda at: [*right[:at], *right[at + 1 : 12]])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{WARM}.warm_start_within", warm_started(guesses))
        found = qdit(pool, 60, mode="exact")
    assert found.order.tolist() == right


def test_a_true_pick_may_spend_what_was_planned_for_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowd = np.eye(8)[0] + 0.05 * np.random.default_rng(0).normal(size=(40, 8))
    pool = np.concatenate((crowd, np.eye(8)[1:6]))
    budget = Budget([5] * 40 + [1] * 5, 5)
    right = qdit(pool, budget, mode="exact").order.tolist()
    monkeypatch.setattr(f"{WARM}.warm_start_within", warm_started([40, 41, 42, 43, 44]))
    assert len(right) == 1
    assert qdit(pool, budget, mode="exact").order.tolist() == right


def test_a_late_wrong_guess_costs_no_second_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = clustered_pool(5, count=1300)
    right = qdit(pool, 60, mode="exact")
    guesses = [*right.order[:11].tolist(), int(right.order[40])]
    monkeypatch.setattr(f"{WARM}.warm_start_within", warm_started(guesses))
    found = qdit(pool, 60, mode="exact")
    assert found.order.tolist() == right.order.tolist()
    assert (found.diagnostics["passes"], found.diagnostics["warm_start_confirmed"]) == (1, 11)
    assert found.diagnostics["points_relisted"] > 0
