"""The first picks, found on a sample of points and measured on all.

The first picks of a greedy selection are its dearest: nothing is covered yet, so every pair of
points matters. Here a sample of points ranks the candidates, and the best of that ranking are
measured against the whole pool. The result is greedy's own first picks nearly always; `exact`
proves it, the other modes take it as it is.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.kernels import compiled, dense_gain, in_chunks, shift_gains
from dynosaur_etl.selection.objective import Objective
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import BLOCK, IntArray, Similarity, Vectors

SAMPLE_CELLS = 2**24
SMALLEST_SAMPLE = 768
LARGEST_SAMPLE = 1024
SHORTLIST = 160
CACHED_CELLS = 2**26


@dataclass
class SampledGains:
    """Gains of candidates, summed over a sample of points.

    Attributes:
        similarity: fixed point [points, candidates].
        cover: of the points, as of the gains.
    """

    candidates: IntArray
    points: IntArray
    similarity: Similarity
    cover: Similarity
    gains: NDArray[np.int64]

    @classmethod
    def of(cls, vectors: Vectors, state: State, seed: int) -> "SampledGains":
        rng = np.random.default_rng(seed)
        candidates = state.open_candidates()
        size = int(np.clip(SAMPLE_CELLS // len(vectors), SMALLEST_SAMPLE, LARGEST_SAMPLE))
        size = min(size, len(vectors))
        points = np.sort(rng.choice(len(vectors), size, replace=False))
        most = max(SAMPLE_CELLS // size, 1)
        if len(candidates) > most:
            candidates = np.sort(rng.choice(candidates, most, replace=False))
        sampled = cls(
            candidates,
            points,
            approximate_similarities(vectors, points, candidates),
            np.full(size, vectors.one, np.int32),
            np.zeros(len(candidates), np.int64),
        )
        sampled.move_cover(state.cover)
        return sampled

    def shortlist(self, objective: Objective, pool_size: int, state: State) -> IntArray:
        """Positions of the most promising candidates, ascending."""
        scores = objective.scores(self.gains * (pool_size / len(self.points)), self.candidates)
        scores[state.closed(self.candidates)] = -np.inf
        best = np.argsort(-scores, kind="stable")[:SHORTLIST]
        return np.sort(self.candidates[best[np.isfinite(scores[best])]])

    def move_cover(self, cover: Similarity) -> None:
        new = cover[self.points]

        def shift(start: int, stop: int) -> None:
            kernel = compiled(shift_gains)
            kernel(self.similarity, self.cover, new, self.gains, start, stop)

        with ThreadPoolExecutor() as pool:
            in_chunks(pool, shift, len(self.candidates))
        self.cover = new


def approximate_similarities(
    vectors: Vectors, points: IntArray, candidates: IntArray
) -> NDArray[np.int32]:
    """Similarities [points, candidates] from float32 products, good enough to rank by."""
    left, right = vectors.floats[points], vectors.floats[candidates]
    unit = vectors.one / vectors.unity
    out = np.empty((len(points), len(candidates)), np.int32)
    for start in range(0, len(candidates), BLOCK):
        products = left @ right[start : start + BLOCK].T
        np.clip(products, 0, vectors.unity, out=products)
        np.multiply(products, unit, out=out[:, start : start + BLOCK], casting="unsafe")
    return out


@dataclass
class Measure:
    """Gains of single candidates over the whole pool; keeps the rows that it computed.

    Attributes:
        rows_of: gives rows of similarities: `Vectors.rows`, or `near_rows`, which is faster.
    """

    vectors: Vectors
    rows_of: Callable[[IntArray], Similarity]
    rows: dict[int, Similarity] = field(default_factory=dict)

    def gains(self, at: IntArray, cover: Similarity) -> IntArray:
        self._fetch(at)
        gains = np.empty(len(at), np.int64)
        for place, a in enumerate(at.tolist()):
            gains[place] = compiled(dense_gain)(self.rows[a], cover)
        return gains

    def _fetch(self, at: IntArray) -> None:
        missing = np.array([a for a in at.tolist() if a not in self.rows], np.int64)
        if (len(self.rows) + len(missing)) * len(self.vectors) > CACHED_CELLS:
            self.rows.clear()
            missing = at
        if len(missing):
            self.rows.update(zip(missing.tolist(), self.rows_of(missing), strict=True))


def forecast(
    measure: Measure, state: State, objective: Objective, count: int, seed: int
) -> list[Similarity]:
    """Make the next `count` picks on `state`, or fewer where no more can be made.

    Returns:
        The cover before each pick, and after the last.
    """
    vectors = measure.vectors
    covers = [state.cover.copy()]
    sampled = SampledGains.of(vectors, state, seed)
    for _ in range(count):
        contenders = sampled.shortlist(objective, len(vectors), state)
        if not len(contenders):
            contenders = state.open_candidates()[:SHORTLIST]
        if not len(contenders):
            break
        gains = measure.gains(contenders, state.cover)
        best = int(np.argmax(objective.scores(gains, contenders)))
        pick = int(contenders[best])
        state.accept(pick, int(gains[best]), measure.rows[pick])
        sampled.move_cover(state.cover)
        covers.append(state.cover.copy())
    return covers
