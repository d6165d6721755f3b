"""Samples of the points, on which all candidates are ranked."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.greedy.kernels import shift_gains
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.vectors.compiling import Array, compiled
from dynosaur_etl.selection.vectors.fixed_point import BLOCK, IntArray, Similarity, Vectors
from dynosaur_etl.selection.vectors.threads import cpu_count, in_chunks, one_blas_thread

_SAMPLE_ONE = 2**15 - 1
_SMALL_POOL = 20_000


@dataclass(frozen=True)
class SampleSizes:
    """How closely sampled greedy looks.

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


QUICK = SampleSizes(2**25, 512, 1024, 128, 8192, 1)
CLOSE = SampleSizes(2**26, 512, 2048, 512, 16384, 1)
CAREFUL = SampleSizes(2**25, 768, 1024, 320, 4096, 48)
THOROUGH = SampleSizes(2**27, 768, 2048, 1024, 8192, 96)


def warm_start_sizes(count: int) -> SampleSizes:
    """Return the sizes that give greedy's own first picks nearly always."""
    return CAREFUL if count <= _SMALL_POOL else THOROUGH


@dataclass
class SampledGains:
    """Gains of candidates, summed over a sample of points.

    Attributes:
        similarity: of points and candidates [points, candidates], 2**15 - 1 is 1.
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
    def of(cls, run: GreedyRun, sizes: SampleSizes) -> "SampledGains":
        """Draw a sample, and measure the candidates on it."""
        points, candidates = _drawn(run, sizes)
        sampled = cls(
            candidates,
            points,
            _sampled_similarities(run.vectors, points, candidates),
            run.vectors.one / _SAMPLE_ONE,
            np.full(len(points), _SAMPLE_ONE, np.int32),
            np.zeros(len(candidates), np.int32),
        )
        sampled.move_cover(run.state.cover)
        return sampled

    def shortlist(self, run: GreedyRun, count: int) -> IntArray:
        """Return positions of the most promising candidates, ascending."""
        scale = self.unit * run.weight_total / len(self.points)
        return most_promising(run, self.candidates, self.gains * scale, count)

    def move_cover(self, cover: Similarity) -> None:
        """Update the gains to a new cover of the pool."""
        new = (cover[self.points] / self.unit).astype(np.int32)

        def shift(start: int, stop: int) -> None:
            kernel = compiled(shift_gains)
            kernel(self.similarity, self.cover, new, self.gains, start, stop)

        with ThreadPoolExecutor() as pool:
            in_chunks(pool, shift, len(self.candidates))
        self.cover = new


def _drawn(run: GreedyRun, sizes: SampleSizes) -> tuple[IntArray, IntArray]:
    """A sample of the points, and of the candidates where not all fit, both ascending."""
    rng, candidates, count = np.random.default_rng(run.seed), run.state.open_candidates(), len(run)
    wanted = int(np.clip(sizes.cells // count, sizes.smallest_sample, sizes.largest_sample))
    size = min(wanted, count)
    points = drawn_points(run, rng, size)
    most = max(sizes.cells // size, 1)
    if len(candidates) > most:
        candidates = np.sort(rng.choice(candidates, most, replace=False))
    return points, candidates


def drawn_points(run: GreedyRun, rng: np.random.Generator, size: int) -> IntArray:
    """Draw points, ascending; by their weights where they have any, a heavy one more than once."""
    weight, total = run.state.weight, run.weight_total
    if weight is None:
        return np.sort(rng.choice(len(run), size, replace=False)).astype(np.int64)
    return np.sort(rng.choice(len(run), size, p=weight / total)).astype(np.int64)


def _sampled_similarities(
    vectors: Vectors, points: IntArray, candidates: IntArray
) -> NDArray[np.int16]:
    out = np.empty((len(points), len(candidates)), np.int16)
    left = vectors.floats[points]

    def fill(start: int) -> None:
        part = slice(start, start + BLOCK)
        right = vectors.floats[candidates[part]]
        approximate_similarities(left, right, vectors.unity, _SAMPLE_ONE, out[:, part])

    with one_blas_thread(), ThreadPoolExecutor(cpu_count()) as pool:
        for _ in pool.map(fill, range(0, len(candidates), BLOCK)):
            pass
    return out


def most_promising(
    run: GreedyRun, candidates: IntArray, gains: NDArray[np.floating], count: int
) -> IntArray:
    """Return positions of the open candidates with the best scores, ascending."""
    is_open = ~run.state.unavailable(candidates)
    candidates, gains = candidates[is_open], gains[is_open]
    scores = run.objective.scores(gains, candidates)
    if len(scores) > count:
        among = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
        best = among[np.argsort(-scores[among], kind="stable")[:count]]
        candidates = candidates[best]
    return np.sort(candidates)


def approximate_similarities(
    left: Array, right: Array, unity: int, one: int, out: NDArray[Any]
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
