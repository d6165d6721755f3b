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
        order: positions picked so far.
        gains: gain of each pick, fixed point.
    """

    cover: NDArray[np.int32]
    taken: NDArray[np.bool_]
    group: IntArray
    room: IntArray
    order: list[int] = field(default_factory=list)
    gains: list[int] = field(default_factory=list)

    @classmethod
    def fresh(cls, cover: NDArray[np.int32], group: IntArray, room: IntArray) -> "State":
        """Nothing picked yet; `cover` is what anchors give, or zeros, and is updated in place."""
        return cls(cover, np.zeros(len(cover), np.bool_), group, room.astype(np.int64))

    def copy(self) -> "State":
        return State(
            self.cover.copy(),
            self.taken.copy(),
            self.group,
            self.room.copy(),
            self.order.copy(),
            self.gains.copy(),
        )

    def open_candidates(self) -> IntArray:
        """Positions that may be picked next, ascending."""
        return np.flatnonzero(~self.taken & (self.room[self.group] > 0))

    def accept(self, pick: int, gain: int, row: NDArray[np.int32]) -> None:
        """Record a pick; `row` holds its similarity to every point."""
        self.order.append(pick)
        self.gains.append(gain)
        self.taken[pick] = True
        self.room[self.group[pick]] -= 1
        np.maximum(self.cover, row, out=self.cover)
