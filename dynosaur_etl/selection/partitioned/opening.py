"""What stands before the parts are solved: the cut, the first picks, and the scale of gains."""

from dataclasses import dataclass

import numpy as np

from dynosaur_etl.selection.graph.greedy import FIRST_PICKS
from dynosaur_etl.selection.greedy.measured import gain_over
from dynosaur_etl.selection.greedy.reference import chance_picks, reference_run, reference_sample
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.greedy.sampled import pick_by_samples
from dynosaur_etl.selection.greedy.samples import CLOSE
from dynosaur_etl.selection.partitioned.parts import Parts, cut
from dynosaur_etl.selection.problem.objective import Objective, Reference
from dynosaur_etl.selection.problem.problem import SelectionProblem
from dynosaur_etl.selection.problem.state import GreedyState
from dynosaur_etl.selection.vectors.fixed_point import COARSE, IntArray, Similarity, as_vectors

_OPENING_SAMPLE = 20_000


@dataclass(frozen=True)
class Opening:
    """A problem with its parts, of which the first picks are made.

    Attributes:
        problem: as it was posed.
        parts: of its points.
        state: with the must-includes and the first picks made.
        start: summed cover by the anchors.
        reference: of the whole set.
        objective: of the whole set.
    """

    problem: SelectionProblem
    parts: Parts
    state: GreedyState
    start: int
    reference: Reference
    objective: Objective


def open_parts(problem: SelectionProblem) -> Opening:
    """Cut the set, and make the first picks.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    parts = cut(problem.embeddings, problem.specification.part_points, problem.seed)
    state, start = _opening_state(problem, parts)
    reference = _sampled_reference(problem, state.cover)
    objective = problem.objective(reference, COARSE.one(problem.embeddings.shape[1]))
    _make_picks(problem, parts, state, _first_picks(problem, state, objective))
    return Opening(problem, parts, state, start, reference, objective)


def _opening_state(problem: SelectionProblem, parts: Parts) -> tuple[GreedyState, int]:
    """Anchors on the cover and must-includes picked; and the sum of the anchors' cover."""
    anchors = problem.anchor_vectors(COARSE)
    state = problem.bare_state(np.zeros(len(problem), np.int32))
    for members in parts.members:
        vectors = as_vectors(problem.embeddings[members], COARSE, "embeddings")
        state.cover[members] = problem.anchored_cover(vectors, anchors)
    state.cover[problem.constraints.excluded] = COARSE.one(problem.embeddings.shape[1])
    start = state.total(state.cover)
    _make_picks(problem, parts, state, problem.constraints.must_include)
    return state, start


def _make_picks(
    problem: SelectionProblem, parts: Parts, state: GreedyState, picks: IntArray
) -> None:
    """Record some picks in their order, covering the set part by part."""
    if not len(picks):
        return
    chosen = as_vectors(problem.embeddings[picks], COARSE, "embeddings")
    gains = np.zeros(len(picks), np.int64)
    for members in parts.members:
        vectors = as_vectors(problem.embeddings[members], COARSE, "embeddings")
        cover = state.cover[members]
        weight = None if state.weight is None else state.weight[members]
        for rank, pick in enumerate(picks.tolist()):
            row = vectors.cover_by(chosen.part(np.array([rank])))
            row[members == pick] = vectors.one
            gains[rank] += gain_over(row, cover, weight)
            np.maximum(cover, row, out=cover)
        state.cover[members] = cover
    for pick, gain in zip(picks.tolist(), gains.tolist(), strict=True):
        state.record(pick, gain)


def _first_picks(problem: SelectionProblem, state: GreedyState, objective: Objective) -> IntArray:
    """Greedy's first picks on a sample, so that a prefix of the selection is one too."""
    count = len(problem)
    size = min(count, _OPENING_SAMPLE)
    at = np.sort(np.random.default_rng(problem.seed).choice(count, size, replace=False))
    vectors = as_vectors(problem.embeddings[at], COARSE, "embeddings")
    sample = state.part(at, state.remaining)
    scaled = Objective(objective.rate[at] * (count / size), objective.quality_term[at])
    pick_by_samples(GreedyRun(vectors, sample, scaled, problem.seed), FIRST_PICKS, CLOSE)
    return at[np.array(sample.order, np.int64)].astype(np.int64)


def _sampled_reference(problem: SelectionProblem, cover: Similarity) -> Reference:
    sample = reference_sample(len(problem), problem.seed)
    drawn = chance_picks(len(problem), problem.expected_picks, problem.seed)
    here, there = (
        as_vectors(problem.embeddings[at], COARSE, "embeddings") for at in (sample, drawn)
    )
    whole, unit = problem.weights.whole, problem.weights.unit
    weight = None if whole is None else whole[sample]
    return reference_run(here, there, cover[sample], weight, len(problem), unit)
