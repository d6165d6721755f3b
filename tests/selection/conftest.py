"""Pools of embeddings to select from."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

REAL = Path(__file__).resolve().parents[2] / "../shared/selection/real22k.float16.npy"


def clustered_pool(seed: int, count: int = 600, dimensions: int = 24) -> NDArray[np.float32]:
    """Points around a few dozen centres of uneven weight, as instruction texts lie."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(30, dimensions)) + 0.6
    label = np.minimum(rng.geometric(0.08, count) - 1, 29)
    return (centres[label] + 0.7 * rng.normal(size=(count, dimensions))).astype(np.float32)


@pytest.fixture(scope="session")
def all_real() -> NDArray[np.float16]:
    """The 22,000 real embeddings."""
    if not REAL.exists():
        pytest.skip("the real embeddings are not beside the checkout")
    pool: NDArray[np.float16] = np.load(REAL, mmap_mode="r")
    return pool


@pytest.fixture(scope="session")
def real_pool(all_real: NDArray[np.float16]) -> NDArray[np.float16]:
    return all_real[:5000]
