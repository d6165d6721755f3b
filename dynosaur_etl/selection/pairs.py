"""One pass over all pairs of points that keeps those which can still matter.

The cover of a point never falls. After some picks only the pairs with s(v, a) > cover(v) can ever
add anything, about N^2 / (4 t) of them after t picks, and greedy selection runs on from there on
this sparse list with the very result that it has on the full matrix. Nothing of size N^2 is ever
stored: the matrix passes by in square tiles, each used in both directions.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.device import products
from dynosaur_etl.selection.kernels import (
    compiled,
    compress,
    count_above,
    cpu_count,
    list_above,
    one_blas_thread,
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


class Tiles:
    """Makes tiles in several threads, each with a buffer of its own."""

    def __init__(self, vectors: Vectors) -> None:
        self._products = products(vectors.floats)
        self._unity = vectors.unity
        self._own = threading.local()
        self._starts = range(0, len(vectors), BLOCK)

    def places(self) -> Iterator[tuple[int, int]]:
        """First row and column of every unordered pair of blocks."""
        for row in self._starts:
            for column in self._starts[row // BLOCK :]:
                yield row, column

    def tile(self, row: int, column: int) -> Tile:
        """One tile; its products are overwritten by this thread's next one."""
        if not hasattr(self._own, "buffer"):
            self._own.buffer = np.empty(BLOCK * BLOCK, np.float32)
        height, width = (min(BLOCK, self._starts.stop - start) for start in (row, column))
        tile = self._own.buffer[: height * width].reshape(height, width)
        self._products(slice(row, row + height), slice(column, column + width), tile)
        if row == column:
            np.fill_diagonal(tile, self._unity)
        return Tile(row, column, tile)


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
        buckets: the pairs above the last cover.
    """

    bounds: NDArray[np.float64]
    buckets: Buckets


@dataclass(frozen=True)
class Found:
    """What one tile gives to a sweep.

    Attributes:
        row_gains: parts of the gains of the tile's rows at each stage [stages, height].
        column_gains: the same of its columns.
        listed: (first candidate, candidates, points, values) of the pairs that matter.
    """

    row: int
    column: int
    row_gains: NDArray[np.float32]
    column_gains: NDArray[np.float32]
    listed: list[tuple[int, NDArray[np.int16], NDArray[np.int32], Similarity]]


def sweep(vectors: Vectors, covers: list[Similarity]) -> Sweep:
    """Bound all gains at every cover but the last, and list the pairs above the last."""
    stages = floors(np.array(covers[:-1]).reshape(-1, len(vectors)), vectors)
    last_floors = floors(covers[-1], vectors)
    bounds = np.zeros(stages.shape)
    buckets = Buckets(len(vectors))
    source = Tiles(vectors)

    def work(place: tuple[int, int]) -> Found:
        tile = source.tile(*place)
        gains = stage_parts(tile, stages)
        return Found(*place, *gains, list_pairs(tile, vectors, covers[-1], last_floors))

    with one_blas_thread(), ThreadPoolExecutor(cpu_count()) as pool:
        for found in pool.map(work, source.places()):
            bounds[:, found.row :][:, : found.row_gains.shape[1]] += found.row_gains
            bounds[:, found.column :][:, : found.column_gains.shape[1]] += found.column_gains
            for part in found.listed:
                buckets.add(*part)
    scale = vectors.one / vectors.unity * (1 + SUM_SLACK)
    return Sweep(bounds * scale, buckets)


def stage_parts(
    tile: Tile, stages: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The tile's part of all gains at each stage, of its rows and of its columns."""
    height, width = tile.products.shape
    rows = np.ascontiguousarray(stages[:, tile.row :][:, :height])
    columns = np.ascontiguousarray(stages[:, tile.column :][:, :width])
    row_gains, column_gains = np.zeros(rows.shape, np.float32), np.zeros(columns.shape, np.float32)
    if len(stages):
        kernel = reassociated(stage_gains)
        kernel(tile.products, rows, columns, row_gains, column_gains, 0, height)
    return row_gains, np.zeros_like(column_gains) if tile.diagonal else column_gains


def list_pairs(
    tile: Tile, vectors: Vectors, cover: Similarity, last_floors: NDArray[np.float32]
) -> list[tuple[int, NDArray[np.int16], NDArray[np.int32], Similarity]]:
    """The tile's pairs above the cover of either of their points, by candidate."""
    height, width = tile.products.shape
    row_cover, column_cover = cover[tile.row :][:height], cover[tile.column :][:width]
    span = (tile.products, last_floors[tile.row :], last_floors[tile.column :], 0, height)
    size = compiled(count_above)(*span)
    rows, columns = np.empty(size, np.int16), np.empty(size, np.int16)
    compiled(list_above)(*span, rows, columns)
    values = exact_values(tile, vectors, rows, columns)
    found = []
    if tile.diagonal:
        values[rows == columns] = vectors.one
    else:
        keep = values > row_cover[rows]
        points = tile.row + rows[keep].astype(np.int32)
        found.append((tile.column, columns[keep], points, values[keep]))
    keep = values > column_cover[columns]
    points = tile.column + columns[keep].astype(np.int32)
    found.append((tile.row, rows[keep], points, values[keep]))
    return found


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
    size = min(len(vectors), 128)
    sample = vectors.working(np.random.default_rng(seed).choice(len(vectors), size, replace=False))
    limits = floors(cover, vectors)
    above = 0
    for start in range(0, len(vectors), BLOCK):
        block = slice(start, start + BLOCK)
        above += int((vectors.floats[block] @ sample.T > limits[block, None]).sum())
    return above * len(vectors) // size
