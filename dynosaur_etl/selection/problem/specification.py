"""What a selection is asked for, whatever it is made from."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.problem.quality_scale import QUALITY_SCALES

Mode = Literal["auto", "exact", "near-exact", "graph", "partitioned"]
MODES: tuple[str, ...] = get_args(Mode)
NORMALISATIONS = ("raw", "reference")
PART_POINTS = 100_000


@dataclass(frozen=True)
class Specification:
    """The rules of one selection; the points it is made from are a `GroundSet`.

    Attributes:
        k: number of picks; None under a budget.
        budget: the most that all picks together may cost; None where picks are counted.
        alpha: weight of quality against coverage, 0 to 1; see `objective`.
        mode: `exact` is naive greedy's order with ties to the lowest position. `near-exact` makes
            the first 24 picks by sampled greedy and takes cosines to 1e-4. `graph` sees each
            point's nearest neighbours only. `partitioned` solves parts of near points and joins
            their candidates, for sets beyond memory. `auto` takes the most exact one that the
            memory limit allows and whose one pass over all pairs is bearable on these CPU cores.
        normalise: how gains and quality are scaled: `reference` or `raw`; see `objective`.
        quality_scale: `rank`, `min-max` or `z`, under `reference`; see `quality_scale`.
        group_cap: most picks of any one group's label; None for no bound.
        seed: of the samples that are drawn.
        memory_limit: bytes that it may take; None for four fifths of the machine's memory or of
            the control group's.
        cores: CPU cores that `auto` reckons with; None for those of this process.
        part_points: of `partitioned`: most points of a part.
    """

    k: int | None = None
    budget: int | None = None
    alpha: float = 0.7
    mode: str = "auto"
    normalise: str = "reference"
    quality_scale: str = "rank"
    group_cap: int | None = None
    seed: int = 0
    memory_limit: int | None = None
    cores: int | None = None
    part_points: int = PART_POINTS

    def check(self) -> None:
        """Refuse what is not allowed, whatever the points are.

        Raises:
            InvalidInput: a value is out of range, or both or none of k and budget are given.
        """
        if (self.k is None) == (self.budget is None):
            raise InvalidInput(not_allowed("k and budget", (self.k, self.budget), "one of the two"))
        for name, word, allowed in (
            ("mode", self.mode, MODES),
            ("normalise", self.normalise, NORMALISATIONS),
            ("quality_scale", self.quality_scale, tuple(QUALITY_SCALES)),
        ):
            if word not in allowed:
                raise InvalidInput(not_allowed(name, word, allowed))
        if not _is_number(self.alpha) or not 0 <= self.alpha <= 1:
            raise InvalidInput(not_allowed("alpha", self.alpha, "a number from 0 to 1"))
        _check_whole("seed", self.seed, 0)
        for name, value in (
            ("picks of a group", self.group_cap),
            ("memory_limit", self.memory_limit),
            ("cores", self.cores),
            ("part_points", self.part_points),
        ):
            if value is not None:
                _check_whole(name, value, 1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number)


def _check_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int | np.integer) or value < least:
        raise InvalidInput(not_allowed(name, value, f"a whole number from {least}"))
