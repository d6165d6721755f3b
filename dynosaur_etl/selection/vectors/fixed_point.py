"""Embeddings as integers, so that every similarity is the same on every machine.

A normalised vector is scaled and rounded to integers so small that a dot product of two of them
is exact in floating point, whatever the order of its additions, the block size, the number of
threads or the BLAS. Two resolutions:

- `FINE`: 26 bits, products in float64. A cosine is within 3e-7 of that of the float32 vectors
  at 384 dimensions. It decides the exact order.
- `COARSE`: 12 bits, products in float32 at twice the speed and a quarter of the memory. A cosine
  is off by 1e-4 on average. It decides the modes that approximate anyway.

Cosines below 0 count as 0 (the method's first cover is 0), and a point covers itself fully.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection.vectors.threads import cpu_count

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.int64]
Similarity = NDArray[np.int32]

BLOCK = 1024
READ_BLOCK = 8192
_UNIT_BLOCK = 512


@dataclass(frozen=True)
class Resolution:
    """How vectors are stored and multiplied, and the integer that a similarity of 1 has."""

    name: str
    bits: int
    storage: type
    product: type

    def scale(self, dimensions: int) -> int:
        """Return the largest scale at which no rounded vector is longer than 2**bits."""
        return int(2**self.bits) - ceil(sqrt(dimensions)) - 1

    def one(self, dimensions: int) -> int:
        """Return the fixed-point value of similarity 1; always fits 31 bits."""
        return int(min(2**30, self.scale(dimensions) ** 2))


FINE = Resolution("fine", 26, np.float64, np.float64)
COARSE = Resolution("coarse", 12, np.int16, np.float32)


@dataclass(frozen=True)
class Vectors:
    """Unit vectors as integers [n, d] of one resolution."""

    values: NDArray[np.number]
    resolution: Resolution

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def dimensions(self) -> int:
        return int(self.values.shape[1])

    @cached_property
    def one(self) -> int:
        return self.resolution.one(self.dimensions)

    @cached_property
    def scale(self) -> int:
        return self.resolution.scale(self.dimensions)

    def part(self, at: IntArray) -> "Vectors":
        """Return the vectors at some positions."""
        return Vectors(self.values[at], self.resolution)

    def factors(self, at: IntArray | slice) -> FloatArray:
        """Return rows in the type in which their products are exact."""
        return self.values[at].astype(self.resolution.product, copy=False)

    @property
    def unity(self) -> int:
        """Return similarity 1 in a product of `working` factors."""
        return 1 if self.resolution is FINE else self.one

    def working(self, at: IntArray | slice) -> NDArray[np.float32]:
        """Return float32 rows: integers at the coarse resolution, unit vectors at the fine one."""
        if self.resolution is FINE:
            return (self.values[at] / self.scale).astype(np.float32)
        return self.values[at].astype(np.float32)

    @cached_property
    def floats(self) -> NDArray[np.float32]:
        """Return all `working` rows; made once and kept."""
        kept = np.empty(self.values.shape, np.float32)
        for start in range(0, len(self), READ_BLOCK):
            kept[start : start + READ_BLOCK] = self.working(slice(start, start + READ_BLOCK))
        return kept

    def fixed(self, dots: FloatArray) -> Similarity:
        """Return exact dot products as fixed-point similarities in 0..one."""
        if self.one != self.scale**2:
            dots = np.rint(dots * (self.one / self.scale**2))
        return np.clip(dots, 0, self.one).astype(np.int32)

    def similarities(self, rows: IntArray, columns: IntArray) -> Similarity:
        """Return similarities [rows, columns] of the points at two lists of positions."""
        out = self.fixed(self.factors(rows) @ self.factors(columns).T)
        out[rows[:, None] == columns] = self.one
        return out

    def rows(self, at: IntArray) -> Similarity:
        """Return similarities [len(at), n] of the points at some positions to all."""
        left = self.factors(at)
        out = np.empty((len(at), len(self)), np.int32)
        for start in range(0, len(self), READ_BLOCK):
            block = slice(start, start + READ_BLOCK)
            out[:, block] = self.fixed(left @ self.factors(block).T)
        out[np.arange(len(at)), at] = self.one
        return out

    def near_rows(self, at: IntArray) -> Similarity:
        """Return the same as `rows` from float32 products.

        Exact at the coarse resolution, 1e-6 off at the fine one.
        """
        left = self.floats[at]
        out = np.empty((len(at), len(self)), np.int32)
        for start in range(0, len(self), READ_BLOCK):
            block = slice(start, start + READ_BLOCK)
            products = left @ self.floats[block].T
            np.clip(products, 0, self.unity, out=products)
            np.multiply(products, self.one / self.unity, out=out[:, block], casting="unsafe")
        out[np.arange(len(at)), at] = self.one
        return out

    def cover_by(self, others: "Vectors") -> Similarity:
        """Return every point's highest similarity to any of another set's vectors."""
        cover = np.zeros(len(self), np.int32)
        for start in range(0, len(self), READ_BLOCK):
            part = self.factors(slice(start, start + READ_BLOCK))
            for first in range(0, len(others), BLOCK):
                dots = part @ others.factors(slice(first, first + BLOCK)).T
                best = self.fixed(dots).max(axis=1)
                np.maximum(cover[start : start + len(part)], best, out=cover[start:][: len(part)])
        return cover


def as_vectors(
    embeddings: NDArray[np.number], resolution: Resolution, what: str, first: int = 0
) -> Vectors:
    """Normalise and round embeddings [n, d], block by block, so that they may be memory-mapped.

    Args:
        embeddings: float16, float32 or float64; any length but 0 (cosine knows no length).
        resolution: `FINE` or `COARSE`.
        what: how an error names this array.
        first: number that an error gives to the first row.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    count, dimensions = embeddings.shape
    values: NDArray[np.number] = np.empty((count, dimensions), resolution.storage)
    scale = resolution.scale(dimensions)

    def fill(start: int) -> None:
        block = np.asarray(embeddings[start : start + _UNIT_BLOCK], np.float64)
        values[start : start + len(block)] = np.rint(unit(block, first + start, what) * scale)

    with ThreadPoolExecutor(cpu_count()) as pool:
        for _ in pool.map(fill, range(0, count, _UNIT_BLOCK)):
            pass
    return Vectors(values, resolution)


def unit(block: NDArray[np.float64], first: int, what: str) -> NDArray[np.float64]:
    """Return rows scaled to length 1, or a refusal that names the first bad row."""
    peak = np.abs(block).max(axis=1)
    bad = ~np.isfinite(peak) | (peak == 0)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        kind = "a zero vector" if peak[row] == 0 else "a value that is not finite"
        raise InvalidInput(f"{what}: row {first + row} has {kind}; allowed: finite, not all zero")
    block = block / peak[:, None]
    lengths: NDArray[np.float64] = np.sqrt((block * block).sum(axis=1))
    return block / lengths[:, None]
