"""Greedy selection, exact and near-exact, without a stored similarity matrix.

A warm start makes the first picks by sampled greedy; one pass over all pairs then bounds every
candidate's gain at each of these picks and keeps the pairs that can matter after them. `exact`
confirms the warm start: it measures every candidate whose bound reaches the sampled pick. Where
that was wrong, the true pick takes its place, and the points that it leaves less covered are
listed again; if they are many, another pass follows. `near-exact` takes the warm start as it is,
at half the precision of the similarities. The other picks are made by lazy greedy on the pairs.
"""

import numpy as np

from dynosaur_etl.selection.exact.buckets import Buckets
from dynosaur_etl.selection.exact.confirming import confirm
from dynosaur_etl.selection.exact.pair_pass import PairPass, pass_over_pairs
from dynosaur_etl.selection.exact.warm import WarmStart, planned_covers, warm_start_within
from dynosaur_etl.selection.greedy.measured import MeasuredGains
from dynosaur_etl.selection.greedy.pairs import pick_lazily
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.vectors.fixed_point import BLOCK, IntArray, Similarity

_MOST_RELISTED = 1 / 8
_RELISTED_CELLS = 2**24


def run_exact(run: GreedyRun, pair_bytes: int) -> dict[str, int]:
    """Make picks while any can be made, each the naive greedy one, ties to the lowest.

    `pair_bytes` is the memory that the list of pairs may take.

    Returns:
        Diagnostics: passes over all pairs, pairs kept, sampled picks that were confirmed, points
        whose pairs were listed again because their cover was taken for too high.

    Raises:
        InvalidInput: the pairs do not fit in `pair_bytes`.
    """
    measured = MeasuredGains(len(run), run.vectors.rows, run.state.weight)
    passes = confirmed = 0
    while True:
        plan = planned_covers(run, measured, pair_bytes, passes == 0)
        found = pass_over_pairs(run.vectors, plan.covers, run.state.weight)
        passes += 1
        confirmed += confirm(run, measured, plan, found.bounds)
        wrong = np.flatnonzero(run.state.cover < plan.covers[-1])
        if len(wrong) <= _MOST_RELISTED * len(run) or not len(run.state.open_candidates()):
            break
    kept = _pick_the_rest(run, found, plan, wrong)
    counts = {"passes": passes, "pairs": kept}
    return counts | {"warm_start_confirmed": confirmed, "points_relisted": len(wrong)}


def run_near_exact(run: GreedyRun, pair_bytes: int) -> dict[str, int]:
    """Make the same picks with the warm start as it is; arguments and errors as `run_exact`.

    Returns:
        Diagnostics: passes over all pairs, pairs kept, picks of the warm start.
    """
    covers = warm_start_within(run, pair_bytes)
    first = len(run.state.order)
    pairs = pass_over_pairs(run.vectors, covers[-1:]).buckets.pairs()
    pick_lazily(pairs, run.state, run.objective)
    return {"passes": 1, "pairs": len(pairs), "warm_start_picks": first}


def _pick_the_rest(run: GreedyRun, found: PairPass, plan: WarmStart, wrong: IntArray) -> int:
    """Make the other picks by lazy greedy; the number of pairs that it went by."""
    _list_again(run, plan.covers[-1], wrong, found.buckets)
    pairs = found.buckets.pairs()
    pick_lazily(pairs, run.state, run.objective)
    return len(pairs)


def _list_again(run: GreedyRun, planned: Similarity, at: IntArray, buckets: Buckets) -> None:
    """List the pairs of some points that lie above their cover, and not above the planned one."""
    cover = run.state.cover
    step = max(_RELISTED_CELLS // len(run), 1)
    for start in range(0, len(at), step):
        points = at[start : start + step]
        rows = run.vectors.rows(points)
        missing = (rows > cover[points, None]) & (rows <= planned[points, None])
        for first in range(0, len(run), BLOCK):
            own, candidates = np.nonzero(missing[:, first : first + BLOCK])
            values = rows[own, first + candidates]
            listed = points[own].astype(np.int32)
            buckets.add(first, candidates.astype(np.int16), listed, values)
