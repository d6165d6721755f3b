"""MIG: the sum over labels of a power of what the picks give to each (arXiv 2504.13835).

A pick gives its quality to its labels and to their neighbours in the label graph; what a label
holds counts to the power of 0.8, so that the next gift to the same label counts for less. The
authors rank candidates by the gradient of that sum; here the gain itself is computed, which is
never more than the one at an earlier pick, so lazy greedy finds the greedy picks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.filling import measured
from dynosaur_etl.selection.information.kernels import information_gain, lazy_information
from dynosaur_etl.selection.information.labels import (
    PointLabels,
    joined,
    labels_of_clusters,
    labels_of_phrases,
    labels_of_tags,
)
from dynosaur_etl.selection.information.propagation import Mass, propagated
from dynosaur_etl.selection.problem.budget import Budget, counted_or_priced
from dynosaur_etl.selection.problem.constraints import Labels
from dynosaur_etl.selection.problem.problem import GroundSet, SelectionProblem, pose
from dynosaur_etl.selection.problem.result import Selection
from dynosaur_etl.selection.problem.specification import Specification
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.compiling import compiled
from dynosaur_etl.selection.vectors.fixed_point import COARSE, Vectors

POWER = 0.8
THRESHOLD = 0.9
PROPAGATION_WEIGHT = 1.0


@dataclass(frozen=True)
class Information:
    """What MIG goes by.

    Attributes:
        labels: of the points.
        source: where they are from, in a word.
        mass: what each point gives to each label.
    """

    labels: PointLabels
    source: str
    mass: Mass


@dataclass(frozen=True)
class InformationPicks:
    """Picks by information gain.

    Attributes:
        order: positions [k].
        gains: information gain of each pick [k].
        facts: of labels and graph, plain JSON values.
    """

    order: NDArray[np.int64]
    gains: NDArray[np.float64]
    facts: dict[str, Any]


def informed(
    problem: SelectionProblem,
    vectors: Vectors,
    tags: Sequence[Any] | None = None,
    texts: Sequence[str] | None = None,
    threshold: float = THRESHOLD,
) -> Information:
    """Return the labels of a problem's points, their graph, and what each point gives.

    Args:
        problem: with the quality that points give; without it every point gives 1.
        vectors: of its points, coarse.
        tags: of each point; they are the labels where they are given.
        texts: of each point, whose key phrases are labels beside the clusters.
        threshold: least cosine of two labels that are neighbours.

    Raises:
        InvalidInput: tags or texts of another number of points, or no tag at all.
    """
    if texts is not None and len(texts) != len(problem):
        raise InvalidInput(not_allowed("texts", len(texts), f"{len(problem)}, one a point"))
    if tags is not None:
        labels, source = labels_of_tags(tags, len(problem)), "tags"
    else:
        labels, source = labels_of_clusters(vectors, problem.seed), "clusters"
        if texts is not None:
            labels, source = joined(labels, labels_of_phrases(texts)), "clusters and key phrases"
    mass = propagated(labels, vectors, problem.quality, threshold, PROPAGATION_WEIGHT)
    return Information(labels, source, mass)


def pick_by_information(problem: SelectionProblem, information: Information) -> InformationPicks:
    """Make picks by information gain while any can be made; must-includes come first.

    Raises:
        InvalidInput: anchors are vectors, which have no labels.
    """
    if problem.anchors is not None and not len(problem.constraints.excluded):
        raise InvalidInput(not_allowed("anchors of mig", "vectors", "positions in the pool"))
    mass, state = information.mass, problem.bare_state(np.zeros(len(problem), np.int32))
    held = np.zeros(len(information.labels.names))
    for at in problem.constraints.excluded.tolist():
        _give(mass, held, at)
    first = np.array([_accept(mass, held, state, at) for at in problem.constraints.must_include])
    order, gains = _lazily(mass, held, state)
    return InformationPicks(
        np.concatenate((problem.constraints.must_include, order)),
        np.concatenate((first.astype(np.float64), gains)),
        {
            "labels": len(information.labels.names),
            "label_edges": mass.edges,
            "information": float((held**POWER).sum()),
        },
    )


def _lazily(
    mass: Mass, held: NDArray[np.float64], state: GreedyState
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    most = state.most_picks()
    order, gains = np.empty(most, np.int64), np.empty(most, np.float64)
    made = compiled(lazy_information)(
        (mass.starts, mass.labels, mass.values),
        (state.group, state.capacity, state.cost),
        state.remaining,
        held,
        state.taken,
        order,
        gains,
        POWER,
    )
    return order[:made], gains[:made]


def _accept(mass: Mass, held: NDArray[np.float64], state: GreedyState, at: int) -> float:
    own = slice(mass.starts[at], mass.starts[at + 1])
    gain = float(information_gain(mass.labels[own], mass.values[own], held, POWER))
    _give(mass, held, at)
    state.record(at, 0)
    return gain


def _give(mass: Mass, held: NDArray[np.float64], at: int) -> None:
    own = slice(mass.starts[at], mass.starts[at + 1])
    held[mass.labels[own]] += mass.values[own]


def mig(
    embeddings: NDArray[np.number],
    k: int | Budget,
    quality: ArrayLike | None = None,
    tags: Sequence[Any] | None = None,
    texts: Sequence[str] | None = None,
    groups: tuple[Labels, int] | None = None,
    seed: int = 0,
    threshold: float = THRESHOLD,
) -> Selection:
    """Select k points greedily by information gain (MIG, arXiv 2504.13835).

    Args:
        embeddings: float [n, d]; the vectors of labels are means of them.
        k: number of picks, or a `Budget` of costs; under a budget a gain is divided by its cost.
        quality: what each point gives to its labels, 0 to 1; 1 where it is not given.
        tags: names of labels of each point, such as an LLM's. Without them the labels are the
            three clusters nearest to a point and the key phrases of its text.
        texts: of the points, for key phrases.
        groups: (label of each point, most picks of any one label).
        seed: of the clusters.
        threshold: least cosine of two labels that are neighbours.

    Returns:
        A selection whose `gain` is the information gain of each pick, and whose `coverage` is
        that of facility location, as for every other method.

    Raises:
        InvalidInput: an argument is not allowed.
    """
    picks, budget, costs = counted_or_priced(k)
    own, cap = (None, None) if groups is None else groups
    points = GroundSet(embeddings, quality, groups=own, costs=costs, tags=tags, texts=texts)
    rules = Specification(picks, budget, group_cap=cap, seed=seed)
    return select_by_information(points, rules, threshold)


def select_by_information(
    points: GroundSet, specification: Specification, threshold: float = THRESHOLD
) -> Selection:
    """Select points by information gain; see `mig`.

    Raises:
        InvalidInput: an argument is not allowed.
    """
    problem = pose(points, specification)
    vectors = problem.vectors(COARSE)
    information = informed(problem, vectors, points.tags, points.texts, threshold)
    found = pick_by_information(problem, information)
    params = {
        "power": POWER,
        "label_threshold": threshold,
        "propagation_weight": PROPAGATION_WEIGHT,
        "label_source": information.source,
    }
    facts = {"algorithm": "lazy greedy on the label graph"} | found.facts
    made = measured(problem, vectors, found.order, "mig", params, facts)
    return replace(made, gain=found.gains)
