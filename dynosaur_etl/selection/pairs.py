"""One pass over all pairs of points that keeps those which can still matter.

The cover of a point never falls. After some picks only the pairs with s(v, a) > cover(v) can ever
add anything, about N^2 / (4 t) of them after t picks, and greedy selection runs on from there on
this sparse list with the very result that it has on the full matrix. Nothing of size N^2 is ever
stored: the matrix passes by in square tiles, each used in both directions.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.kernels import (
    compiled,
    compress,
    count_above,
    in_chunks,
    list_above,
    pair_dots,
    reassociated,
    stage_gains,
)
from dynosaur_etl.selection.vectors import BLOCK, FINE, FloatArray, IntArray, Similarity, Vectors

BYTES_PER_PAIR = 18
SUM_SLACK = 1e-4


@dataclass(frozen=True)
class Pairs:
    """Sparse similarities by candidate: row a lists the points that a can cover better."""

    starts: IntArray
    points: NDArray[np.int32]
    values: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.points)


@dataclass
class Buckets:
    """Pairs in the order in which tiles give them, by block of candidates."""

    count: int
    parts: list[list[tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.int32]]]] = field(
        init=False
    )

    def __post_init__(self) -> None:
        self.parts = [[] for _ in range(0, self.count, BLOCK)]

    def add(
        self, first: int, candidates: NDArray[np.int16], points: Similarity, values: Similarity
    ) -> None:
        self.parts[first // BLOCK].append((candidates, points, values))

    def pairs(self) -> Pairs:
        """All pairs, sorted by candidate; empties the buckets as it goes."""
        total = sum(len(part[0]) for parts in self.parts for part in parts)
        starts = np.zeros(self.count + 1, np.int64)
        points, values = np.empty(total, np.int32), np.empty(total, np.int32)
        end = 0
        for block, parts in enumerate(self.parts):
            size = min(BLOCK, self.count - block * BLOCK)
            local = np.zeros(size + 1, np.int64)
            columns = [np.concatenate(c) for c in zip(*parts, strict=True)] if parts else None
            parts.clear()
            if columns is not None:
                stop = end + len(columns[0])
                compiled(compress)(*columns, local, points[end:stop], values[end:stop])
            starts[block * BLOCK + 1 : block * BLOCK + size + 1] = end + local[1:]
            end += int(local[-1])
        return Pairs(starts, points, values)


@dataclass(frozen=True)
class Tile:
    """Products of two blocks of points, rows before columns, in the vectors' working type."""

    row: int
    column: int
    products: FloatArray

    @property
    def diagonal(self) -> bool:
        return self.row == self.column


def tiles(vectors: Vectors) -> Iterator[Tile]:
    """Every unordered pair of blocks once."""
    factors = np.empty(vectors.values.shape, np.float32)
    starts = range(0, len(vectors), BLOCK)
    for row in starts:
        factors[row : row + BLOCK] = vectors.working(slice(row, row + BLOCK))
    for row in starts:
        for column in starts[row // BLOCK :]:
            products = factors[row : row + BLOCK] @ factors[column : column + BLOCK].T
            if row == column:
                np.fill_diagonal(products, vectors.unity)
            yield Tile(row, column, products)


def slack(vectors: Vectors) -> float:
    """How far a fine similarity can lie above its float32 product; 0 where products are exact.

    The classical bound of a dot product, d units of rounding, with room for the rounding of the
    factors and of the cover that it is compared with.
    """
    return (vectors.dimensions + 8) * 2.0**-24 if vectors.resolution is FINE else 0.0


def floors(covers: Similarity, vectors: Vectors) -> NDArray[np.float32]:
    """Products at or below these cannot beat the covers."""
    if vectors.resolution is FINE:
        return (covers / vectors.one - slack(vectors)).astype(np.float32)
    return covers.astype(np.float32)


@dataclass(frozen=True)
class Sweep:
    """What one pass finds.

    Attributes:
        bounds: upper bounds of all gains [stages, n] at each of the given covers, fixed point.
        pairs: the pairs above the last cover.
    """

    bounds: NDArray[np.float64]
    pairs: Pairs


def sweep(vectors: Vectors, covers: list[Similarity]) -> Sweep:
    """Bound all gains at every cover but the last, and list the pairs above the last."""
    stages = floors(np.array(covers[:-1]).reshape(-1, len(vectors)), vectors)
    bounds = np.zeros(stages.shape)
    buckets = Buckets(len(vectors))
    with ThreadPoolExecutor() as pool:
        for tile in tiles(vectors):
            if len(stages):
                add_bounds(tile, stages, bounds, pool)
            add_pairs(tile, vectors, covers[-1], buckets, pool)
    scale = vectors.one / vectors.unity * (1 + SUM_SLACK)
    return Sweep(bounds * scale, buckets.pairs())


def add_bounds(
    tile: Tile, stages: NDArray[np.float32], bounds: NDArray[np.float64], pool: Executor
) -> None:
    height, width = tile.products.shape
    rows, columns = stages[:, tile.row :][:, :height], stages[:, tile.column :][:, :width]
    rows, columns = np.ascontiguousarray(rows), np.ascontiguousarray(columns)
    row_gains = np.zeros(rows.shape, np.float32)

    def work(start: int, stop: int) -> NDArray[np.float32]:
        column_gains = np.zeros(columns.shape, np.float32)
        kernel = reassociated(stage_gains)
        kernel(tile.products, rows, columns, row_gains, column_gains, start, stop)
        return column_gains

    parts = in_chunks(pool, work, height)
    bounds[:, tile.row : tile.row + height] += row_gains
    if not tile.diagonal:
        bounds[:, tile.column : tile.column + width] += np.sum(parts, axis=0)


def add_pairs(
    tile: Tile, vectors: Vectors, cover: Similarity, buckets: Buckets, pool: Executor
) -> None:
    height, width = tile.products.shape
    row_cover, column_cover = cover[tile.row :][:height], cover[tile.column :][:width]
    row_floor, column_floor = floors(row_cover, vectors), floors(column_cover, vectors)

    def listed(start: int, stop: int) -> tuple[NDArray[np.int16], NDArray[np.int16], Similarity]:
        span = (tile.products, row_floor, column_floor, start, stop)
        size = compiled(count_above)(*span)
        rows, columns = np.empty(size, np.int16), np.empty(size, np.int16)
        compiled(list_above)(*span, rows, columns)
        return rows, columns, exact_values(tile, vectors, rows, columns)

    for rows, columns, values in in_chunks(pool, listed, height):
        if tile.diagonal:
            values[rows == columns] = vectors.one
        else:
            keep = values > row_cover[rows]
            points = tile.row + rows[keep].astype(np.int32)
            buckets.add(tile.column, columns[keep], points, values[keep])
        keep = values > column_cover[columns]
        points = tile.column + columns[keep].astype(np.int32)
        buckets.add(tile.row, rows[keep], points, values[keep])


def exact_values(
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
    """About how many pairs lie above a cover, from a sample of candidates."""
    size = min(len(vectors), 256)
    sample = np.random.default_rng(seed).choice(len(vectors), size, replace=False)
    above = 0
    for start in range(0, size, 32):
        above += int((vectors.rows(sample[start : start + 32]) > cover).sum())
    return above * len(vectors) // size
