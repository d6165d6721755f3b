"""Greedy selection, exact and near-exact, without a stored similarity matrix.

The first picks are forecast on a sample; one pass over all pairs then bounds every candidate's
gain at each of these picks and keeps the pairs that can matter after them. `exact` measures every
candidate whose bound reaches the forecast pick. Where the forecast was wrong, the true pick takes
its place and another pass follows from there. `near-exact` takes the forecast as it is, at half
the precision of the similarities.
"""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection.forecast import Measure, forecast
from dynosaur_etl.selection.kernels import compiled, lazy_greedy
from dynosaur_etl.selection.objective import Objective
from dynosaur_etl.selection.pairs import BYTES_PER_PAIR, Pairs, estimated_pairs, sweep
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import IntArray, Similarity, Vectors

FIRST_PICKS = 20
MOST_FIRST_PICKS = 384
PART = 32


def run_exact(
    vectors: Vectors, state: State, objective: Objective, k: int, seed: int, pair_bytes: int
) -> dict[str, int]:
    """Make picks on `state` until there are k, each the naive greedy one, ties to the lowest.

    `pair_bytes` is the memory that the list of pairs may take.

    Returns:
        Diagnostics: passes over all pairs, pairs kept, forecast picks proven.

    Raises:
        InvalidInput: the pairs do not fit in `pair_bytes`.
    """
    measure = Measure(vectors)
    passes = proven = 0
    ahead = state.copy()
    covers = forecast_within(measure, ahead, objective, k, seed, pair_bytes)
    while True:
        found = sweep(vectors, covers)
        passes += 1
        for stage, guess in enumerate(ahead.order[len(state.order) :]):
            if prove(measure, state, objective, guess, found.bounds[stage]) != guess:
                break
            proven += 1
        if state.order == ahead.order or len(state.order) == k:
            finish(found.pairs, state, objective, k)
            return {"passes": passes, "pairs": len(found.pairs), "first_picks_proven": proven}
        ahead = state.copy()
        covers = [state.cover.copy()]
        if estimated_pairs(vectors, state.cover, seed) * BYTES_PER_PAIR > pair_bytes:
            covers = forecast_within(measure, ahead, objective, k, seed, pair_bytes)


def run_near_exact(
    vectors: Vectors, state: State, objective: Objective, k: int, seed: int, pair_bytes: int
) -> dict[str, int]:
    """The same with the first picks as forecast; arguments and errors as `run_exact`."""
    covers = forecast_within(Measure(vectors), state, objective, k, seed, pair_bytes)
    first = len(state.order)
    found = sweep(vectors, covers[-1:])
    finish(found.pairs, state, objective, k)
    return {"passes": 1, "pairs": len(found.pairs), "first_picks": first}


def forecast_within(
    measure: Measure, state: State, objective: Objective, k: int, seed: int, pair_bytes: int
) -> list[Similarity]:
    """Forecast as many picks as it takes for the remaining pairs to fit."""
    covers = forecast(measure, state, objective, min(FIRST_PICKS, k - len(state.order)), seed)
    while (
        need := estimated_pairs(measure.vectors, covers[-1], seed) * BYTES_PER_PAIR
    ) > pair_bytes:
        more = min(len(covers), k - len(state.order))
        if not more:
            break
        if len(covers) > MOST_FIRST_PICKS:
            raise InvalidInput(
                f"the pairs that matter need about {need / 2**30:.1f} GiB, and "
                f"{pair_bytes / 2**30:.1f} GiB are free for them; allowed: mode 'graph'"
            )
        covers += forecast(measure, state, objective, more, seed)[1:]
    return covers


def prove(
    measure: Measure, state: State, objective: Objective, guess: int, bounds: NDArray[np.float64]
) -> int:
    """Make the true next pick on `state`, measuring all whose bound reaches the best so far."""
    everyone = state.open_candidates()
    ceilings = objective.scores(bounds[everyone], everyone)
    best, gain = best_of(measure, state, objective, np.array([guess]))
    rivals = np.flatnonzero((ceilings >= best[0]) & (everyone != guess))
    rivals = rivals[np.argsort(-ceilings[rivals], kind="stable")]
    for start in range(0, len(rivals), PART):
        part = rivals[start : start + PART]
        if ceilings[part[0]] < best[0]:
            break
        rival, rival_gain = best_of(measure, state, objective, everyone[part])
        if rival > best:
            best, gain = rival, rival_gain
    pick = -best[1]
    measure.gains(np.array([pick]), state.cover)
    state.accept(pick, gain, measure.rows[pick])
    return pick


def best_of(
    measure: Measure, state: State, objective: Objective, at: IntArray
) -> tuple[tuple[float, int], int]:
    """The best (score, -position) among some candidates, and its gain."""
    gains = measure.gains(at, state.cover)
    ranked = zip(objective.scores(gains, at).tolist(), (-at).tolist(), gains.tolist(), strict=True)
    score, negative, gain = max(ranked)
    return (score, negative), gain


def finish(pairs: Pairs, state: State, objective: Objective, k: int) -> None:
    """Make the picks that are left on the pairs that can still matter."""
    left = k - len(state.order)
    order, gains = np.empty(left, np.int64), np.empty(left, np.int64)
    compiled(lazy_greedy)(
        pairs.starts,
        pairs.points,
        pairs.values,
        state.cover,
        objective.weight,
        objective.quality_term,
        state.group,
        state.room,
        state.taken,
        order,
        gains,
    )
    state.order.extend(order.tolist())
    state.gains.extend(gains.tolist())
