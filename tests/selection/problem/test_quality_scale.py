import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import qdit
from dynosaur_etl.selection.problem.quality_scale import (
    QUALITY_SCALES,
    min_max,
    quality_ranks,
    z_scores,
)

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


@given(VALUES, st.sampled_from(sorted(QUALITY_SCALES)))
def test_every_scale_keeps_the_order_within_0_and_1(values: np.ndarray, name: str) -> None:
    scaled = QUALITY_SCALES[name](values)
    assert ((scaled >= 0) & (scaled <= 1)).all()
    assert (np.diff(scaled[np.argsort(values, kind="stable")]) >= 0).all()


def test_the_scales_are_what_their_names_say() -> None:
    values = np.array([0.1, 0.2, 0.9])
    np.testing.assert_allclose(quality_ranks(values), [0, 0.5, 1])
    np.testing.assert_allclose(min_max(values), [0, 0.125, 1])
    np.testing.assert_allclose(z_scores(np.array([0.0, 1.0])), [0.158655, 0.841345], atol=1e-6)
    for scale in (min_max, z_scores):
        np.testing.assert_array_equal(scale(np.full(3, 0.7)), 0.5)


def test_the_selection_weighs_by_the_scale_and_records_it() -> None:
    rng = np.random.default_rng(0)
    pool = rng.normal(size=(60, 8)).astype(np.float32)
    quality = rng.random(60) ** 8
    picks = {name: qdit(pool, 10, quality, quality_scale=name) for name in QUALITY_SCALES}
    assert [s.params["quality_scale"] for s in picks.values()] == list(picks)
    assert len({tuple(selection.order) for selection in picks.values()}) == len(picks)
    with pytest.raises(InvalidInput, match="min-max, rank, z"):
        qdit(pool, 10, quality, quality_scale="log")
