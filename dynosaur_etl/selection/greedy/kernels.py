"""Inner loops of greedy selection; see `vectors.compiling`."""

import heapq

import numpy as np

from dynosaur_etl.selection.vectors.compiling import Array


def dense_gain(row: Array, cover: Array) -> int:
    """Sum over points v of max(0, row[v] - cover[v])."""
    total = 0
    for v in range(row.shape[0]):
        total += max(np.int32(0), row[v] - cover[v])
    return total


def weighted_gain(row: Array, cover: Array, weight: Array) -> int:
    """Sum over points v of weight[v] * max(0, row[v] - cover[v])."""
    total = 0
    for v in range(row.shape[0]):
        total += max(np.int64(0), np.int64(row[v] - cover[v])) * weight[v]
    return total


def shift_gains(
    similarity: Array, old: Array, new: Array, gains: Array, start: int, stop: int
) -> None:
    """Update the gains of candidates start..stop to a new cover of the points.

    `similarity` is [points, candidates]; a row whose cover did not change is skipped.
    """
    for v in range(similarity.shape[0]):
        if new[v] == old[v]:
            continue
        before, after = old[v], new[v]
        for a in range(start, stop):
            value = np.int32(similarity[v, a])
            gains[a] -= max(np.int32(0), np.int32(value - before)) - max(
                np.int32(0), np.int32(value - after)
            )


def compress(
    candidates: Array,
    points: Array,
    values: Array,
    starts: Array,
    out_points: Array,
    out_values: Array,
) -> None:
    """Counting sort of (candidate, point, value) into rows; `starts` [n + 1] begins as zeros."""
    for p in range(candidates.shape[0]):
        starts[candidates[p] + 1] += 1
    for a in range(starts.shape[0] - 1):
        starts[a + 1] += starts[a]
    place = starts[:-1].copy()
    for p in range(candidates.shape[0]):
        at = place[candidates[p]]
        place[candidates[p]] += 1
        out_points[at] = points[p]
        out_values[at] = values[p]


def lazy_greedy(
    pairs: tuple[Array, Array, Array],
    scoring: tuple[Array, Array],
    limits: tuple[Array, Array, Array],
    remaining: int,
    cover: Array,
    taken: Array,
    order: Array,
    gains: Array,
) -> int:
    """Greedy order by rate * gain + quality over sparse rows, ties to the lowest position.

    A heap holds an upper bound of every candidate's score: gains never rise (submodularity), so a
    candidate whose fresh score stays on top is the true maximum. What no longer fits the capacity
    of its group or what remains to be spent never will again.

    `pairs` are starts, points and values by candidate; `scoring` rate and quality term; `limits`
    group, capacity of each group and cost. `cover`, `taken` and the capacities are carried on from
    earlier picks and updated. Returns the number of picks, at most `len(order)`.
    """
    (starts, points, values), (rate, quality), (group, capacity, cost) = pairs, scoring, limits
    fresh_at = np.full(taken.shape[0], -1, np.int64)
    gain = np.zeros(taken.shape[0], np.int64)
    heap = [(-np.inf, a) for a in range(taken.shape[0]) if not taken[a]]
    picks = 0
    while picks < order.shape[0] and len(heap) > 0:
        a = heap[0][1]
        if capacity[group[a]] == 0 or cost[a] > remaining:
            heapq.heappop(heap)
        elif fresh_at[a] < picks:
            gain[a] = 0
            for p in range(starts[a], starts[a + 1]):
                gain[a] += max(np.int32(0), values[p] - cover[points[p]])
            fresh_at[a] = picks
            heapq.heapreplace(heap, (-(rate[a] * np.float64(gain[a]) + quality[a]), a))
        else:
            heapq.heappop(heap)
            order[picks], gains[picks], taken[a] = a, gain[a], True
            capacity[group[a]] -= 1
            remaining -= cost[a]
            for p in range(starts[a], starts[a + 1]):
                cover[points[p]] = max(cover[points[p]], values[p])
            picks += 1
    return picks


def replay(
    starts: Array, points: Array, values: Array, cover: Array, order: Array, gains: Array
) -> None:
    """Gain of each pick of a given order over sparse rows; raises `cover` as it goes."""
    for rank in range(order.shape[0]):
        total = np.int64(0)
        for p in range(starts[order[rank]], starts[order[rank] + 1]):
            rise = values[p] - cover[points[p]]
            if rise > 0:
                total += rise
                cover[points[p]] = values[p]
        gains[rank] = total
