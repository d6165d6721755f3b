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

SAMPLE_ONE = 2**15 - 1
CACHED_CELLS = 2**26
SMALL_POOL = 20_000


@dataclass(frozen=True)
class Effort:
    """How closely a forecast looks.

    Attributes:
        cells: most similarities of the sample, which all candidates are ranked on.
        smallest_sample: points of the sample where `cells` allows no more for all candidates.
        largest_sample: points of the sample at most.
        shortlist: candidates that are ranked on a larger sample.
        screen: points of that one.
        finalists: candidates that are measured on all points.
    """

    cells: int
    smallest_sample: int
    largest_sample: int
    shortlist: int
    screen: int
    finalists: int


QUICK = Effort(2**24, 512, 1024, 128, 4096, 12)
CAREFUL = Effort(2**25, 768, 1024, 320, 4096, 48)
THOROUGH = Effort(2**27, 768, 2048, 1024, 8192, 96)


def effort_to_foresee(count: int) -> Effort:
    """Enough to foresee greedy's own first picks nearly always."""
    return CAREFUL if count <= SMALL_POOL else THOROUGH


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
    def of(cls, vectors: Vectors, state: State, effort: Effort, seed: int) -> "SampledGains":
        rng = np.random.default_rng(seed)
        candidates = state.open_candidates()
        wanted = effort.cells // len(vectors)
        wanted = int(np.clip(wanted, effort.smallest_sample, effort.largest_sample))
        size = min(wanted, len(vectors))
        points = np.sort(rng.choice(len(vectors), size, replace=False))
        most = max(effort.cells // size, 1)
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

    def shortlist(self, objective: Objective, pool_size: int, state: State, count: int) -> IntArray:
        """Positions of the most promising candidates, ascending."""
        scale = self.unit * pool_size / len(self.points)
        return most_promising(self.candidates, self.gains * scale, objective, state, count)

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

    def __init__(self, vectors: Vectors, points: int, seed: int) -> None:
        size = min(points, len(vectors))
        chosen = np.random.default_rng(seed + 1).choice(len(vectors), size, replace=False)
        self._points = np.sort(chosen).astype(np.int64)
        self._scale = len(vectors) / size
        self._measure = Measure(
            size,
            lambda at: approximate_similarities(vectors, at, self._points, vectors.one, np.int32),
        )

    def finalists(
        self, shortlist: IntArray, objective: Objective, state: State, count: int
    ) -> IntArray:
        """Positions of the most promising of a shortlist, ascending."""
        gains = self._measure.gains(shortlist, state.cover[self._points]) * self._scale
        return most_promising(shortlist, gains, objective, state, count)


def forecast(
    vectors: Vectors,
    measure: Measure,
    state: State,
    objective: Objective,
    count: int,
    effort: Effort,
    seed: int,
) -> list[Similarity]:
    """Make the next `count` picks on `state`, or fewer where no more can be made.

    Returns:
        The cover before each pick, and after the last.
    """
    covers = [state.cover.copy()]
    sampled = SampledGains.of(vectors, state, effort, seed)
    screen = Screen(vectors, effort.screen, seed)
    for _ in range(count):
        shortlist = sampled.shortlist(objective, len(vectors), state, effort.shortlist)
        if not len(shortlist):
            shortlist = state.open_candidates()[: effort.shortlist]
        if not len(shortlist):
            break
        contenders = screen.finalists(shortlist, objective, state, effort.finalists)
        gains = measure.gains(contenders, state.cover)
        best = int(np.argmax(objective.scores(gains, contenders)))
        pick = int(contenders[best])
        state.accept(pick, int(gains[best]), measure.rows[pick])
        sampled.move_cover(state.cover)
        covers.append(state.cover.copy())
    return covers
