"""The first picks, found on samples of the points.

The first picks of a greedy selection are its dearest: nothing is covered yet, so every pair of
points matters. Here a sample of points ranks the candidates, and a larger one the best of them. In
a forecast the best of these are measured against the whole pool: that gives greedy's own first
picks nearly always; `exact` proves it, `near-exact` takes it as it is. The modes that approximate
anyway take the best of the larger sample.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.kernels import (
    compiled,
    cpu_count,
    dense_gain,
    in_chunks,
    one_blas_thread,
    shift_gains,
)
from dynosaur_etl.selection.objective import Objective
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import BLOCK, IntArray, Similarity, Vectors

SAMPLE_ONE = 2**15 - 1
CACHED_CELLS = 2**26
SMALL_POOL = 20_000
ROWS_AT_ONCE = 16


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


QUICK = Effort(2**25, 512, 1024, 128, 8192, 1)
CLOSE = Effort(2**26, 512, 2048, 512, 16384, 1)
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
            sampled_similarities(vectors, points, candidates),
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


def sampled_similarities(
    vectors: Vectors, points: IntArray, candidates: IntArray
) -> NDArray[np.int16]:
    """Similarities [points, candidates], `SAMPLE_ONE` is 1."""
    out = np.empty((len(points), len(candidates)), np.int16)
    left = vectors.floats[points]

    def fill(start: int) -> None:
        part = slice(start, start + BLOCK)
        right = vectors.floats[candidates[part]]
        approximate_similarities(left, right, vectors.unity, SAMPLE_ONE, out[:, part])

    with one_blas_thread(), ThreadPoolExecutor(cpu_count()) as pool:
        for _ in pool.map(fill, range(0, len(candidates), BLOCK)):
            pass
    return out


def most_promising(
    candidates: IntArray,
    gains: NDArray[np.floating],
    objective: Objective,
    state: State,
    count: int,
) -> IntArray:
    """Positions of the open candidates with the best scores, ascending."""
    is_open = ~state.closed(candidates)
    candidates, gains = candidates[is_open], gains[is_open]
    scores = objective.scores(gains, candidates)
    if len(scores) > count:
        among = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
        best = among[np.argsort(-scores[among], kind="stable")[:count]]
        candidates = candidates[best]
    return np.sort(candidates)


def approximate_similarities(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    unity: int,
    one: int,
    out: NDArray[Any],
) -> None:
    """Write similarities [rows, columns] from float32 products, good enough to rank by.

    Args:
        left: factors of the rows [m, d].
        right: factors of the columns [n, d].
        unity: what similarity 1 is in a product of factors.
        one: what it is in `out`.
        out: of any type of number.
    """
    for start in range(0, len(right), BLOCK):
        products = left @ right[start : start + BLOCK].T
        np.clip(products, 0, unity, out=products)
        np.multiply(products, one / unity, out=out[:, start : start + BLOCK], casting="unsafe")


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

    def __init__(self, vectors: Vectors, points: IntArray) -> None:
        self._vectors = vectors
        self._points = points
        self._factors = vectors.floats[points]
        self._scale = len(vectors) / len(points)
        self._measure = Measure(len(points), self._rows)

    def finalists(
        self, shortlist: IntArray, objective: Objective, state: State, count: int
    ) -> IntArray:
        """Positions of the most promising of a shortlist, ascending."""
        gains = self._measure.gains(shortlist, state.cover[self._points]) * self._scale
        return most_promising(shortlist, gains, objective, state, count)

    def cover_by(self, pick: int, cover: Similarity) -> None:
        """Raise the cover of the sample's points to what one of the last shortlist gives."""
        row = self._measure.rows[pick]
        cover[self._points] = np.maximum(cover[self._points], row)

    def _rows(self, at: IntArray) -> Similarity:
        rows = np.empty((len(at), len(self._points)), np.int32)
        vectors = self._vectors
        approximate_similarities(
            vectors.floats[at], self._factors, vectors.unity, vectors.one, rows
        )
        return rows


def pick_by_samples(
    vectors: Vectors, state: State, objective: Objective, count: int, effort: Effort, seed: int
) -> None:
    """Make the next `count` picks on `state`, or fewer, as a sample of the points tells.

    The gains of all points are computed once, at the end.
    """
    seen = state.copy()
    sampled = SampledGains.of(vectors, seen, effort, seed)
    screen = Screen(vectors, np.union1d(sampled.points, screened(vectors, effort, seed)))
    for _ in range(count):
        shortlist = sampled.shortlist(objective, len(vectors), seen, effort.shortlist)
        if not len(shortlist):
            break
        pick = int(screen.finalists(shortlist, objective, seen, 1)[0])
        seen.record(pick, 0)
        screen.cover_by(pick, seen.cover)
        sampled.move_cover(seen.cover)
    picks = np.array(seen.order[len(state.order) :], np.int64)
    for part in np.split(picks, range(ROWS_AT_ONCE, len(picks), ROWS_AT_ONCE)):
        for pick, row in zip(part.tolist(), vectors.near_rows(part), strict=True):
            state.accept(pick, int(compiled(dense_gain)(row, state.cover)), row)


def screened(vectors: Vectors, effort: Effort, seed: int) -> IntArray:
    """Positions of the points of the second sample, ascending."""
    size = min(effort.screen, len(vectors))
    chosen = np.random.default_rng(seed + 1).choice(len(vectors), size, replace=False)
    return np.sort(chosen).astype(np.int64)


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
    screen = Screen(vectors, screened(vectors, effort, seed))
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
