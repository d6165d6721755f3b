"""Pairs as tiles give them, until they are sorted by candidate."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.greedy.kernels import compress
from dynosaur_etl.selection.greedy.pairs import Pairs
from dynosaur_etl.selection.vectors.compiling import compiled
from dynosaur_etl.selection.vectors.fixed_point import BLOCK, Similarity

Part = tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.int32]]
"""Candidates within their block, points and similarities of some pairs."""


@dataclass
class Buckets:
    """Pairs in the order in which tiles give them, by block of candidates."""

    count: int
    parts: list[list[Part]] = field(init=False)

    def __post_init__(self) -> None:
        self.parts = [[] for _ in range(0, self.count, BLOCK)]

    def add(
        self, first: int, candidates: NDArray[np.int16], points: Similarity, values: Similarity
    ) -> None:
        """Add pairs of candidates of the block that begins at `first`."""
        self.parts[first // BLOCK].append((candidates, points, values))

    def pairs(self) -> Pairs:
        """Return all pairs, sorted by candidate; empties the buckets as it goes."""
        total = sum(len(part[0]) for parts in self.parts for part in parts)
        starts = np.zeros(self.count + 1, np.int64)
        points, values = np.empty(total, np.int32), np.empty(total, np.int32)
        end = 0
        for block, parts in enumerate(self.parts):
            size = min(BLOCK, self.count - block * BLOCK)
            local = np.zeros(size + 1, np.int64)
            stop = end + sum(len(part[0]) for part in parts)
            if parts:
                _sort_into(parts, local, points[end:stop], values[end:stop])
            starts[block * BLOCK + 1 : block * BLOCK + size + 1] = end + local[1:]
            end = stop
        return Pairs(starts, points, values)


def _sort_into(
    parts: list[Part], starts: NDArray[np.int64], points: Similarity, values: Similarity
) -> None:
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    parts.clear()
    compiled(compress)(*columns, starts, points, values)
