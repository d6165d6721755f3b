"""Picks that stand are measured as the selection that made them measured them."""

import numpy as np
import pytest

from dynosaur_etl.selection.metrics import coverage
from dynosaur_etl.selection.qdit import qdit
from dynosaur_etl.selection.standing import standing
from dynosaur_etl.selection.vectors import BLOCK


def pool(count: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.normal(size=(count, 24)).astype(np.float32) + 0.4


def test_it_tells_what_the_selection_told() -> None:
    points = pool(300)
    made = qdit(points, 40, mode="near-exact")
    gain, covered = standing(points, made.order)
    assert covered == pytest.approx(made.coverage, abs=1e-3)
    assert gain == pytest.approx(made.gain, abs=0.3)
    assert covered[-1] == pytest.approx(coverage(points, made.order), abs=1e-3)


def test_more_picks_than_a_block_are_one_sequence() -> None:
    points = pool(BLOCK + 300)
    order = np.random.default_rng(0).permutation(len(points))[: BLOCK + 50]
    gain, covered = standing(points, order)
    assert (np.diff(covered) >= 0).all()
    assert gain.sum() / len(points) == pytest.approx(covered[-1])
    assert covered[-1] == pytest.approx(coverage(points, order), abs=1e-3)
