"""Quality against coverage over alpha: the ends, the way between them, and the sample."""

import numpy as np
import pytest

from dynosaur_etl.selection import qdit
from dynosaur_etl.selection.assessment.alpha_sweep import ALPHAS, sample_sweep, sweep

SAMPLE = 2_000


def points(number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.standard_normal((number, 8)).astype(np.float32), random.random(number)


def test_more_weight_on_quality_gives_more_of_it_and_less_coverage() -> None:
    embeddings, quality = points(300)
    found = sweep(embeddings, quality, 30)
    assert [point.alpha for point in found] == list(ALPHAS)
    assert found[-1].quality == pytest.approx(np.sort(quality)[-30:].mean())
    assert found[0].coverage > found[-1].coverage
    assert [point.quality for point in found] == sorted(point.quality for point in found)
    alone = qdit(embeddings, 30, quality, 0.0)
    assert found[0].coverage == pytest.approx(alone.coverage[-1], rel=0.02)


def test_the_scale_of_quality_is_the_selections_own_and_progress_is_reported() -> None:
    embeddings, quality = points(300)
    quality[0] = 1e3  # one outlier: `min-max` sees no difference between the others
    quality /= quality.max()
    seen: list[tuple[int, int]] = []
    ranked = sweep(embeddings, quality, 30)
    scaled = sweep(
        embeddings, quality, 30, quality_scale="min-max", progress=lambda *at: seen.append(at)
    )
    assert ranked != scaled
    assert seen == [(done, len(ALPHAS)) for done in range(1, len(ALPHAS) + 1)]


def test_a_sample_keeps_the_share_of_picks() -> None:
    embeddings, quality = points(2 * SAMPLE)
    found = sample_sweep(embeddings, quality, 400)
    at = np.linspace(0, 2 * SAMPLE - 1, SAMPLE).round().astype(int)
    assert found == sweep(embeddings[at], quality[at], 200)


def test_a_small_pool_is_taken_whole_and_a_single_point_has_none() -> None:
    embeddings, quality = points(50)
    assert sample_sweep(embeddings, quality, 5) == sweep(embeddings, quality, 5)
    assert sample_sweep(embeddings[:1], quality[:1], 1) == []
