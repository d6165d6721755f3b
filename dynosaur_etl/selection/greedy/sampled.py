"""Sampled greedy: the first picks, found on samples of the points.

The first picks of a greedy selection are its dearest: nothing is covered yet, so every pair of
points matters. Here a sample of points ranks the candidates, and a larger one the best of them. A
warm start measures the best of these against the whole pool: that gives greedy's own first picks
nearly always; `exact` proves it, `near-exact` takes it as it is. The modes that approximate anyway
take the best of the larger sample.
"""

import numpy as np

from dynosaur_etl.selection.greedy.measured import MeasuredGains, Screen, gain_over
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.greedy.samples import SampledGains, SampleSizes, drawn_points
from dynosaur_etl.selection.vectors.fixed_point import IntArray, Similarity

_ROWS_AT_ONCE = 16


def pick_by_samples(run: GreedyRun, count: int, sizes: SampleSizes) -> None:
    """Make the next `count` picks, or fewer, each the best of a sample of the points.

    The gains over all points are computed once, at the end.
    """
    seen = run.trial()
    sampled = SampledGains.of(seen, sizes)
    screen = Screen(run, _both(run, sampled.points, _screened(run, sizes)))
    for _ in range(count):
        shortlist = sampled.shortlist(seen, sizes.shortlist)
        if not len(shortlist):
            break
        pick = int(screen.finalists(seen, shortlist, 1)[0])
        seen.state.record(pick, 0)
        screen.cover_by(pick, seen.state.cover)
        sampled.move_cover(seen.state.cover)
    _accept(run, np.array(seen.state.order[len(run.state.order) :], np.int64))


def _accept(run: GreedyRun, picks: IntArray) -> None:
    state = run.state
    for part in np.split(picks, range(_ROWS_AT_ONCE, len(picks), _ROWS_AT_ONCE)):
        for pick, row in zip(part.tolist(), run.vectors.near_rows(part), strict=True):
            state.accept(pick, gain_over(row, state.cover, state.weight), row)


def _screened(run: GreedyRun, sizes: SampleSizes) -> IntArray:
    """Positions of the points of the second sample, ascending."""
    rng = np.random.default_rng(run.seed + 1)
    return drawn_points(run, rng, min(sizes.screen, len(run)))


def _both(run: GreedyRun, one: IntArray, other: IntArray) -> IntArray:
    """The points of two samples; drawn by weight, each as often as in both."""
    if run.state.weight is None:
        return np.union1d(one, other)
    return np.sort(np.concatenate((one, other)))


def warm_start(
    run: GreedyRun, measured: MeasuredGains, count: int, sizes: SampleSizes
) -> list[Similarity]:
    """Make the next `count` picks, or fewer where no more can be made.

    Returns:
        The cover before each pick, and after the last.
    """
    state = run.state
    covers = [state.cover.copy()]
    sampled = SampledGains.of(run, sizes)
    screen = Screen(run, _screened(run, sizes))
    for _ in range(count):
        shortlist = sampled.shortlist(run, sizes.shortlist)
        if not len(shortlist):
            shortlist = state.open_candidates()[: sizes.shortlist]
        if not len(shortlist):
            break
        _accept_best(run, measured, screen.finalists(run, shortlist, sizes.finalists))
        sampled.move_cover(state.cover)
        covers.append(state.cover.copy())
    return covers


def _accept_best(run: GreedyRun, measured: MeasuredGains, finalists: IntArray) -> None:
    gains = measured.gains(finalists, run.state.cover)
    best = int(np.argmax(run.objective.scores(gains, finalists)))
    pick = int(finalists[best])
    run.state.accept(pick, int(gains[best]), measured.rows[pick])
