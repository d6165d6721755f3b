from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection import qdit
from dynosaur_etl.selection.assessment import metrics
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
