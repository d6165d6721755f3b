"""Whether sampled picks are greedy's own, by bounds of all other candidates' gains."""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.exact.warm import WarmStart
from dynosaur_etl.selection.greedy.measured import MeasuredGains
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.vectors.fixed_point import IntArray

_PART = 32
_MOST_RIVALS = 1024

Ceilings = NDArray[np.float64]
"""Upper bounds of all gains [n]; those of what is measured are lowered to its gain."""

Best = tuple[float, int, int]
"""Score, negative position and gain of a candidate, the better one larger."""


def confirm(run: GreedyRun, measured: MeasuredGains, plan: WarmStart, bounds: Ceilings) -> int:
    """Make the true picks, as many as were planned or as the bounds [stages, n] can decide.

    Gains never rise, so the bounds of a planned cover hold for every cover that is nowhere below
    it. After a wrong pick the last such bounds serve on, looser with every pick.

    Returns:
        How many of the planned picks were right.
    """
    right = 0
    for stage, planned in enumerate(plan.picks):
        holds = bool((plan.covers[stage] <= run.state.cover).all())
        if holds:
            ceilings = bounds[stage].copy()
        most = len(run) if holds else _MOST_RIVALS
        pick = _confirmed_pick(run, measured, planned, ceilings, most)
        if pick is None:
            break
        right += pick == planned
    return right


def _confirmed_pick(
    run: GreedyRun, measured: MeasuredGains, planned: int, ceilings: Ceilings, most_rivals: int
) -> int | None:
    """Make the true next pick, measuring all whose bound reaches the best so far.

    None, and no pick, where nothing may be picked any more or more than `most_rivals` would have
    to be measured.
    """
    everyone = run.state.open_candidates()
    if not len(everyone):
        return None
    scores = run.objective.scores(ceilings[everyone], everyone)
    if planned not in everyone:
        planned = int(everyone[np.argmax(scores)])
    best = _best_of(run, measured, np.array([planned]), ceilings)
    rivals = np.flatnonzero((scores >= best[0]) & (everyone != planned))
    if len(rivals) > most_rivals:
        return None
    rivals = rivals[np.argsort(-scores[rivals], kind="stable")]
    best = _best_rival(run, measured, best, everyone[rivals], scores[rivals], ceilings)
    pick = -best[1]
    measured.gains(np.array([pick]), run.state.cover)
    run.state.accept(pick, best[2], measured.rows[pick])
    return pick


def _best_rival(
    run: GreedyRun,
    measured: MeasuredGains,
    best: Best,
    rivals: IntArray,
    scores: Ceilings,
    ceilings: Ceilings,
) -> Best:
    """The best of a pick and its rivals, which come by their bounds from the highest down."""
    for start in range(0, len(rivals), _PART):
        if scores[start] < best[0]:
            break
        part = rivals[start : start + _PART]
        best = max(best, _best_of(run, measured, part, ceilings))
    return best


def _best_of(run: GreedyRun, measured: MeasuredGains, at: IntArray, ceilings: Ceilings) -> Best:
    """The best of some candidates; lowers their ceilings to their gains."""
    gains = measured.gains(at, run.state.cover)
    ceilings[at] = gains
    scores = run.objective.scores(gains, at).tolist()
    return max(zip(scores, (-at).tolist(), gains.tolist(), strict=True))
