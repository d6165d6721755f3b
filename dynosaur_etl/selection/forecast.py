"""The first picks, found on a sample of points and measured on all.

The first picks of a greedy selection are its dearest: nothing is covered yet, so every pair of
points matters. Here a sample of points ranks the candidates, a larger one the best of them, and
the best of these are measured against the whole pool. The result is greedy's own first picks
nearly always; `exact` proves it, the other modes take it as it is.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.kernels import compiled, dense_gain, in_chunks, shift_gains
from dynosaur_etl.selection.objective import Objective
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import BLOCK, IntArray, Similarity, Vectors

SAMPLE_CELLS = 2**27
SMALLEST_SAMPLE = 768
LARGEST_SAMPLE = 2048
SAMPLE_ONE = 2**15 - 1
SHORTLIST = 1024
SCREEN_POINTS = 8192
FINALISTS = 96
CACHED_CELLS = 2**26


@dataclass
class SampledGains:
    """Gains of candidates, summed over a sample of points.

    Attributes:
        similarity: of points and candidates [points, candidates], `SAMPLE_ONE` is 1.
        unit: fixed-point value of one step of `similarity`.
        cover: of the points, as of the gains, in the same steps.
    """

    candidates: IntArray
    points: IntArray
    similarity: NDArray[np.int16]
    unit: float
    cover: NDArray[np.int32]
    gains: NDArray[np.int32]

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
            approximate_similarities(vectors, points, candidates, SAMPLE_ONE, np.int16),
            vectors.one / SAMPLE_ONE,
            np.full(size, SAMPLE_ONE, np.int32),
            np.zeros(len(candidates), np.int32),
        )
        sampled.move_cover(state.cover)
        return sampled

    def shortlist(self, objective: Objective, pool_size: int, state: State) -> IntArray:
        """Positions of the most promising candidates, ascending."""
        scale = self.unit * pool_size / len(self.points)
        return most_promising(self.candidates, self.gains * scale, objective, state, SHORTLIST)

    def move_cover(self, cover: Similarity) -> None:
        new = (cover[self.points] / self.unit).astype(np.int32)

        def shift(start: int, stop: int) -> None:
            kernel = compiled(shift_gains)
            kernel(self.similarity, self.cover, new, self.gains, start, stop)

        with ThreadPoolExecutor() as pool:
            in_chunks(pool, shift, len(self.candidates))
        self.cover = new


def most_promising(
    candidates: IntArray,
    gains: NDArray[np.floating],
    objective: Objective,
    state: State,
    count: int,
) -> IntArray:
    """Positions of the open candidates with the best scores, ascending."""
    scores = objective.scores(gains, candidates)
    scores[state.closed(candidates)] = -np.inf
    best = np.argsort(-scores, kind="stable")[:count]
    return np.sort(candidates[best[np.isfinite(scores[best])]])


def approximate_similarities(
    vectors: Vectors, rows: IntArray, columns: IntArray, one: int, kind: type
) -> NDArray[Any]:
    """Similarities [rows, columns] from float32 products, good enough to rank by; `one` is 1."""
    left, right = vectors.floats[rows], vectors.floats[columns]
    out: NDArray[Any] = np.empty((len(rows), len(columns)), kind)
    for start in range(0, len(columns), BLOCK):
        products = left @ right[start : start + BLOCK].T
        np.clip(products, 0, vectors.unity, out=products)
        np.multiply(
            products, one / vectors.unity, out=out[:, start : start + BLOCK], casting="unsafe"
        )
    return out


@dataclass
class Measure:
    """Gains of single candidates over some points; keeps the rows that it computed.

    Attributes:
        width: number of the points.
        rows_of: gives rows of similarities to them: `Vectors.rows`, or `near_rows`, which is
            faster.
    """

    width: int
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
        if (len(self.rows) + len(missing)) * self.width > CACHED_CELLS:
            self.rows.clear()
            missing = at
        if len(missing):
            self.rows.update(zip(missing.tolist(), self.rows_of(missing), strict=True))


class Screen:
    """Ranks a shortlist on a larger sample of points, so that few have to be measured on all."""

    def __init__(self, vectors: Vectors, seed: int) -> None:
        size = min(SCREEN_POINTS, len(vectors))
        chosen = np.random.default_rng(seed + 1).choice(len(vectors), size, replace=False)
        self._points = np.sort(chosen).astype(np.int64)
        self._scale = len(vectors) / size
        self._measure = Measure(
            size,
            lambda at: approximate_similarities(vectors, at, self._points, vectors.one, np.int32),
        )

    def finalists(self, shortlist: IntArray, objective: Objective, state: State) -> IntArray:
        """Positions of the most promising of a shortlist, ascending."""
        gains = self._measure.gains(shortlist, state.cover[self._points]) * self._scale
        return most_promising(shortlist, gains, objective, state, FINALISTS)


def forecast(
    vectors: Vectors,
    measure: Measure,
    state: State,
    objective: Objective,
    count: int,
    seed: int,
) -> list[Similarity]:
    """Make the next `count` picks on `state`, or fewer where no more can be made.

    Returns:
        The cover before each pick, and after the last.
    """
    covers = [state.cover.copy()]
    sampled, screen = SampledGains.of(vectors, state, seed), Screen(vectors, seed)
    for _ in range(count):
        shortlist = sampled.shortlist(objective, len(vectors), state)
        if not len(shortlist):
            shortlist = state.open_candidates()[:SHORTLIST]
        if not len(shortlist):
            break
        contenders = screen.finalists(shortlist, objective, state)
        gains = measure.gains(contenders, state.cover)
        best = int(np.argmax(objective.scores(gains, contenders)))
        pick = int(contenders[best])
        state.accept(pick, int(gains[best]), measure.rows[pick])
        sampled.move_cover(state.cover)
        covers.append(state.cover.copy())
    return covers
