"""Inner loops, written as plain functions and compiled by numba at their first call.

Every sum that decides a pick is a sum of integers, so neither the order of the additions nor the
number of threads can change it. The kernels release the interpreter lock; `in_chunks` runs one
over parts of a range on all CPU cores.
"""

import functools
import heapq
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Kernel = Callable[..., Any]
T = TypeVar("T")


@functools.cache
def compiled(kernel: Kernel) -> Kernel:
    """The kernel as machine code with strict floating-point semantics."""
    import numba

    built: Kernel = numba.njit(nogil=True, cache=True)(kernel)
    return built


@functools.cache
def reassociated(kernel: Kernel) -> Kernel:
    """The same with sums in any order: for bounds, and for sums of exactly representable terms."""
    import numba

    fast = {"reassoc", "contract", "nsz", "nnan"}
    built: Kernel = numba.njit(nogil=True, cache=True, fastmath=fast)(kernel)
    return built


def cpu_count() -> int:
    """CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products on the calling thread alone, for work that is parallel already."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def in_chunks(pool: Executor, work: Callable[[int, int], T], length: int) -> list[T]:
    """Results of `work(start, stop)` over as many parts of `range(length)` as there are cores."""
    edges = np.linspace(0, length, min(cpu_count(), max(length, 1)) + 1).astype(int).tolist()
    return list(pool.map(lambda span: work(*span), itertools.pairwise(edges)))


def in_order(
    pool: Executor, work: Callable[..., T], items: Iterable[tuple[Any, ...]]
) -> Iterator[T]:
    """Results of `work(*item)`; few are made before they are asked for, so that none pile up."""
    waiting: deque[Future[T]] = deque()
    for item in items:
        waiting.append(pool.submit(work, *item))
        if len(waiting) > 2 * cpu_count():
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def dense_gain(row: NDArray[Any], cover: NDArray[Any]) -> int:
    """Sum over points v of max(0, row[v] - cover[v])."""
    total = 0
    for v in range(row.shape[0]):
        total += max(np.int32(0), row[v] - cover[v])
    return total


def shift_gains(
    similarity: NDArray[Any],
    old: NDArray[Any],
    new: NDArray[Any],
    gains: NDArray[Any],
    start: int,
    stop: int,
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


def stage_gains(
    tile: NDArray[Any],
    row_covers: NDArray[Any],
    column_covers: NDArray[Any],
    row_gains: NDArray[Any],
    column_gains: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    """Add a tile's part of every candidate's gain at each of several covers.

    Covers are [stages, points] of the tile's rows and columns. The tile's rows are candidates for
    its columns and the columns candidates for its rows.
    """
    for i in range(start, stop):
        for stage in range(row_covers.shape[0]):
            cover = row_covers[stage, i]
            total = np.float32(0)
            for j in range(tile.shape[1]):
                total += max(np.float32(0), tile[i, j] - column_covers[stage, j])
                column_gains[stage, j] += max(np.float32(0), tile[i, j] - cover)
            row_gains[stage, i] += total


def count_above(
    tile: NDArray[Any], row_floor: NDArray[Any], column_floor: NDArray[Any], start: int, stop: int
) -> int:
    """Number of entries above the lower of their row's and their column's floor."""
    count = 0
    for i in range(start, stop):
        for j in range(tile.shape[1]):
            count += tile[i, j] > min(row_floor[i], column_floor[j])
    return count


def list_above(
    tile: NDArray[Any],
    row_floor: NDArray[Any],
    column_floor: NDArray[Any],
    start: int,
    stop: int,
    rows: NDArray[Any],
    columns: NDArray[Any],
) -> None:
    """Row and column of the entries that `count_above` counts, in row order."""
    at = 0
    for i in range(start, stop):
        for j in range(tile.shape[1]):
            if tile[i, j] > min(row_floor[i], column_floor[j]):
                rows[at] = i
                columns[at] = j
                at += 1


def pair_dots(
    left: NDArray[Any],
    right: NDArray[Any],
    rows: NDArray[Any],
    columns: NDArray[Any],
    dots: NDArray[Any],
    start: int,
    stop: int,
) -> None:
    """Dot products of listed pairs of rows of `left` and `right`."""
    for p in range(start, stop):
        x, y = left[rows[p]], right[columns[p]]
        total = 0.0
        for c in range(x.shape[0]):
            total += x[c] * y[c]
        dots[p] = total


def compress(
    candidates: NDArray[Any],
    points: NDArray[Any],
    values: NDArray[Any],
    starts: NDArray[Any],
    out_points: NDArray[Any],
    out_values: NDArray[Any],
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
    starts: NDArray[Any],
    points: NDArray[Any],
    values: NDArray[Any],
    cover: NDArray[Any],
    rate: NDArray[Any],
    quality: NDArray[Any],
    group: NDArray[Any],
    room: NDArray[Any],
    cost: NDArray[Any],
    left: int,
    taken: NDArray[Any],
    order: NDArray[Any],
    gains: NDArray[Any],
) -> int:
    """Greedy order by rate * gain + quality over sparse rows, ties to the lowest position.

    A heap holds an upper bound of every candidate's score: gains never rise (submodularity), so a
    candidate whose fresh score stays on top is the true maximum. What no longer fits the room of
    its group or what is `left` to spend never will again. `cover`, `room` and `taken` are carried
    on from earlier picks and updated. Returns the number of picks, at most `len(order)`.
    """
    count = taken.shape[0]
    fresh_at = np.zeros(count, np.int64)
    gain = np.zeros(count, np.int64)
    for a in range(count):
        for p in range(starts[a], starts[a + 1]):
            gain[a] += max(np.int32(0), values[p] - cover[points[p]])
    heap = [
        (-(rate[a] * np.float64(gain[a]) + quality[a]), a) for a in range(count) if not taken[a]
    ]
    heapq.heapify(heap)
    picks = 0
    while picks < order.shape[0] and len(heap) > 0:
        a = heap[0][1]
        if room[group[a]] == 0 or cost[a] > left:
            heapq.heappop(heap)
        elif fresh_at[a] < picks:
            gain[a] = 0
            for p in range(starts[a], starts[a + 1]):
                gain[a] += max(np.int32(0), values[p] - cover[points[p]])
            fresh_at[a] = picks
            heapq.heapreplace(heap, (-(rate[a] * np.float64(gain[a]) + quality[a]), a))
        else:
            heapq.heappop(heap)
            order[picks] = a
            gains[picks] = gain[a]
            taken[a] = True
            room[group[a]] -= 1
            left -= cost[a]
            for p in range(starts[a], starts[a + 1]):
                cover[points[p]] = max(cover[points[p]], values[p])
            picks += 1
    return picks


def replay(
    starts: NDArray[Any],
    points: NDArray[Any],
    values: NDArray[Any],
    cover: NDArray[Any],
    order: NDArray[Any],
    gains: NDArray[Any],
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
