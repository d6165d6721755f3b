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
    vectors: Vectors, state: State, objective: Objective, seed: int, pair_bytes: int
) -> dict[str, int]:
    """Make picks on `state` while any can be made, each the naive greedy one, ties to the lowest.

    `pair_bytes` is the memory that the list of pairs may take.

    Returns:
        Diagnostics: passes over all pairs, pairs kept, forecast picks proven.

    Raises:
        InvalidInput: the pairs do not fit in `pair_bytes`.
    """
    rough, measure = Measure(vectors, vectors.near_rows), Measure(vectors, vectors.rows)
    passes = proven = 0
    while True:
        ahead = state.copy()
        covers = foresee(rough, measure, ahead, objective, seed, pair_bytes, passes == 0)
        found = sweep(vectors, covers)
        passes += 1
        for stage, guess in enumerate(ahead.order[len(state.order) :]):
            if prove(measure, state, objective, guess, found.bounds[stage]) != guess:
                break
            proven += 1
        if state.order == ahead.order or not len(state.open_candidates()):
            finish(found.pairs, state, objective)
            return {"passes": passes, "pairs": len(found.pairs), "first_picks_proven": proven}


def foresee(
    rough: Measure,
    measure: Measure,
    state: State,
    objective: Objective,
    seed: int,
    pair_bytes: int,
    first_pass: bool,
) -> list[Similarity]:
    """Forecast picks by rough gains, and make them on `state` with their true ones.

    A later pass forecasts only if the pairs would not fit otherwise.
    """
    vectors = measure.vectors
    if (
        not first_pass
        and estimated_pairs(vectors, state.cover, seed) * BYTES_PER_PAIR <= pair_bytes
    ):
        return [state.cover.copy()]
    trial, known = state.copy(), len(state.order)
    forecast_within(rough, trial, objective, seed, pair_bytes)
    covers = [state.cover.copy()]
    for pick in trial.order[known:]:
        gain = int(measure.gains(np.array([pick]), state.cover)[0])
        state.accept(pick, gain, measure.rows[pick])
        covers.append(state.cover.copy())
    return covers


def run_near_exact(
    vectors: Vectors, state: State, objective: Objective, seed: int, pair_bytes: int
) -> dict[str, int]:
    """The same with the first picks as forecast; arguments and errors as `run_exact`."""
    covers = forecast_within(
        Measure(vectors, vectors.near_rows), state, objective, seed, pair_bytes
    )
    first = len(state.order)
    found = sweep(vectors, covers[-1:])
    finish(found.pairs, state, objective)
    return {"passes": 1, "pairs": len(found.pairs), "first_picks": first}


def forecast_within(
    measure: Measure, state: State, objective: Objective, seed: int, pair_bytes: int
) -> list[Similarity]:
    """Forecast as many picks as it takes for the remaining pairs to fit."""
    covers = forecast(measure, state, objective, FIRST_PICKS, seed)
    while (
        need := estimated_pairs(measure.vectors, covers[-1], seed) * BYTES_PER_PAIR
    ) > pair_bytes and len(state.open_candidates()):
        if len(covers) > MOST_FIRST_PICKS:
            raise InvalidInput(
                f"the pairs that matter need about {need / 2**30:.1f} GiB, and "
                f"{pair_bytes / 2**30:.1f} GiB are free for them; allowed: mode 'graph'"
            )
        covers += forecast(measure, state, objective, len(covers), seed)[1:]
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


def finish(pairs: Pairs, state: State, objective: Objective) -> None:
    """Make the picks that are left on the pairs that can still matter."""
    most = state.most_picks()
    order, gains = np.empty(most, np.int64), np.empty(most, np.int64)
    made = compiled(lazy_greedy)(
        pairs.starts,
        pairs.points,
        pairs.values,
        state.cover,
        objective.rate,
        objective.quality_term,
        state.group,
        state.room,
        state.cost,
        state.left,
        state.taken,
        order,
        gains,
    )
    state.order.extend(order[:made].tolist())
    state.gains.extend(gains[:made].tolist())
    state.left -= int(state.cost[order[:made]].sum())
