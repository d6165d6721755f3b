"""The matrix of all products in square tiles, each used in both directions and never stored."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dynosaur_etl.selection.vectors.fixed_point import BLOCK, FloatArray, Vectors
from dynosaur_etl.selection.vectors.products import products


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
        """Yield first row and column of every unordered pair of blocks."""
        for row in self._starts:
            for column in self._starts[row // BLOCK :]:
                yield row, column

    def tile(self, row: int, column: int) -> Tile:
        """Return one tile; its products are overwritten by this thread's next one."""
        if not hasattr(self._own, "buffer"):
            self._own.buffer = np.empty(BLOCK * BLOCK, np.float32)
        height, width = (min(BLOCK, self._starts.stop - start) for start in (row, column))
        tile = self._own.buffer[: height * width].reshape(height, width)
        self._products(slice(row, row + height), slice(column, column + width), tile)
        if row == column:
            np.fill_diagonal(tile, self._unity)
        return Tile(row, column, tile)
