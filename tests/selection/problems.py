"""Small selection problems of every kind, drawn by hypothesis."""

from typing import Any

import numpy as np
from hypothesis import strategies as st


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
