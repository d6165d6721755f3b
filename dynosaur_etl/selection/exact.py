"""Greedy selection, exact and near-exact, without a stored similarity matrix.

The first picks are forecast on a sample; one pass over all pairs then bounds every candidate's
gain at each of these picks and keeps the pairs that can matter after them. `exact` measures every
candidate whose bound reaches the forecast pick. Where the forecast was wrong, the true pick takes
its place, and the points that it leaves less covered than forecast are listed again; if they are
many, another pass follows. `near-exact` takes the forecast as it is, at half the precision of the
similarities.
"""

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection.forecast import Measure, effort_to_foresee, forecast
from dynosaur_etl.selection.kernels import compiled, lazy_greedy
from dynosaur_etl.selection.objective import Objective
from dynosaur_etl.selection.pairs import BYTES_PER_PAIR, Buckets, Pairs, estimated_pairs, sweep
from dynosaur_etl.selection.state import State
from dynosaur_etl.selection.vectors import BLOCK, IntArray, Similarity, Vectors

FIRST_PICKS = 24
MOST_FIRST_PICKS = 384
PART = 32
MOST_RIVALS = 1024
MOST_MENDED = 1 / 8
MENDED_CELLS = 2**24


def run_exact(
    vectors: Vectors, state: State, objective: Objective, seed: int, pair_bytes: int
) -> dict[str, int]:
    """Make picks on `state` while any can be made, each the naive greedy one, ties to the lowest.

    `pair_bytes` is the memory that the list of pairs may take.

    Returns:
        Diagnostics: passes over all pairs, pairs kept, first picks as forecast, points whose
        pairs were listed anew because their cover was forecast too high.

    Raises:
        InvalidInput: the pairs do not fit in `pair_bytes`.
    """
    measure = Measure(len(vectors), vectors.rows)
    passes = foreseen = 0
    while True:
        ahead = state.copy()
        covers = foresee(vectors, measure, ahead, objective, seed, pair_bytes, passes == 0)
        found = sweep(vectors, covers)
        passes += 1
        guesses = ahead.order[len(state.order) :]
        foreseen += follow(measure, state, objective, guesses, covers, found.bounds)
        wrong = np.flatnonzero(state.cover < covers[-1])
        if len(wrong) <= MOST_MENDED * len(vectors) or not len(state.open_candidates()):
            break
    list_again(vectors, state.cover, covers[-1], wrong, found.buckets)
    pairs = found.buckets.pairs()
    finish(pairs, state, objective)
    return {
        "passes": passes,
        "pairs": len(pairs),
        "first_picks_foreseen": foreseen,
        "points_listed_again": len(wrong),
    }


def foresee(
    vectors: Vectors,
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
    if (
        not first_pass
        and estimated_pairs(vectors, state.cover, seed) * BYTES_PER_PAIR <= pair_bytes
    ):
        return [state.cover.copy()]
    trial, known = state.copy(), len(state.order)
    forecast_within(vectors, trial, objective, seed, pair_bytes)
    covers = [state.cover.copy()]
    for pick in trial.order[known:]:
        gain = int(measure.gains(np.array([pick]), state.cover)[0])
        state.accept(pick, gain, measure.rows[pick])
        covers.append(state.cover.copy())
    return covers


def follow(
    measure: Measure,
    state: State,
    objective: Objective,
    guesses: list[int],
    covers: list[Similarity],
    bounds: NDArray[np.float64],
) -> int:
    """Make the true picks on `state`, as many as were guessed or as the bounds can decide.

    Gains never rise, so the bounds of a forecast cover hold for every cover that is nowhere
    below it. After a wrong guess the last such bounds serve on, looser with every pick.

    Returns:
        How many of the guesses were right.
    """
    right = 0
    for stage, guess in enumerate(guesses):
        holds = bool((covers[stage] <= state.cover).all())
        if holds:
            ceilings = bounds[stage].copy()
        pick = prove(
            measure, state, objective, guess, ceilings, len(state.cover) if holds else MOST_RIVALS
        )
        if pick is None:
            break
        right += pick == guess
    return right


def run_near_exact(
    vectors: Vectors, state: State, objective: Objective, seed: int, pair_bytes: int
) -> dict[str, int]:
    """The same with the first picks as forecast; arguments and errors as `run_exact`."""
    covers = forecast_within(vectors, state, objective, seed, pair_bytes)
    first = len(state.order)
    pairs = sweep(vectors, covers[-1:]).buckets.pairs()
    finish(pairs, state, objective)
    return {"passes": 1, "pairs": len(pairs), "first_picks": first}


def forecast_within(
    vectors: Vectors, state: State, objective: Objective, seed: int, pair_bytes: int
) -> list[Similarity]:
    """Forecast as many picks as it takes for the remaining pairs to fit."""
    measure = Measure(len(vectors), vectors.near_rows)
    effort = effort_to_foresee(len(vectors))
    covers = forecast(vectors, measure, state, objective, FIRST_PICKS, effort, seed)
    while (
        need := estimated_pairs(vectors, covers[-1], seed) * BYTES_PER_PAIR
    ) > pair_bytes and len(state.open_candidates()):
        if len(covers) > MOST_FIRST_PICKS:
            raise InvalidInput(
                f"the pairs that matter need about {need / 2**30:.1f} GiB, and "
                f"{pair_bytes / 2**30:.1f} GiB are free for them; allowed: mode 'graph'"
            )
        covers += forecast(vectors, measure, state, objective, len(covers), effort, seed)[1:]
    return covers


def prove(
    measure: Measure,
    state: State,
    objective: Objective,
    guess: int,
    ceilings: NDArray[np.float64],
    most_rivals: int,
) -> int | None:
    """Make the true next pick on `state`, measuring all whose bound reaches the best so far.

    `ceilings` bound all gains; those of what is measured are lowered. None, and no pick, where
    nothing may be picked any more or more than `most_rivals` would have to be measured.
    """
    everyone = state.open_candidates()
    if not len(everyone):
        return None
    scores = objective.scores(ceilings[everyone], everyone)
    if guess not in everyone:
        guess = int(everyone[np.argmax(scores)])
    best, gain = best_of(measure, state, objective, np.array([guess]), ceilings)
    rivals = np.flatnonzero((scores >= best[0]) & (everyone != guess))
    if len(rivals) > most_rivals:
        return None
    rivals = rivals[np.argsort(-scores[rivals], kind="stable")]
    for start in range(0, len(rivals), PART):
        part = rivals[start : start + PART]
        if scores[part[0]] < best[0]:
            break
        rival, rival_gain = best_of(measure, state, objective, everyone[part], ceilings)
        if rival > best:
            best, gain = rival, rival_gain
    pick = -best[1]
    measure.gains(np.array([pick]), state.cover)
    state.accept(pick, gain, measure.rows[pick])
    return pick


def best_of(
    measure: Measure,
    state: State,
    objective: Objective,
    at: IntArray,
    ceilings: NDArray[np.float64],
) -> tuple[tuple[float, int], int]:
    """The best (score, -position) among some candidates, and its gain; lowers their ceilings."""
    gains = measure.gains(at, state.cover)
    ceilings[at] = gains
    ranked = zip(objective.scores(gains, at).tolist(), (-at).tolist(), gains.tolist(), strict=True)
    score, negative, gain = max(ranked)
    return (score, negative), gain


def list_again(
    vectors: Vectors, cover: Similarity, forecast_cover: Similarity, at: IntArray, buckets: Buckets
) -> None:
    """List the pairs of some points that lie above their cover, and not above the forecast one."""
    step = max(MENDED_CELLS // len(vectors), 1)
    for start in range(0, len(at), step):
        points = at[start : start + step]
        rows = vectors.rows(points)
        missing = (rows > cover[points, None]) & (rows <= forecast_cover[points, None])
        for first in range(0, len(vectors), BLOCK):
            own, candidates = np.nonzero(missing[:, first : first + BLOCK])
            values = rows[own, first + candidates]
            listed = points[own].astype(np.int32)
            buckets.add(first, candidates.astype(np.int16), listed, values)


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
