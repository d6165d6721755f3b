"""Gains of single candidates, measured over all points or over a larger sample."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dynosaur_etl.selection.greedy.kernels import dense_gain, weighted_gain
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.greedy.samples import approximate_similarities, most_promising
from dynosaur_etl.selection.vectors.compiling import compiled
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Similarity

CACHED_CELLS = 2**26


def gain_over(row: Similarity, cover: Similarity, weight: IntArray | None) -> int:
    """Return what a row of similarities adds to a cover, summed over the points, weighted."""
    if weight is None:
        return int(compiled(dense_gain)(row, cover))
    return int(compiled(weighted_gain)(row, cover, weight))


@dataclass
class MeasuredGains:
    """Gains of single candidates over some points; keeps the rows that it computed.

    Attributes:
        width: number of the points.
        rows_of: returns rows of similarities to them: `Vectors.rows`, or `near_rows`, which is
            faster.
        weight: what covering each of the points is worth; None for 1.
    """

    width: int
    rows_of: Callable[[IntArray], Similarity]
    weight: IntArray | None = None
    rows: dict[int, Similarity] = field(default_factory=dict)

    def gains(self, at: IntArray, cover: Similarity) -> IntArray:
        """Return the gains of candidates over a cover."""
        self._fetch(at)
        gains = np.empty(len(at), np.int64)
        for place, a in enumerate(at.tolist()):
            gains[place] = gain_over(self.rows[a], cover, self.weight)
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

    def __init__(self, run: GreedyRun, points: IntArray) -> None:
        self._vectors = run.vectors
        self._points = points
        self._factors = run.vectors.floats[points]
        self._scale = run.weight_total / len(points)
        self._measured = MeasuredGains(len(points), self._rows)

    def finalists(self, run: GreedyRun, shortlist: IntArray, count: int) -> IntArray:
        """Return positions of the most promising of a shortlist, ascending."""
        gains = self._measured.gains(shortlist, run.state.cover[self._points]) * self._scale
        return most_promising(run, shortlist, gains, count)

    def cover_by(self, pick: int, cover: Similarity) -> None:
        """Raise the cover of the sample's points by a pick of the last shortlist."""
        row = self._measured.rows[pick]
        cover[self._points] = np.maximum(cover[self._points], row)

    def _rows(self, at: IntArray) -> Similarity:
        rows = np.empty((len(at), len(self._points)), np.int32)
        vectors = self._vectors
        approximate_similarities(
            vectors.floats[at], self._factors, vectors.unity, vectors.one, rows
        )
        return rows
