"""Inner loops of selection by information gain; see `vectors.compiling`."""

import heapq

import numpy as np

from dynosaur_etl.selection.vectors.compiling import Array


def information_gain(labels: Array, mass: Array, held: Array, power: float) -> float:
    """What some mass on some labels adds to the sum of powers of what the labels hold."""
    total = 0.0
    for p in range(labels.shape[0]):
        before = held[labels[p]]
        total += (before + mass[p]) ** power - before**power
    return total


def lazy_information(
    pairs: tuple[Array, Array, Array],
    limits: tuple[Array, Array, Array],
    remaining: int,
    held: Array,
    taken: Array,
    order: Array,
    gains: Array,
    power: float,
) -> int:
    """Greedy order by information gain per cost, ties to the lowest position.

    A power below 1 is concave, so gains never rise and a heap of old ones holds upper bounds, as in
    `greedy.kernels.lazy_greedy`. `pairs` are starts, labels and mass by candidate; `limits` group,
    capacity of each group and cost. `held`, `taken` and the capacities are carried on from earlier
    picks and updated. Returns the number of picks, at most `len(order)`.
    """
    (starts, labels, mass), (group, capacity, cost) = pairs, limits
    fresh_at = np.full(taken.shape[0], -1, np.int64)
    gain = np.zeros(taken.shape[0], np.float64)
    worth = held**power
    heap = [(-np.inf, a) for a in range(taken.shape[0]) if not taken[a]]
    picks = 0
    while picks < order.shape[0] and len(heap) > 0:
        a = heap[0][1]
        own = slice(starts[a], starts[a + 1])
        if capacity[group[a]] == 0 or cost[a] > remaining:
            heapq.heappop(heap)
        elif fresh_at[a] < picks:
            gain[a] = 0.0
            for p in range(starts[a], starts[a + 1]):
                gain[a] += (held[labels[p]] + mass[p]) ** power - worth[labels[p]]
            fresh_at[a] = picks
            heapq.heapreplace(heap, (-gain[a] / cost[a], a))
        else:
            heapq.heappop(heap)
            order[picks], gains[picks], taken[a] = a, gain[a], True
            capacity[group[a]] -= 1
            remaining -= cost[a]
            held[labels[own]] += mass[own]
            worth[labels[own]] = held[labels[own]] ** power
            picks += 1
    return picks
