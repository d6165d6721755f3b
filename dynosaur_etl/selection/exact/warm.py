"""The warm start of the modes `exact` and `near-exact`."""

from dataclasses import dataclass

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection.exact.pair_pass import BYTES_PER_PAIR, estimated_pairs
from dynosaur_etl.selection.greedy.measured import MeasuredGains
from dynosaur_etl.selection.greedy.run import GreedyRun
from dynosaur_etl.selection.greedy.sampled import warm_start
from dynosaur_etl.selection.greedy.samples import warm_start_sizes
from dynosaur_etl.selection.vectors.fixed_point import Similarity

FIRST_PICKS = 24
_MOST_FIRST_PICKS = 384


@dataclass(frozen=True)
class WarmStart:
    """Picks that greedy is expected to make next.

    Attributes:
        picks: in their order.
        covers: the cover before each of them, and after the last.
    """

    picks: list[int]
    covers: list[Similarity]


def planned_covers(
    run: GreedyRun, measured: MeasuredGains, pair_bytes: int, first_pass: bool
) -> WarmStart:
    """WarmStart picks by rough gains, and cover the points with their true similarities.

    A later pass plans any only if the pairs would not fit otherwise.

    Raises:
        InvalidInput: the pairs do not fit in `pair_bytes`.
    """
    if not first_pass and _fits(run, run.state.cover, pair_bytes):
        return WarmStart([], [run.state.cover.copy()])
    trial, ahead = run.trial(), run.state.copy()
    warm_start_within(trial, pair_bytes)
    picks = trial.state.order[len(run.state.order) :]
    covers = [ahead.cover.copy()]
    for pick in picks:
        gain = int(measured.gains(np.array([pick]), ahead.cover)[0])
        ahead.accept(pick, gain, measured.rows[pick])
        covers.append(ahead.cover.copy())
    return WarmStart(picks, covers)


def warm_start_within(run: GreedyRun, pair_bytes: int) -> list[Similarity]:
    """Make as many picks by sampled greedy as it takes for the remaining pairs to fit.

    Returns:
        The cover before each pick, and after the last.

    Raises:
        InvalidInput: the pairs do not fit in `pair_bytes`.
    """
    measured = MeasuredGains(len(run), run.vectors.near_rows, run.state.weight)
    sizes = warm_start_sizes(len(run))
    covers = warm_start(run, measured, FIRST_PICKS, sizes)
    while not _fits(run, covers[-1], pair_bytes) and len(run.state.open_candidates()):
        if len(covers) > _MOST_FIRST_PICKS:
            raise InvalidInput(_too_many_pairs(run, covers[-1], pair_bytes))
        covers += warm_start(run, measured, len(covers), sizes)[1:]
    return covers


def _fits(run: GreedyRun, cover: Similarity, pair_bytes: int) -> bool:
    return _needed_bytes(run, cover) <= pair_bytes


def _needed_bytes(run: GreedyRun, cover: Similarity) -> int:
    return estimated_pairs(run.vectors, cover, run.seed) * BYTES_PER_PAIR


def _too_many_pairs(run: GreedyRun, cover: Similarity, pair_bytes: int) -> str:
    need = _needed_bytes(run, cover) / 2**30
    return (
        f"the pairs that matter need about {need:.1f} GiB, and "
        f"{pair_bytes / 2**30:.1f} GiB are free for them; allowed: mode 'graph'"
    )
