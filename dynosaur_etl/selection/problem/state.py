"""What greedy selection carries from pick to pick."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.vectors.fixed_point import IntArray


@dataclass
class GreedyState:
    """Cover of every point, who may still be picked, and what was picked.

    Attributes:
        cover: highest similarity of each point to anything picked or anchored, fixed point [n].
        taken: True where a candidate is picked or excluded [n].
        group: group number of each candidate [n].
        capacity: picks that each group still allows.
        cost: what picking each candidate costs [n]; 1 where picks are counted.
        remaining: what may still be spent.
        weight: what covering each point is worth [n]; None where all are worth 1.
        order: positions picked so far.
        gains: gain of each pick, fixed point.
    """

    cover: NDArray[np.int32]
    taken: NDArray[np.bool_]
    group: IntArray
    capacity: IntArray
    cost: IntArray
    remaining: int
    weight: IntArray | None = None
    order: list[int] = field(default_factory=list)
    gains: list[int] = field(default_factory=list)

    @classmethod
    def unbound(cls, cover: NDArray[np.int32], k: int) -> "GreedyState":
        """Return a state for k picks of anything; `cover` is updated in place."""
        count = len(cover)
        group, cost = np.zeros(count, np.int64), np.ones(count, np.int64)
        return cls(cover, np.zeros(count, np.bool_), group, np.array([k]), cost, k)

    def copy(self) -> "GreedyState":
        """Return a state whose picks do not change this one."""
        return replace(
            self,
            cover=self.cover.copy(),
            taken=self.taken.copy(),
            capacity=self.capacity.copy(),
            order=self.order.copy(),
            gains=self.gains.copy(),
        )

    def part(self, at: IntArray, remaining: int) -> "GreedyState":
        """Return the state of some of the points before any pick, with so much to spend."""
        return GreedyState(
            self.cover[at],
            self.taken[at],
            self.group[at],
            self.capacity.copy(),
            self.cost[at],
            remaining,
            None if self.weight is None else self.weight[at],
        )

    def total(self, values: NDArray[np.int32]) -> int:
        """Sum values over the points, each as often as it is worth."""
        if self.weight is None:
            return int(values.sum(dtype=np.int64))
        return int(values.astype(np.int64) @ self.weight)

    @property
    def weight_total(self) -> int:
        """Return what covering all points is worth."""
        return len(self.cover) if self.weight is None else int(self.weight.sum())

    def unavailable(self, at: IntArray) -> NDArray[np.bool_]:
        """Return which of some candidates cannot be picked any more."""
        spent = self.cost[at] > self.remaining
        return np.asarray(self.taken[at] | spent | (self.capacity[self.group[at]] == 0))

    def open_candidates(self) -> IntArray:
        """Return the positions that may be picked next, ascending."""
        return np.flatnonzero(~self.unavailable(np.arange(len(self.taken))))

    def most_picks(self) -> int:
        """Return a number of picks that cannot be exceeded."""
        cheapest = np.sort(self.cost[self.open_candidates()])
        return int(np.searchsorted(np.cumsum(cheapest), self.remaining, side="right"))

    def accept(self, pick: int, gain: int, row: NDArray[np.int32]) -> None:
        """Record a pick; `row` holds its similarity to every point."""
        self.record(pick, gain)
        np.maximum(self.cover, row, out=self.cover)

    def record(self, pick: int, gain: int) -> None:
        """Record a pick whose cover is accounted for elsewhere."""
        self.order.append(pick)
        self.gains.append(gain)
        self.taken[pick] = True
        self.capacity[self.group[pick]] -= 1
        self.remaining -= int(self.cost[pick])
