"""Mode `partitioned`: parts solved one by one, then joined."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection import partition
from dynosaur_etl.selection.exact import finish
from dynosaur_etl.selection.forecast import CLOSE, pick_by_samples
from dynosaur_etl.selection.graph import FIRST_PICKS
from dynosaur_etl.selection.kernels import compiled, compress, replay
from dynosaur_etl.selection.objective import (
    Objective,
    Reference,
    chance_picks,
    reference_run,
    reference_sample,
)
from dynosaur_etl.selection.pairs import Pairs
from dynosaur_etl.selection.partition import Lists, Parts, PartTask
from dynosaur_etl.selection.problem import Problem
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import COARSE, IntArray, Similarity, as_vectors

OPENING_SAMPLE = 20_000
Solver = Callable[[Callable[[PartTask], IntArray], Iterable[PartTask]], Iterable[IntArray]]


@dataclass(frozen=True)
class Joined:
    """What the mode gives: the state after all picks, and what a `Selection` needs beside it."""

    state: State
    rises: IntArray
    start: int
    reference: Reference
    params: dict[str, Any]
    diagnostics: dict[str, Any]


@dataclass(frozen=True)
class Opening:
    """What stands before the parts are solved: the cut, the first picks, and the scale of gains."""

    parts: Parts
    state: State
    start: int
    reference: Reference
    objective: Objective


def run(problem: Problem, solve: Solver = map, part_points: int = partition.PART_POINTS) -> Joined:
    """Both rounds.

    Args:
        problem: the checked arguments.
        solve: maps `solve_part` over the parts' tasks, in order, wherever it likes.
        part_points: most points of a part.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    opening = opened(problem, part_points)
    parts, state, reference = opening.parts, opening.state, opening.reference
    candidates = gather(problem, parts, state, opening.objective, reference, solve)
    rises = join(problem, parts, state, opening.objective, reference, candidates)
    return Joined(
        state,
        rises,
        opening.start,
        reference,
        {"part_points": part_points, "baseline_cap": reference.coverage},
        {"parts": len(parts.members), "candidates": len(candidates)},
    )


def opened(problem: Problem, part_points: int) -> Opening:
    """Cut the set, and make the first picks.

    Raises:
        InvalidInput: a vector is zero, or a value is not finite.
    """
    parts = partition.cut(problem.embeddings, part_points, problem.seed)
    state, start = opening_state(problem, parts)
    reference = sample_reference(problem, state.cover)
    objective = problem.objective(reference, COARSE.one(problem.embeddings.shape[1]))
    make_picks(problem, parts, state, first_picks(problem, state, objective))
    return Opening(parts, state, start, reference, objective)


def first_tasks(problem: Problem, part_points: int) -> Iterator[PartTask]:
    """The parts' work as `run` asks for it first, to be done ahead of it."""
    at = opened(problem, part_points)
    return part_tasks(problem, at.parts, at.state, at.objective, at.reference, partition.OVERSAMPLE)


def opening_state(problem: Problem, parts: Parts) -> tuple[State, int]:
    """Anchors on the cover and must-includes picked; and the sum of the anchors' cover."""
    anchors = problem.anchor_vectors(COARSE)
    state = problem.bare_state(np.zeros(len(problem), np.int32))
    for members in parts.members:
        vectors = as_vectors(problem.embeddings[members], COARSE, "embeddings")
        state.cover[members] = problem.anchored_cover(vectors, anchors)
    state.cover[problem.barred] = COARSE.one(problem.embeddings.shape[1])
    start = int(state.cover.sum(dtype=np.int64))
    make_picks(problem, parts, state, problem.must_include)
    return state, start


def make_picks(problem: Problem, parts: Parts, state: State, picks: IntArray) -> None:
    """Record some picks in their order, covering the set part by part."""
    if not len(picks):
        return
    chosen = as_vectors(problem.embeddings[picks], COARSE, "embeddings")
    gains = np.zeros(len(picks), np.int64)
    for members in parts.members:
        vectors = as_vectors(problem.embeddings[members], COARSE, "embeddings")
        cover = state.cover[members]
        for rank, pick in enumerate(picks.tolist()):
            row = vectors.cover_by(chosen.part(np.array([rank])))
            row[members == pick] = vectors.one
            gains[rank] += np.maximum(row - cover, 0).sum(dtype=np.int64)
            np.maximum(cover, row, out=cover)
        state.cover[members] = cover
    for pick, gain in zip(picks.tolist(), gains.tolist(), strict=True):
        state.record(pick, gain)


def first_picks(problem: Problem, state: State, objective: Objective) -> IntArray:
    """Greedy's first picks on a sample, so that a prefix of the selection is one too."""
    count = len(problem)
    size = min(count, OPENING_SAMPLE)
    at = np.sort(np.random.default_rng(problem.seed).choice(count, size, replace=False))
    vectors = as_vectors(problem.embeddings[at], COARSE, "embeddings")
    sample = State(
        state.cover[at], state.taken[at], state.group[at], state.room.copy(), state.cost[at],
        state.left,
    )  # fmt: skip
    scaled = Objective(objective.rate[at] * (count / size), objective.quality_term[at])
    pick_by_samples(vectors, sample, scaled, FIRST_PICKS, CLOSE, problem.seed)
    return at[np.array(sample.order, np.int64)].astype(np.int64)


def sample_reference(problem: Problem, cover: Similarity) -> Reference:
    sample = reference_sample(len(problem), problem.seed)
    drawn = chance_picks(len(problem), problem.purse.likely_picks, problem.seed)
    here, there = (
        as_vectors(problem.embeddings[at], COARSE, "embeddings") for at in (sample, drawn)
    )
    return reference_run(here, there, cover[sample], len(problem))


def gather(
    problem: Problem,
    parts: Parts,
    state: State,
    objective: Objective,
    reference: Reference,
    solve: Solver,
) -> IntArray:
    """Positions of all parts' candidates, ascending: enough for every pick that has to be made."""
    oversample = partition.OVERSAMPLE
    while True:
        tasks = part_tasks(problem, parts, state, objective, reference, oversample)
        chosen = solve(partition.solve_part, tasks)
        found = [at[own] for at, own in zip(parts.members, chosen, strict=True)]
        candidates = np.sort(np.concatenate(found))
        per_group = np.bincount(state.group[candidates], minlength=len(state.room))
        possible = int(np.minimum(per_group, state.room).sum())
        if possible >= problem.purse.fixed_picks - len(state.order):
            return candidates
        oversample *= 2


def part_tasks(
    problem: Problem,
    parts: Parts,
    state: State,
    objective: Objective,
    reference: Reference,
    oversample: float,
) -> Iterator[PartTask]:
    total = int(state.cost.sum())
    for at in parts.members:
        share = int(np.ceil(oversample * state.left * state.cost[at].sum() / total))
        picks = int(np.clip(share / state.cost[at].mean(), 1, len(at)))
        own = State(
            state.cover[at], state.taken[at], state.group[at], state.room, state.cost[at], share
        )
        yield PartTask(
            problem.embeddings[at], own.copy(), objective.part(at), reference, picks, problem.seed
        )


def join(
    problem: Problem,
    parts: Parts,
    state: State,
    objective: Objective,
    reference: Reference,
    candidates: IntArray,
) -> IntArray:
    """Pick among the candidates along the parts' lists; gives the rise of cover at each pick."""
    rises = np.array(state.gains, np.int64)
    if not len(candidates):
        return rises
    one = COARSE.one(problem.embeddings.shape[1])
    listed = min(partition.LISTED, len(candidates))
    numbers = np.empty((len(problem), listed), np.int32)
    values = np.empty((len(problem), listed), np.int32)
    for members, lists in listings(problem, parts, candidates, listed):
        numbers[members], values[members] = lists.candidates, lists.similarities
    values[candidates[numbers] == np.arange(len(problem))[:, None]] = one
    pairs = listed_pairs(numbers, values, state.cover, len(candidates))
    baseline = np.minimum(values[:, -1], int(reference.coverage * one))
    few = State(
        np.maximum(state.cover, baseline) if len(candidates) > listed else state.cover.copy(),
        np.zeros(len(candidates), np.bool_),
        state.group[candidates],
        state.room,
        state.cost[candidates],
        state.left,
    )
    finish(pairs, few, objective.part(candidates))
    later = np.empty(len(few.order), np.int64)
    order = np.array(few.order, np.int64)
    compiled(replay)(pairs.starts, pairs.points, pairs.values, state.cover, order, later)
    for pick, gain in zip(candidates[order].tolist(), few.gains, strict=True):
        state.order.append(pick)
        state.gains.append(gain)
    return np.concatenate((rises, later))


def listings(
    problem: Problem, parts: Parts, candidates: IntArray, listed: int
) -> Iterator[tuple[IntArray, Lists]]:
    """Each part's points with the nearest candidates of the parts around it."""
    own = [np.searchsorted(candidates, np.intersect1d(at, candidates)) for at in parts.members]
    for part, members in enumerate(parts.members):
        numbers = np.sort(np.concatenate([own[other] for other in parts.around(part)]))
        if len(numbers) < listed:
            numbers = np.arange(len(candidates))
        near: NDArray[np.number] = problem.embeddings[candidates[numbers]]
        yield members, partition.cover_part(problem.embeddings[members], near, numbers, listed)


def listed_pairs(
    numbers: NDArray[np.int32], values: Similarity, cover: Similarity, count: int
) -> Pairs:
    """The pairs of the lists that lie above a cover, sorted by candidate."""
    keep = values > cover[:, None]
    points = np.nonzero(keep)[0].astype(np.int32)
    pairs = Pairs(np.zeros(count + 1, np.int64), np.empty_like(points), np.empty_like(points))
    compiled(compress)(
        numbers[keep], points, values[keep], pairs.starts, pairs.points, pairs.values
    )
    return pairs
