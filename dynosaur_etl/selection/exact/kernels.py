"""Inner loops of the pass over all pairs; see `vectors.compiling`."""

import numpy as np

from dynosaur_etl.selection.vectors.compiling import Array


def stage_gains(
    tile: Array,
    row_covers: Array,
    column_covers: Array,
    row_gains: Array,
    column_gains: Array,
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


def weighted_stage_gains(
    tile: Array,
    covers: tuple[Array, Array],
    weights: tuple[Array, Array],
    row_gains: Array,
    column_gains: Array,
) -> None:
    """The same as `stage_gains` for points of several weights, those of the rows and columns."""
    (row_covers, column_covers), (row_weight, column_weight) = covers, weights
    for i in range(tile.shape[0]):
        for stage in range(row_covers.shape[0]):
            cover, weight = row_covers[stage, i], row_weight[i]
            total = np.float32(0)
            for j in range(tile.shape[1]):
                rise = max(np.float32(0), tile[i, j] - column_covers[stage, j])
                total += rise * column_weight[j]
                column_gains[stage, j] += max(np.float32(0), tile[i, j] - cover) * weight
            row_gains[stage, i] += total


def count_above(tile: Array, row_floor: Array, column_floor: Array, start: int, stop: int) -> int:
    """Number of entries above the lower of their row's and their column's floor."""
    count = 0
    for i in range(start, stop):
        for j in range(tile.shape[1]):
            count += tile[i, j] > min(row_floor[i], column_floor[j])
    return count


def list_above(
    tile: Array,
    row_floor: Array,
    column_floor: Array,
    start: int,
    stop: int,
    rows: Array,
    columns: Array,
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
    left: Array, right: Array, rows: Array, columns: Array, dots: Array, start: int, stop: int
) -> None:
    """Dot products of listed pairs of rows of `left` and `right`."""
    for p in range(start, stop):
        x, y = left[rows[p]], right[columns[p]]
        total = 0.0
        for c in range(x.shape[0]):
            total += x[c] * y[c]
        dots[p] = total
