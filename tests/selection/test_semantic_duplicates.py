import numpy as np
import pytest
from numpy.typing import NDArray

from dynosaur_etl.selection.semantic_duplicates import semantic_duplicates


def points(*angles: float) -> NDArray[np.float32]:
    """Unit vectors in a plane, by degrees."""
    turned = np.deg2rad(np.array(angles, np.float64))
    return np.stack((np.cos(turned), np.sin(turned)), axis=1).astype(np.float32)


def marks(embeddings: NDArray[np.float32], threshold: float, *groups: int) -> list[bool]:
    of = np.array(groups or [0] * len(embeddings), np.uint64)
    found: list[bool] = semantic_duplicates(embeddings, of, threshold, 0).tolist()
    return found


def test_of_two_points_within_the_threshold_the_earlier_stays() -> None:
    assert marks(points(0, 5, 80), 0.99) == [False, True, False]
    assert marks(points(0, 5, 80), 0.999) == [False, False, False]


def test_points_of_different_groups_are_never_alike() -> None:
    assert marks(points(0, 0, 0), 0.99, 1, 2, 1) == [False, False, True]


def test_a_chain_does_not_lead_away() -> None:
    assert marks(points(0, 6, 12), 0.99) == [False, True, False]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_has_no_double(count: int) -> None:
    assert marks(points(*range(count)), 0.9) == [False] * count


def test_it_agrees_with_a_comparison_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 16))
    near = centres[rng.integers(0, 60, 300)] + 0.15 * rng.normal(size=(300, 16))
    unit = near / np.linalg.norm(near, axis=1, keepdims=True)
    cosines = unit @ unit.T
    expected = np.zeros(300, np.bool_)
    for later in range(300):
        kept = ~expected[:later]
        expected[later] = bool((cosines[later, :later][kept] >= 0.95).any())
    unsure = np.abs(cosines - 0.95) < 0.002
    assert not unsure[np.triu_indices(300, 1)].all()
    found = np.array(marks(unit.astype(np.float32), 0.95))
    assert 0 < expected.sum() < 300
    assert (found != expected).mean() < 0.02
