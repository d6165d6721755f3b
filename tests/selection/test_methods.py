"""All methods behind one name, two arguments and one result."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import METHODS, GroundSet, Specification, qdit, select_by
from dynosaur_etl.selection.assessment import metrics
from tests.selection.conftest import clustered_pool
from tests.selection.naive import cosines

POOL = clustered_pool(1)
RNG = np.random.default_rng(1)
QUALITY = np.round(RNG.random(600), 2)
POINTS = GroundSet(
    POOL,
    QUALITY,
    target=POOL[:7] + 0.05,
    lengths=RNG.integers(5, 500, 600),
    sources=["a", "b", "c"] * 200,
    ids=[f"n{at}" for at in range(600)],
)
NO_TARGET = replace(POINTS, target=None)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_gives_a_selection(name: str) -> None:
    points = POINTS if name == "rds" else NO_TARGET
    found = select_by(name, points, Specification(40, seed=2))
    again = select_by(name, points, Specification(40, seed=2))
    assert found.order.tolist() == again.order.tolist()
    assert len(set(found.order.tolist())) == len(found) == 40
    assert found.ids == [f"n{at}" for at in found.order]
    assert found.quality is None or found.quality.tolist() == QUALITY[found.order].tolist()
    assert (np.diff(found.coverage) >= -1e-12).all()
    if name != "rds":
        assert found.coverage[-1] == pytest.approx(metrics.coverage(POOL, found.order), abs=2e-3)
        assert found.coverage[-1] <= qdit(POOL, 40, mode="exact").coverage[-1] + 2e-3
    assert (found.params["k"], found.params["pool"]) == (40, 600)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_to_budgets_caps_anchors_and_must_includes(name: str) -> None:
    costs, labels = np.random.default_rng(2).integers(5, 60, 600), np.arange(600) % 6
    points = replace(
        POINTS, costs=costs, groups=labels, anchors=np.array([2, 90]), must_include=[300, 5]
    )
    found = select_by(name, points, Specification(budget=900, group_cap=25))
    spent = int(costs[found.order].sum())
    assert 850 <= spent <= 900
    assert found.order[:2].tolist() == [300, 5]
    assert not {2, 90} & set(found.order.tolist())
    assert np.bincount(labels[found.order]).max() <= 25
    assert 0 < found.diagnostics["target_coverage"] <= 1


def test_what_a_method_needs_is_refused_where_it_is_missing() -> None:
    bare, rules = GroundSet(POOL), Specification(5)
    for name, missing in (
        ("rds", "target"),
        ("quality", "quality"),
        ("longest", "lengths"),
        ("random-by-source", "sources"),
    ):
        with pytest.raises(InvalidInput, match=f"method '{name}': received no {missing}"):
            select_by(name, bare, rules)
    with pytest.raises(InvalidInput, match="method: received 'best'; allowed: coverage, deita"):
        select_by("best", bare, rules)
    for change in ({"lengths": [1, 2]}, {"sources": ["a"]}):
        name = "longest" if "lengths" in change else "random-by-source"
        with pytest.raises(InvalidInput, match=next(iter(change))):
            select_by(name, replace(POINTS, **change), rules)


def test_each_does_what_its_line_says() -> None:
    def picks(name: str, **change: Any) -> list[int]:
        found = select_by(name, replace(NO_TARGET, **change), Specification(30))
        return [int(at) for at in found.order]

    lengths = np.asarray(POINTS.lengths)
    assert lengths[picks("longest")].min() >= np.sort(lengths)[-30]
    assert QUALITY[picks("quality")].min() >= np.sort(QUALITY)[-30]
    assert np.bincount(np.array(picks("random-by-source")) % 3).tolist() == [10, 10, 10]
    assert picks("coverage") == qdit(POOL, 30).order.tolist()
    assert picks("qdit") == qdit(POOL, 30, QUALITY).order.tolist()


def test_rds_takes_the_rows_nearest_to_each_target_in_turn() -> None:
    rng = np.random.default_rng(4)
    target = POOL[:5] + 0.3 * rng.normal(size=(5, 24)).astype(np.float32)
    found = select_by("rds", GroundSet(POOL, target=target), Specification(60))
    near = cosines(np.concatenate((target, POOL)))[:5, 5:]
    lists = np.argsort(-near, axis=1, kind="stable")
    expected = list(dict.fromkeys(lists.T.ravel().tolist()))[:60]
    assert len(set(found.order.tolist()) & set(expected)) >= 58
    assert found.order[:5].tolist() == list(dict.fromkeys(lists[:, 0].tolist()))[:5]
    everything = select_by("rds", GroundSet(POOL, target=target), Specification(600))
    assert sorted(everything.order.tolist()) == list(range(600))
    plain = select_by("coverage", GroundSet(POOL), Specification(60))
    both = np.concatenate((target, POOL))
    reached = [
        metrics.point_coverage(both, order + 5)[:5].mean() for order in (found.order, plain.order)
    ]
    assert found.diagnostics["target_coverage"] == pytest.approx(reached[0], abs=1e-4)
    assert reached[0] > reached[1]
