"""Inner loops of the neighbour search; see `vectors.compiling`."""

import numpy as np

from dynosaur_etl.selection.vectors.compiling import Array


def enter(
    found: Array,
    dots: Array,
    points: Array,
    near: Array,
    near_dots: Array,
    start: int,
    stop: int,
) -> None:
    """Enter what is near to points start..stop [m, c] in their lists; -1 stands for nothing."""
    last = found.shape[1] - 1
    for place in range(start, stop):
        point = points[place]
        for column in range(near.shape[1]):
            other, product = near[place, column], near_dots[place, column]
            if other < 0 or other == point or product < dots[point, last]:
                continue
            if product == dots[point, last] and 0 <= found[point, last] < other:
                continue
            at = last
            while at > 0 and (
                dots[point, at - 1] < product
                or (dots[point, at - 1] == product and found[point, at - 1] > other)
            ):
                dots[point, at], found[point, at] = dots[point, at - 1], found[point, at - 1]
                at -= 1
            dots[point, at], found[point, at] = product, other


def look_around(
    factors: Array,
    known: Array,
    points: Array,
    width: int,
    near: Array,
    near_dots: Array,
    start: int,
    stop: int,
) -> None:
    """Multiply points start..stop with the first neighbours of their first neighbours."""
    seen = np.full(known.shape[0], -1, np.int32)
    for place in range(start, stop):
        point, count = points[place], 0
        seen[point] = place
        for other in known[point]:
            if other >= 0:
                seen[other] = place
        for middle in known[point, :width]:
            if middle < 0:
                break
            for other in known[middle, :width]:
                if other < 0 or seen[other] == place:
                    continue
                seen[other] = place
                product = np.float32(0)
                for axis in range(factors.shape[1]):
                    product += factors[point, axis] * factors[other, axis]
                near[place, count], near_dots[place, count] = other, product
                count += 1
