"""A greedy selection under way."""

from dataclasses import dataclass, replace

from dynosaur_etl.selection.problem.objective import Objective
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.fixed_point import Vectors


@dataclass(frozen=True)
class GreedyRun:
    """What every greedy algorithm goes by.

    Attributes:
        vectors: the points.
        state: cover and picks, which the algorithms change.
        objective: what a pick is worth.
        seed: of the samples that are drawn.
    """

    vectors: Vectors
    state: GreedyState
    objective: Objective
    seed: int

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def weight_total(self) -> int:
        """Return what covering all points is worth."""
        return self.state.weight_total

    def trial(self) -> "GreedyRun":
        """Return a run whose picks do not change this one."""
        return replace(self, state=self.state.copy())
