"""Stages, what each trains on, and the replay rules on vectors made by hand."""

import numpy as np
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.selection.replay import STRATEGIES
from dynosaur_etl.training.continual import (
    ALL,
    StageFigures,
    TaskVectors,
    draw_stages,
    forgetting,
    replayed_tasks,
    stage_examples,
    stage_of,
    transfer,
)
from dynosaur_etl.training.experiments.replay import task_vectors
from dynosaur_etl.training.sets import Example

EARLIER, NOW = ["east", "north-east", "north", "west"], ["now-east", "now-north-east"]


def unit(degrees: float) -> np.ndarray:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], np.float32)


ANGLES = {
    "east": 0,
    "north-east": 40,
    "north": 90,
    "west": 180,
    "now-east": 5,
    "now-north-east": 30,
}
VECTORS = TaskVectors(
    {name: unit(angle) for name, angle in ANGLES.items()},
    {name: unit(180 - angle) for name, angle in ANGLES.items()} | {"now-east": unit(5)},
)


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        # cosines to the two new tasks sum up to 1.86, 1.80, 0.59 and -1.73
        ("instruction-similar", ["east", "north-east"]),
        ("instruction-diverse", ["west", "north"]),
        # cosines among the earlier tasks sum up to 0.78, 1.77, 1.82 and -0.45
        ("instruction-support", ["north", "north-east"]),
        ("none", []),
    ],
)
def test_each_strategy_replays_what_its_rule_says(strategy: str, wanted: list[str]) -> None:
    assert replayed_tasks(strategy, EARLIER, NOW, VECTORS, 2, seed=0) == wanted


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"none", "random"}))
def test_each_strategy_is_the_papers_definition_on_many_vectors(strategy: str) -> None:
    """S_cp are cosines of current to previous tasks, S_pp of previous ones among themselves."""
    random = np.random.default_rng(7)
    for _ in range(20):
        names = [f"p{n}" for n in range(9)] + [f"c{n}" for n in range(4)]
        kinds = [random.normal(size=(13, 5)).astype(np.float32) for _ in range(2)]
        kinds = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in kinds]
        vectors = TaskVectors(*(dict(zip(names, rows, strict=True)) for rows in kinds))
        rows = kinds[1] if strategy.startswith("data") else kinds[0]
        previous, current = rows[:9].astype(np.float64), rows[9:].astype(np.float64)
        found = replayed_tasks(strategy, names[:9], names[9:], vectors, 3, seed=0)
        if strategy == "facility-location":
            gains = first_gains(previous, current)  # those of two nearest neighbours are equal
            assert gains[names.index(found[0])] == pytest.approx(gains.max(), abs=1e-4)
            continue
        sums = {
            "instruction-diverse": -(current @ previous.T).sum(axis=0),
            "data-diverse": -(current @ previous.T).sum(axis=0),
            "instruction-similar": (current @ previous.T).sum(axis=0),
            "instruction-support": (previous @ previous.T).sum(axis=1),
        }[strategy]
        assert found == [names[at] for at in np.argsort(-sums)[:3]]


def first_gains(previous: np.ndarray, current: np.ndarray) -> np.ndarray:
    """What each earlier task adds to the cover of all earlier ones, given the current ones."""
    covered = np.maximum((previous @ current.T).max(axis=1), 0)
    return np.maximum(np.maximum(previous @ previous.T, 0) - covered, 0).sum(axis=1)


def test_random_replay_is_drawn_by_the_seed_and_all_is_all() -> None:
    drawn = [replayed_tasks("random", EARLIER, NOW, VECTORS, 2, seed) for seed in range(8)]
    assert drawn[0] == replayed_tasks("random", EARLIER, NOW, VECTORS, 2, 0)
    assert len({tuple(tasks) for tasks in drawn}) > 2
    assert all(len(set(tasks)) == 2 for tasks in drawn)
    assert replayed_tasks(ALL, EARLIER, NOW, VECTORS, 2, 0) == EARLIER
    assert replayed_tasks("random", EARLIER, NOW, VECTORS, 99, 0) != []
    assert replayed_tasks("random", [], NOW, VECTORS, 3, 0) == []


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(InvalidInput, match="replay strategy"):
        replayed_tasks("best", EARLIER, NOW, VECTORS, 2, 0)


def examples(sources: int = 9, tasks: int = 3, rows: int = 6) -> list[Example]:
    return [
        Example(f"{s}-{t}-{r}", ({"role": "user", "content": f"Do {t}.\n\n{r}"},), (f"a {r}",),
                f"task {s}.{t}", f"source {s}")
        for s in range(sources) for t in range(tasks) for r in range(rows)
    ]  # fmt: skip


def test_stages_share_no_source_and_keep_some_rows_back() -> None:
    stages = draw_stages(examples(), 3, 5, 6, 2, seed=1)
    sources = [{one.source for one in (*stage.train, *stage.holdout)} for stage in stages]
    assert all(not a & b for n, a in enumerate(sources) for b in sources[n + 1 :])
    for stage in stages:
        assert len(stage.tasks) <= 5
        assert not {one.key for one in stage.train} & {one.key for one in stage.holdout}
        assert {one.task for one in stage.holdout} == set(stage.tasks)
        assert len(stage.holdout) == 2 * len(stage.tasks)
    assert stages == draw_stages(examples(), 3, 5, 6, 2, seed=1)
    assert stages != draw_stages(examples(), 3, 5, 6, 2, seed=2)


def test_more_stages_than_sources_are_refused() -> None:
    with pytest.raises(InvalidInput, match="stages"):
        draw_stages(examples(sources=2), 3, 5, 6, 2, seed=1)


def test_nothing_kept_back_is_ever_trained_on() -> None:
    stages = draw_stages(examples(), 3, 5, 6, 2, seed=1)
    kept = {one.key for stage in stages for one in stage.holdout}
    earlier = [task for stage in stages[:2] for task in stage.tasks]
    for number in range(3):
        chosen = stage_examples(stages, number, earlier)
        assert not {one.key for one in chosen} & kept
    last = stage_examples(stages, 2, earlier[:2])
    assert {one.task for one in last} == {*stages[2].tasks, *earlier[:2]}


def test_a_task_of_one_row_is_learnt_and_not_evaluated() -> None:
    stage = stage_of("one", examples(1, 1, 1), kept_back=2, seed=0)
    assert (len(stage.train), len(stage.holdout)) == (1, 0)


def test_forgetting_is_what_was_lost_since_it_was_learnt() -> None:
    """As in Table 4: stage 1 after itself and at the end, stage 2 after itself and at the end."""
    figures = [
        StageFigures(3.0, (2.0,)),
        StageFigures(2.9, (2.3, 2.1)),
        StageFigures(2.8, (2.5, 2.4, 1.9)),
    ]
    assert forgetting(figures) == pytest.approx(((2.5 - 2.0) + (2.4 - 2.1)) / 2)
    assert transfer(figures, 3.2) == pytest.approx(-0.4)
    assert figures[-1].earlier == pytest.approx(2.45)
    assert figures[-1].current == 1.9
    with pytest.raises(InvalidInput, match="2 or more"):
        forgetting(figures[:1])


def test_a_tasks_data_vector_is_the_mean_of_its_rows() -> None:
    found = examples(1, 2, 2)
    data = np.array([[1, 0], [0, 1], [1, 1], [1, 1]], np.float32)
    vectors = task_vectors(found, np.eye(2, dtype=np.float32), data)
    assert vectors.data["task 0.0"].tolist() == [0.5, 0.5]
    assert vectors.of("data-diverse", ["task 0.1"]).tolist() == [[1.0, 1.0]]
    assert vectors.of("instruction-diverse", ["task 0.1"]).tolist() == [[0.0, 1.0]]
