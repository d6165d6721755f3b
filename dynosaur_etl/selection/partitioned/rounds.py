"""Both rounds of the mode `partitioned`: parts solved one by one, then joined.

After GreeDi (Mirzasoleiman et al. 2013), but with parts made of near points rather than random
ones, so that a part's picks cover its points as well as the whole set's would.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.greedy.pairs import Pairs, pick_lazily, rises_of, sorted_pairs
from dynosaur_etl.selection.partitioned.opening import Opening, open_parts
from dynosaur_etl.selection.partitioned.part_task import (
    CandidateLists,
    PartTask,
    cover_part,
    solve_part,
)
from dynosaur_etl.selection.problem.problem import SelectionProblem
from dynosaur_etl.selection.problem.result import Outcome
from dynosaur_etl.selection.vectors.fixed_point import COARSE, IntArray, Similarity

_OVERSAMPLE = 2.0
_LISTED = 8

Solver = Callable[[Callable[[PartTask], IntArray], Iterable[PartTask]], Iterable[IntArray]]
"""Maps `solve_part` over the parts' tasks, in order, wherever it likes."""


def run_partitioned(problem: SelectionProblem, solve: Solver = map) -> Outcome:
    """Run both rounds.

    Args:
        problem: as it was posed.
        solve: maps a function over the parts' tasks.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    opening = open_parts(problem)
    candidates = _gathered(opening, solve)
    rises = _join(opening, candidates)
    return Outcome(
        method="partitioned",
        state=opening.state,
        rises=rises,
        start=opening.start,
        reference=opening.reference,
        resolution=COARSE,
        params={
            "part_points": problem.specification.part_points,
            "baseline_cap": opening.reference.coverage,
        },
        diagnostics={
            "algorithm": "lazy greedy on the parts' candidates",
            "warm_start": "sampled greedy",
            "parts": len(opening.parts.members),
            "candidates": len(candidates),
        },
    )


def first_tasks(problem: SelectionProblem) -> Iterator[PartTask]:
    """Yield the parts' work as `run_partitioned` asks for it first, to be done ahead of it."""
    return _part_tasks(open_parts(problem), _OVERSAMPLE)


def _gathered(opening: Opening, solve: Solver) -> IntArray:
    """Positions of all parts' candidates, ascending: enough for every pick that has to be made."""
    state, required = opening.state, opening.problem.constraints.budget.required_picks
    oversample = _OVERSAMPLE
    while True:
        chosen = solve(solve_part, _part_tasks(opening, oversample))
        found = [at[own] for at, own in zip(opening.parts.members, chosen, strict=True)]
        candidates = np.sort(np.concatenate(found))
        per_group = np.bincount(state.group[candidates], minlength=len(state.capacity))
        possible = int(np.minimum(per_group, state.capacity).sum())
        if possible >= required - len(state.order):
            return candidates
        oversample *= 2


def _part_tasks(opening: Opening, oversample: float) -> Iterator[PartTask]:
    problem, state = opening.problem, opening.state
    worth = state.cost if state.weight is None else state.weight + 1
    total = int(worth.sum())
    for at in opening.parts.members:
        share = int(np.ceil(oversample * state.remaining * worth[at].sum() / total))
        picks = int(np.clip(share / state.cost[at].mean(), 1, len(at)))
        yield PartTask(
            problem.embeddings[at],
            state.part(at, share),
            opening.objective.part(at),
            opening.reference,
            picks,
            problem.seed,
        )


def _join(opening: Opening, candidates: IntArray) -> IntArray:
    """Pick among the candidates along the parts' lists; the rise of cover at each pick."""
    state = opening.state
    rises = np.array(state.gains, np.int64)
    if not len(candidates):
        return rises
    numbers, values = _listed(opening, candidates)
    pairs = _listed_pairs(numbers, values, state.cover, len(candidates))
    few = state.part(candidates, state.remaining)
    few.cover, few.weight = state.cover.copy(), state.weight
    if len(candidates) > numbers.shape[1]:
        one = COARSE.one(opening.problem.embeddings.shape[1])
        baseline = np.minimum(values[:, -1], int(opening.reference.coverage * one))
        np.maximum(few.cover, baseline, out=few.cover)
    pick_lazily(pairs, few, opening.objective.part(candidates))
    order = np.array(few.order, np.int64)
    later = rises_of(pairs, state.cover, order, state.weight)
    state.order.extend(candidates[order].tolist())
    state.gains.extend(few.gains)
    return np.concatenate((rises, later))


def _listed(opening: Opening, candidates: IntArray) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The candidates nearest to each point, and their similarities [n, listed]."""
    count = len(opening.problem)
    listed = min(_LISTED, len(candidates))
    numbers = np.empty((count, listed), np.int32)
    values = np.empty((count, listed), np.int32)
    for members, lists in _part_lists(opening, candidates, listed):
        numbers[members], values[members] = lists.candidates, lists.similarities
    one = COARSE.one(opening.problem.embeddings.shape[1])
    values[candidates[numbers] == np.arange(count)[:, None]] = one
    return numbers, values


def _part_lists(
    opening: Opening, candidates: IntArray, listed: int
) -> Iterator[tuple[IntArray, CandidateLists]]:
    """Each part's points with the nearest candidates of the parts around it."""
    parts, embeddings = opening.parts, opening.problem.embeddings
    own = [np.searchsorted(candidates, np.intersect1d(at, candidates)) for at in parts.members]
    for part, members in enumerate(parts.members):
        numbers = np.sort(np.concatenate([own[other] for other in parts.around(part)]))
        if len(numbers) < listed:
            numbers = np.arange(len(candidates))
        near: NDArray[np.number] = embeddings[candidates[numbers]]
        yield members, cover_part(embeddings[members], near, numbers, listed)


def _listed_pairs(
    numbers: NDArray[np.int32], values: Similarity, cover: Similarity, count: int
) -> Pairs:
    """The pairs of the lists that lie above a cover, sorted by candidate."""
    keep = values > cover[:, None]
    points = np.nonzero(keep)[0].astype(np.int32)
    return sorted_pairs(numbers[keep], points, values[keep], count)
