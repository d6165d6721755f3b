"""Picks are measured as the selection that made them measured them."""

import numpy as np
import pytest

from dynosaur_etl.selection import qdit
from dynosaur_etl.selection.assessment.coverage_curve import coverage_curve, knee
from dynosaur_etl.selection.assessment.metrics import coverage
from dynosaur_etl.selection.vectors.fixed_point import BLOCK


def pool(count: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.normal(size=(count, 24)).astype(np.float32) + 0.4


def test_it_is_that_of_the_selection() -> None:
    points = pool(300)
    made = qdit(points, 40, mode="near-exact")
    gain, covered = coverage_curve(points, made.order)
    assert covered == pytest.approx(made.coverage, abs=1e-3)
    assert gain == pytest.approx(made.gain, abs=0.3)
    assert covered[-1] == pytest.approx(coverage(points, made.order), abs=1e-3)


def test_more_picks_than_a_block_are_one_sequence() -> None:
    points = pool(BLOCK + 300)
    order = np.random.default_rng(0).permutation(len(points))[: BLOCK + 50]
    gain, covered = coverage_curve(points, order)
    assert (np.diff(covered) >= 0).all()
    assert gain.sum() / len(points) == pytest.approx(covered[-1])
    assert covered[-1] == pytest.approx(coverage(points, order), abs=1e-3)


def test_the_knee_is_where_the_curve_bends() -> None:
    bend = np.concatenate((np.linspace(0.1, 0.8, 20), np.linspace(0.805, 0.9, 80)))
    assert knee(bend) == pytest.approx(20, abs=1)
