"""Which earlier tasks to replay, by the definitions of the strategies."""

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection.assessment import metrics
from dynosaur_etl.selection.replay import STRATEGIES, replay
from tests.selection.conftest import clustered_pool

POOL = clustered_pool(1, 400)


def test_replay_follows_its_definitions() -> None:
    previous, current = POOL[:60], POOL[60:90]
    x = POOL.astype(np.float64) / np.linalg.norm(POOL, axis=1, keepdims=True)
    to_current, to_previous = (x[:60] @ x[60:90].T).sum(axis=1), (x[:60] @ x[:60].T).sum(axis=1)
    for strategy, values in (
        ("instruction-diverse", -to_current),
        ("data-diverse", -to_current),
        ("instruction-similar", to_current),
        ("instruction-support", to_previous),
    ):
        assert replay(strategy, previous, current, 5).tolist() == np.argsort(-values)[:5].tolist()
    assert not len(replay("none", previous, current, 5))
    assert len(set(replay("random", previous, current, 5, seed=1).tolist())) == 5
    chosen = replay("facility-location", previous, current, 5)
    drawn = replay("random", previous, current, 5)
    reached = [
        metrics.coverage(POOL[:90], np.concatenate((np.arange(60, 90), picks)))
        for picks in (chosen, drawn)
    ]
    assert reached[0] > reached[1]
    assert len(STRATEGIES) == 7
    for bad in (("best", previous, current, 5), ("random", previous, current[:, :3], 5)):
        with pytest.raises(InvalidInput):
            replay(*bad)
