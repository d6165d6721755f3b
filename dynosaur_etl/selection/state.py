"""What greedy selection carries from pick to pick."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.vectors import IntArray


@dataclass
class State:
    """Cover of every point, who may still be picked, and what was picked.

    Attributes:
        cover: highest similarity of each point to anything picked or anchored, fixed point [n].
        taken: True where a candidate is picked or barred [n].
        group: group number of each candidate [n].
        room: picks that each group still allows.
        cost: what picking each candidate costs [n]; 1 where picks are counted.
        left: what may still be spent.
        order: positions picked so far.
        gains: gain of each pick, fixed point.
    """

    cover: NDArray[np.int32]
    taken: NDArray[np.bool_]
    group: IntArray
    room: IntArray
    cost: IntArray
    left: int
    order: list[int] = field(default_factory=list)
    gains: list[int] = field(default_factory=list)

    @classmethod
    def unbound(cls, cover: NDArray[np.int32], k: int) -> "State":
        """Nothing picked yet, k picks of anything; `cover` is updated in place."""
        count = len(cover)
        group, cost = np.zeros(count, np.int64), np.ones(count, np.int64)
        return cls(cover, np.zeros(count, np.bool_), group, np.array([k]), cost, k)

    def copy(self) -> "State":
        return State(
            self.cover.copy(),
            self.taken.copy(),
            self.group,
            self.room.copy(),
            self.cost,
            self.left,
            self.order.copy(),
            self.gains.copy(),
        )

    def closed(self, at: IntArray) -> NDArray[np.bool_]:
        """Which of some candidates cannot be picked any more."""
        spent = self.cost[at] > self.left
        return np.asarray(self.taken[at] | spent | (self.room[self.group[at]] == 0))

    def open_candidates(self) -> IntArray:
        """Positions that may be picked next, ascending."""
        return np.flatnonzero(~self.closed(np.arange(len(self.taken))))

    def most_picks(self) -> int:
        """No more picks than these can still be made."""
        cheapest = np.sort(self.cost[self.open_candidates()])
        return int(np.searchsorted(np.cumsum(cheapest), self.left, side="right"))

    def accept(self, pick: int, gain: int, row: NDArray[np.int32]) -> None:
        """Record a pick; `row` holds its similarity to every point."""
        self.record(pick, gain)
        np.maximum(self.cover, row, out=self.cover)

    def record(self, pick: int, gain: int) -> None:
        """Record a pick whose cover is accounted for elsewhere."""
        self.order.append(pick)
        self.gains.append(gain)
        self.taken[pick] = True
        self.room[self.group[pick]] -= 1
        self.left -= int(self.cost[pick])
