"""Quality against coverage over alpha: what each weight reaches on the same points."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.graph.building import build_graph
from dynosaur_etl.selection.graph.neighbour_graph import default_neighbours
from dynosaur_etl.selection.quality_diversity import qdit

ALPHAS = (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)
_SAMPLE = 2_000


@dataclass(frozen=True)
class SweepPoint:
    """What one alpha reaches."""

    alpha: float
    quality: float
    coverage: float


def sweep(
    embeddings: NDArray[np.number],
    quality: NDArray[np.float64],
    k: int,
    seed: int = 0,
    quality_scale: str = "rank",
    progress: Callable[[int, int], None] | None = None,
) -> list[SweepPoint]:
    """Select k points under several alphas, all on one neighbour graph.

    Args:
        embeddings: float [n, d], two points or more.
        quality: float64 [n], 0 to 1.
        k: number of picks.
        seed: of the graph and the samples that are drawn.
        quality_scale: as `qdit` takes it.
        progress: is called with (alphas done, all of them).

    Returns:
        By alpha: the mean quality of the picks, and the mean coverage of all points.
    """
    graph = build_graph(embeddings, default_neighbours(len(embeddings), k), seed=seed)
    points = []
    for done, alpha in enumerate(ALPHAS):
        found = qdit(
            embeddings, k, quality, alpha, graph=graph, seed=seed, quality_scale=quality_scale
        )
        mean = float(quality[found.order].mean())
        points.append(SweepPoint(alpha, mean, float(found.coverage[-1])))
        if progress is not None:
            progress(done + 1, len(ALPHAS))
    return points


def sample_sweep(
    embeddings: NDArray[np.number],
    quality: NDArray[np.float64],
    k: int,
    seed: int = 0,
    quality_scale: str = "rank",
) -> list[SweepPoint]:
    """Sweep an even sample of up to 2,000 points, of which the same share is picked.

    Returns:
        As `sweep`; nothing for fewer than two points.
    """
    points = len(embeddings)
    if points < 2:
        return []
    at = np.unique(np.linspace(0, points - 1, min(points, _SAMPLE)).round().astype(np.int64))
    picks = max(1, round(k * len(at) / points))
    return sweep(embeddings[at], quality[at], picks, seed, quality_scale)
