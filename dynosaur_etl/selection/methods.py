"""Every way to select by its name, all behind the same two arguments and the same result.

`qdit` is the method of this package; the others are there to be compared with.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.baselines import orders
from dynosaur_etl.selection.filling import filled, measured
from dynosaur_etl.selection.information.mig import select_by_information
from dynosaur_etl.selection.problem.problem import GroundSet, SelectionProblem, pose
from dynosaur_etl.selection.problem.result import Selection
from dynosaur_etl.selection.problem.specification import Specification
from dynosaur_etl.selection.quality_diversity import select
from dynosaur_etl.selection.vectors.fixed_point import COARSE, Vectors
from dynosaur_etl.selection.vectors.products import nearest_rows

DEITA_THRESHOLD = 0.9
_SPARE_LISTED = 16


@dataclass(frozen=True)
class Method:
    """One way to select.

    Attributes:
        name: by which it is asked for.
        about: what it does, in a line.
        needs: the fields of a `GroundSet` that it cannot do without.
        run: makes the selection.
    """

    name: str
    about: str
    needs: tuple[str, ...]
    run: Callable[[GroundSet, Specification], Selection]


@dataclass(frozen=True)
class Given:
    """What an order is made from: points as they were given, checked, and as integers."""

    points: GroundSet
    problem: SelectionProblem
    vectors: Vectors

    @property
    def quality(self) -> NDArray[np.float64]:
        """Return the quality of the points, 1 where none was given."""
        found = self.problem.quality
        return np.ones(len(self.problem)) if found is None else found


def select_by(name: str, points: GroundSet, specification: Specification) -> Selection:
    """Select by the method of a name.

    Raises:
        InvalidInput: no method has the name, it lacks something of the points, or an argument is
            not allowed.
    """
    check_method(name, points)
    return METHODS[name].run(points, specification)


def check_method(name: str, points: GroundSet) -> None:
    """Refuse a name that no method has, and a method without what it needs of the points.

    Raises:
        InvalidInput: naming what is missing.
    """
    if name not in METHODS:
        raise InvalidInput(not_allowed("method", name, METHODS.keys()))
    missing = [need for need in METHODS[name].needs if getattr(points, need) is None]
    if missing:
        raise InvalidInput(f"method {name!r}: received no {missing[0]}; allowed: with it")


def _ordered(
    name: str, about: str, needs: tuple[str, ...], order: Callable[[Given], Iterable[int]]
) -> Method:
    """A method that takes what fits of an order."""

    def run(points: GroundSet, specification: Specification) -> Selection:
        problem = pose(points, specification)
        vectors = problem.vectors(COARSE)
        picks = filled(problem, order(Given(points, problem, vectors)))
        return measured(problem, vectors, picks, name)

    return Method(name, about, needs, run)


def _coverage(points: GroundSet, specification: Specification) -> Selection:
    return select(replace(points, quality=None), specification)


def _best(given: Given) -> Iterable[int]:
    return orders.from_the_highest(given.quality)


def _deita(given: Given) -> Iterable[int]:
    most = given.problem.constraints.budget.required_picks or len(given.problem)
    return orders.unlike_those_before(given.vectors, _best(given), DEITA_THRESHOLD, most)


def _longest(given: Given) -> Iterable[int]:
    lengths = np.asarray(given.points.lengths, np.float64)
    if lengths.shape != (len(given.problem),):
        allowed = f"({len(given.problem)},)"
        raise InvalidInput(not_allowed("lengths of shape", lengths.shape, allowed))
    return orders.from_the_highest(lengths)


def _by_chance(given: Given) -> Iterable[int]:
    return orders.by_chance(len(given.problem), given.problem.seed)


def _by_source(given: Given) -> Iterable[int]:
    sources = list(given.points.sources if given.points.sources is not None else [])
    if len(sources) != len(given.problem):
        allowed = f"{len(given.problem)}, one a point"
        raise InvalidInput(not_allowed("sources", len(sources), allowed))
    return orders.by_source(sources, given.problem.seed)


def _farthest(given: Given) -> Iterable[int]:
    return orders.farthest_first(given.vectors)


def _near_centroids(given: Given) -> Iterable[int]:
    problem = given.problem
    return orders.nearest_to_centroids(given.vectors, problem.expected_picks, problem.seed)


def _drawn_from_clusters(given: Given) -> Iterable[int]:
    problem = given.problem
    clusters = min(problem.expected_picks, max(round(len(problem) ** 0.5), 1))
    return orders.quality_in_clusters(given.vectors, given.quality, clusters, problem.seed)


def _novel(given: Given) -> Iterable[int]:
    return orders.most_novel(given.vectors, given.problem.quality, given.problem.seed)


def _near_target(given: Given) -> Iterable[int]:
    """The rows nearest to each target point in turn, as many of each as may be needed."""
    vectors, goals = given.vectors, given.problem.target
    if goals is None:
        return
    base = vectors.working(slice(None))
    listed = -(-given.problem.expected_picks // len(goals)) + _SPARE_LISTED
    while True:
        listed = min(listed, len(vectors))
        yield from orders.in_turn(nearest_rows(base, goals, listed)[1])
        if listed == len(vectors):
            return
        listed *= 4


_METHODS = (
    Method("qdit", "quality and coverage; near a target where there is one", (), select),
    Method("coverage", "coverage alone", (), _coverage),
    Method("mig", "information on tags, or on clusters and key phrases", (), select_by_information),
    _ordered("rds", "the rows nearest to each target in turn", ("target",), _near_target),
    _ordered("quality", "the best rows", ("quality",), _best),
    _ordered("deita", "the best rows that are unlike those before", ("quality",), _deita),
    _ordered("longest", "the longest rows", ("lengths",), _longest),
    _ordered("random", "rows by chance", (), _by_chance),
    _ordered("random-by-source", "by chance, of each source in turn", ("sources",), _by_source),
    _ordered("k-center", "the farthest row each time", (), _farthest),
    _ordered("k-means", "the rows nearest to centroids", (), _near_centroids),
    _ordered("k-means-quality", "draws by quality in clusters", ("quality",), _drawn_from_clusters),
    _ordered("novelselect", "the most novel row each time", (), _novel),
)

METHODS = {method.name: method for method in _METHODS}
