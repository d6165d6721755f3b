"""One pass over all pairs of points that keeps those which can still matter.

The cover of a point never falls. After some picks only the pairs with s(v, a) > cover(v) can ever
add anything, about N^2 / (4 t) of them after t picks, and greedy selection runs on from there on
this sparse list with the very result that it has on the full matrix. Nothing of size N^2 is ever
stored: the matrix passes by in square tiles, each used in both directions.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.exact.buckets import Buckets
from dynosaur_etl.selection.exact.kernels import (
    count_above,
    list_above,
    pair_dots,
    stage_gains,
    weighted_stage_gains,
)
from dynosaur_etl.selection.exact.tiles import Tile, Tiles
from dynosaur_etl.selection.vectors.compiling import compiled, reassociated
from dynosaur_etl.selection.vectors.fixed_point import BLOCK, FINE, IntArray, Similarity, Vectors
from dynosaur_etl.selection.vectors.threads import cpu_count, one_blas_thread

BYTES_PER_PAIR = 18
_SUM_SLACK = 1e-4
_SAMPLED_CANDIDATES = 128

Listed = tuple[int, NDArray[np.int16], NDArray[np.int32], Similarity]
"""First candidate of a block, candidates in it, points and similarities of pairs that matter."""


def floors(covers: Similarity, vectors: Vectors) -> NDArray[np.float32]:
    """Return the products at or below which nothing can beat the covers."""
    if vectors.resolution is FINE:
        return (covers / vectors.one - _slack(vectors)).astype(np.float32)
    return covers.astype(np.float32)


def _slack(vectors: Vectors) -> float:
    """How far a fine similarity can lie above its float32 product.

    The classical bound of a dot product, d units of rounding, with room for the rounding of the
    factors and of the cover that it is compared with.
    """
    return (vectors.dimensions + 8) * 2.0**-24


@dataclass(frozen=True)
class PairPass:
    """What one pass finds.

    Attributes:
        bounds: upper bounds of all gains [stages, n] at each of the given covers, fixed point.
        buckets: the pairs above the last cover.
    """

    bounds: NDArray[np.float64]
    buckets: Buckets


@dataclass(frozen=True)
class TileParts:
    """What one tile gives to a pass.

    Attributes:
        row_gains: parts of the gains of the tile's rows at each stage [stages, height].
        column_gains: the same of its columns.
        listed: the pairs that matter.
    """

    row: int
    column: int
    row_gains: NDArray[np.float32]
    column_gains: NDArray[np.float32]
    listed: list[Listed]


@dataclass(frozen=True)
class Stages:
    """Covers at which gains are bounded.

    Attributes:
        floors: products at or below which nothing can beat them [stages, n].
        weight: of the points, float32 [n], or None for 1.
    """

    floors: NDArray[np.float32]
    weight: NDArray[np.float32] | None

    def part(self, first: int, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return floors and weights of some points."""
        span = slice(first, first + size)
        weight = np.ones(0, np.float32) if self.weight is None else self.weight[span]
        return np.ascontiguousarray(self.floors[:, span]), weight


def pass_over_pairs(
    vectors: Vectors, covers: list[Similarity], weight: IntArray | None = None
) -> PairPass:
    """Bound all gains at every cover but the last, and list the pairs above the last."""
    stage_floors = floors(np.array(covers[:-1]).reshape(-1, len(vectors)), vectors)
    stages = Stages(stage_floors, None if weight is None else weight.astype(np.float32))
    last_floors = floors(covers[-1], vectors)
    found = PairPass(np.zeros(stage_floors.shape), Buckets(len(vectors)))
    source = Tiles(vectors)

    def work(place: tuple[int, int]) -> TileParts:
        tile = source.tile(*place)
        gains = _stage_parts(tile, stages)
        return TileParts(*place, *gains, _list_pairs(tile, vectors, covers[-1], last_floors))

    with one_blas_thread(), ThreadPoolExecutor(cpu_count()) as pool:
        for parts in pool.map(work, source.places()):
            _gather(found, parts)
    scale = vectors.one / vectors.unity * (1 + _SUM_SLACK)
    return PairPass(found.bounds * scale, found.buckets)


def _gather(found: PairPass, parts: TileParts) -> None:
    for first, gains in ((parts.row, parts.row_gains), (parts.column, parts.column_gains)):
        found.bounds[:, first:][:, : gains.shape[1]] += gains
    for listed in parts.listed:
        found.buckets.add(*listed)


def _stage_parts(tile: Tile, stages: Stages) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The tile's part of all gains at each stage, of its rows and of its columns."""
    height, width = tile.products.shape
    rows, row_weight = stages.part(tile.row, height)
    columns, column_weight = stages.part(tile.column, width)
    row_gains, column_gains = np.zeros(rows.shape, np.float32), np.zeros(columns.shape, np.float32)
    if len(rows) and stages.weight is None:
        kernel = reassociated(stage_gains)
        kernel(tile.products, rows, columns, row_gains, column_gains, 0, height)
    elif len(rows):
        covers, weights = (rows, columns), (row_weight, column_weight)
        reassociated(weighted_stage_gains)(tile.products, covers, weights, row_gains, column_gains)
    return row_gains, np.zeros_like(column_gains) if tile.diagonal else column_gains


def _list_pairs(
    tile: Tile, vectors: Vectors, cover: Similarity, last_floors: NDArray[np.float32]
) -> list[Listed]:
    """The tile's pairs above the cover of either of their points, by candidate."""
    rows, columns = _above(tile, last_floors)
    values = _exact_values(tile, vectors, rows, columns)
    if tile.diagonal:
        values[rows == columns] = vectors.one
        return [_listed(tile.row, rows, tile.column, columns, values, cover)]
    return [
        _listed(tile.column, columns, tile.row, rows, values, cover),
        _listed(tile.row, rows, tile.column, columns, values, cover),
    ]


def _above(
    tile: Tile, last_floors: NDArray[np.float32]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Rows and columns of the products above the floor of either of their points."""
    height = tile.products.shape[0]
    span = (tile.products, last_floors[tile.row :], last_floors[tile.column :], 0, height)
    size = compiled(count_above)(*span)
    rows, columns = np.empty(size, np.int16), np.empty(size, np.int16)
    compiled(list_above)(*span, rows, columns)
    return rows, columns


def _listed(
    first: int,
    candidates: NDArray[np.int16],
    first_point: int,
    points: NDArray[np.int16],
    values: Similarity,
    cover: Similarity,
) -> Listed:
    keep = values > cover[first_point:][points]
    return first, candidates[keep], first_point + points[keep].astype(np.int32), values[keep]


def _exact_values(
    tile: Tile, vectors: Vectors, rows: NDArray[np.int16], columns: NDArray[np.int16]
) -> Similarity:
    """Fixed-point similarities of listed pairs of a tile."""
    if vectors.resolution is not FINE:
        return vectors.fixed(tile.products[rows, columns])
    left = vectors.factors(slice(tile.row, tile.row + BLOCK))
    right = vectors.factors(slice(tile.column, tile.column + BLOCK))
    dots = np.empty(len(rows))
    reassociated(pair_dots)(left, right, rows, columns, dots, 0, len(rows))
    return vectors.fixed(dots)


def estimated_pairs(vectors: Vectors, cover: Similarity, seed: int) -> int:
    """Estimate how many pairs lie above a cover, from a sample of candidates."""
    size = min(len(vectors), _SAMPLED_CANDIDATES)
    sample = vectors.working(np.random.default_rng(seed).choice(len(vectors), size, replace=False))
    limits = floors(cover, vectors)
    above = 0
    for start in range(0, len(vectors), BLOCK):
        block = slice(start, start + BLOCK)
        above += int((vectors.floats[block] @ sample.T > limits[block, None]).sum())
    return above * len(vectors) // size
