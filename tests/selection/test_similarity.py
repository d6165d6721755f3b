from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import baselines, metrics
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.replay import STRATEGIES, replay
from dynosaur_etl.selection.similarity import format_signal, select_by_matrix, with_format
from tests.selection.conftest import clustered_pool
from tests.selection.naive import cosines

POOL = clustered_pool(1, 400)
QUALITY = np.random.default_rng(1).random(400)


@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
def test_a_matrix_of_cosines_selects_as_qdit_does(form: Any) -> None:
    found = select_by_matrix(form(cosines(POOL)), 40, groups=(np.arange(400) % 3, 14))
    assert found.order.tolist() == qdit(POOL, 40, groups=(np.arange(400) % 3, 14)).order.tolist()
    weighed = select_by_matrix(form(cosines(POOL)), 40, QUALITY, 0.5)
    assert QUALITY[weighed.order].mean() > QUALITY[found.order].mean() + 0.1
    assert weighed.coverage[-1] == pytest.approx(metrics.coverage(POOL, weighed.order), abs=1e-5)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((2, 3)), "similarity of shape"),
        (np.full((2, 2), 1.5), "similarity: received 1.5"),
        (np.full((2, 2), np.nan), "similarity: received nan"),
    ],
)
def test_what_is_no_similarity_is_refused(matrix: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        select_by_matrix(matrix, 1)


def test_the_form_of_a_text_counts_by_its_weight() -> None:
    texts = ["Why is it so?", "- one\n- two", "def f(x):\n    return x", "Name it."] * 100
    signal = format_signal(texts[:4])
    assert (signal[:, 2:] > 0).tolist() == [
        [False, False, True], [True, False, False], [False, True, False], [False] * 3,
    ]  # fmt: skip
    plain, form = cosines(POOL), format_signal(texts) @ format_signal(texts).T
    mixed = with_format(POOL, texts, 0.3)
    x = POOL / np.linalg.norm(POOL, axis=1, keepdims=True)
    np.testing.assert_allclose(mixed @ mixed.T, 0.7 * (x @ x.T) + 0.3 * form, atol=1e-5)
    np.testing.assert_allclose(
        np.clip(with_format(POOL, texts, 0.0) @ mixed.T, 0, 1)[0, 0], 0.7**0.5, atol=1e-5
    )
    assert plain.shape == form.shape
    with pytest.raises(InvalidInput, match="weight of format"):
        with_format(POOL, texts, 2)
    with pytest.raises(InvalidInput, match="texts"):
        with_format(POOL, texts[:3], 0.5)


def test_replay_follows_its_definitions() -> None:
    previous, current = POOL[:60], POOL[60:90]
    x = POOL.astype(np.float64) / np.linalg.norm(POOL, axis=1, keepdims=True)
    to_current, to_previous = (x[:60] @ x[60:90].T).sum(axis=1), (x[:60] @ x[:60].T).sum(axis=1)
    for strategy, values in (
        ("instruction-diverse", -to_current),
        ("data-diverse", -to_current),
        ("instruction-similar", to_current),
        ("instruction-support", to_previous),
    ):
        assert replay(strategy, previous, current, 5).tolist() == np.argsort(-values)[:5].tolist()
    assert not len(replay("none", previous, current, 5))
    assert len(set(replay("random", previous, current, 5, seed=1).tolist())) == 5
    chosen = replay("facility-location", previous, current, 5)
    drawn = replay("random", previous, current, 5)
    reached = [
        metrics.coverage(POOL[:90], np.concatenate((np.arange(60, 90), picks)))
        for picks in (chosen, drawn)
    ]
    assert reached[0] > reached[1]
    assert len(STRATEGIES) == 7
    for bad in (("best", previous, current, 5), ("random", previous, current[:, :3], 5)):
        with pytest.raises(InvalidInput):
            replay(*bad)


def test_vendi_counts_distinct_directions() -> None:
    pool = np.eye(8).repeat(3, axis=0)
    assert metrics.vendi(pool, np.arange(24)) == pytest.approx(8)
    assert metrics.vendi(pool, [0, 1, 2]) == pytest.approx(1)
    assert metrics.vendi(pool, [0, 3, 6]) == pytest.approx(3)


def test_novelsum_prefers_spread_picks() -> None:
    spread = metrics.novelsum(POOL, baselines.k_center(POOL, 40).order)
    crowded = metrics.novelsum(POOL, np.argsort(-cosines(POOL)[0], kind="stable")[:40])
    assert spread > 1.5 * crowded
    with pytest.raises(InvalidInput, match="NovelSum"):
        metrics.novelsum(POOL, [3])


def test_novelselect_is_novel_and_weighs_quality() -> None:
    plain = baselines.novelselect(POOL, 40, seed=3)
    drawn = baselines.random(POOL, 40, seed=3)
    assert len(set(plain.order.tolist())) == 40
    assert metrics.novelsum(POOL, plain.order) > 1.1 * metrics.novelsum(POOL, drawn.order)
    rated = baselines.novelselect(POOL, 40, QUALITY, seed=3)
    assert QUALITY[rated.order].mean() > QUALITY[plain.order].mean() + 0.1


def test_quality_weighted_clusters_draw_from_all_and_prefer_quality() -> None:
    found = baselines.k_means_quality(POOL, 100, QUALITY, clusters=10, seed=1)
    assert len(set(found.order.tolist())) == 100
    assert QUALITY[found.order].mean() > QUALITY.mean() + 0.1
    again = baselines.k_means_quality(POOL, 100, QUALITY, clusters=10, seed=1)
    assert again.order.tolist() == found.order.tolist()
    with pytest.raises(InvalidInput, match="clusters"):
        baselines.k_means_quality(POOL, 100, QUALITY, clusters=0)
