"""The methods that experiments compare, each an order of a pool, under one interface."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection import GroundSet, Specification, select_by
from dynosaur_etl.training.sets import Example

IntArray = NDArray[np.int64]

RANDOM, LONGEST, QUALITY, COVERAGE = "random", "longest", "quality", "coverage"
RANDOM_AT_EQUAL_TOKENS = "random at equal tokens"
DEITA, CLUSTERS = "deita", "clusters"
QDIT = "qdit"
EQUAL_TO = f"{QDIT}-0.7"
"""The method whose tokens the random control has."""


@dataclass(frozen=True)
class SelectionPool:
    """What methods choose from.

    Attributes:
        examples: of the pool [n].
        vectors: [n, d], by which methods tell likeness.
        quality: [n], from 0 to 1.
        tokens: [n], of prompt and answer.
    """

    examples: tuple[Example, ...]
    vectors: NDArray[np.floating]
    quality: NDArray[np.float64]
    tokens: IntArray

    def __len__(self) -> int:
        return len(self.examples)

    def part(self, positions: IntArray) -> "SelectionPool":
        return SelectionPool(
            tuple(self.examples[at] for at in positions.tolist()),
            self.vectors[positions],
            self.quality[positions],
            self.tokens[positions],
        )


Method = Callable[[SelectionPool, int, int], IntArray]
"""Gives the positions of up to k picks, in their order, by a seed."""


def _random(pool: SelectionPool, k: int, seed: int) -> IntArray:
    return np.random.default_rng([seed, 1]).permutation(len(pool))[:k]


def _random_at_equal_tokens(pool: SelectionPool, k: int, seed: int) -> IntArray:
    """Draw until the picks have the tokens of `EQUAL_TO`, within half an example of the mean."""
    wanted = pool.tokens[qdit_at(0.7)(pool, k, seed)].sum()
    order = np.random.default_rng([seed, 2]).permutation(len(pool))
    sums = np.cumsum(pool.tokens[order])
    return order[: max(1, int(np.abs(sums - wanted).argmin()) + 1)]


def _longest(pool: SelectionPool, k: int, seed: int) -> IntArray:  # noqa: ARG001 - as all methods
    return np.argsort(-pool.tokens, kind="stable")[:k]


def chosen_by(name: str, alpha: float = 0.7) -> Method:
    """Return a method of `selection.METHODS`; alpha is the weight of quality under `qdit`."""

    def select(pool: SelectionPool, k: int, seed: int) -> IntArray:
        points = GroundSet(pool.vectors, quality=pool.quality)
        return select_by(name, points, Specification(k=k, alpha=alpha, seed=seed)).order

    return select


def qdit_at(alpha: float) -> Method:
    """Return QDIT (arXiv 2311.14736) under a weight of quality; 0 is coverage alone."""
    return chosen_by("qdit", alpha)


METHODS: Mapping[str, Method] = {
    RANDOM: _random,
    RANDOM_AT_EQUAL_TOKENS: _random_at_equal_tokens,
    LONGEST: _longest,
    QUALITY: chosen_by("quality"),
    COVERAGE: qdit_at(0.0),
    f"{QDIT}-0.5": qdit_at(0.5),
    f"{QDIT}-0.7": qdit_at(0.7),
    f"{QDIT}-0.9": qdit_at(0.9),
    DEITA: chosen_by("deita"),
    CLUSTERS: chosen_by("k-means-quality"),
}


def find_method(name: str) -> Method:
    """Return a method by its name; `qdit-` takes any alpha, as in `qdit-0.3`.

    Raises:
        InvalidInput: there is none of that name.
    """
    if name in METHODS:
        return METHODS[name]
    alpha = name.removeprefix(f"{QDIT}-")
    try:
        weight = float(alpha)
    except ValueError:
        weight = -1.0
    if not name.startswith(f"{QDIT}-") or not 0 <= weight <= 1:
        raise InvalidInput(not_allowed("method", name, [*METHODS, f"{QDIT}-ALPHA"]))
    return qdit_at(weight)


@dataclass(frozen=True)
class CellChoice:
    """What a cell's name asks for: `METHOD`, `METHOD@ROWS`, `METHOD/VIEW` or both.

    Attributes:
        rows: to pick; 0 for the experiment's number.
        view: which vectors and qualities of the pool are gone by, empty for the usual ones.
    """

    method: str
    rows: int = 0
    view: str = ""


def read_choice(name: str) -> CellChoice:
    """Read a cell's name.

    Raises:
        InvalidInput: the method is unknown, or the rows are no number.
    """
    words, _, view = name.partition("/")
    method, _, rows = words.partition("@")
    find_method(method)
    if rows and not (rows.isascii() and rows.isdigit() and int(rows)):
        raise InvalidInput(not_allowed("rows of a method", rows, "a whole number above 0"))
    return CellChoice(method, int(rows or 0), view)


def sample_sources(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[IntArray, IntArray]:
    """Return the positions of the examples of a share of the sources, and of the other sources.

    The sample of the pool is the first thing that a seed decides: with another pool every method
    would have chosen otherwise.
    """
    sources = sorted({example.source for example in examples})
    mixed = np.random.default_rng([seed, 0]).permutation(len(sources))
    chosen = {sources[at] for at in mixed[: max(1, round(share * len(sources)))].tolist()}
    inside = np.array([example.source in chosen for example in examples], np.bool_)
    return np.flatnonzero(inside), np.flatnonzero(~inside)


@dataclass(frozen=True)
class PoolSample:
    """The rows of a pool as one seed uses them, by their positions.

    Attributes:
        choice: that methods choose from, in their order.
        known: other rows of the same sources, which no method can pick.
        new: rows of the sources outside the sample.
    """

    choice: IntArray
    known: IntArray
    new: IntArray


def draw_sample(examples: Sequence[Example], share: float, asked: int, seed: int) -> PoolSample:
    """Draw the sources of a seed, and the rows that are asked about.

    Args:
        examples: of the pool.
        share: of the sources that are in the sample.
        asked: most rows of each kind that are asked about; of the sample a tenth at most.
        seed: decides all of it.
    """
    inside, outside = sample_sources(examples, share, seed)
    random = np.random.default_rng([seed, 5])
    mixed = random.permutation(inside)
    kept = max(1, min(asked, len(mixed) // 10))
    return PoolSample(np.sort(mixed[kept:]), mixed[:kept], random.permutation(outside)[:asked])
