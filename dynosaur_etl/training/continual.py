"""Continual learning: what each stage trains on, and what it forgets (Dynosaur, section on replay).

A stage trains on its new tasks and on some of the earlier ones, chosen by a strategy. After it, the
model is evaluated on the test set, on what is kept back of this stage's tasks, and on what is kept
back of each earlier stage's, as in the paper's Table 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection.replay import STRATEGIES, replay
from dynosaur_etl.training.sets import Example

NO_REPLAY = "none"
ALL = "all"
"""Every earlier task, beside the strategies: what replay can reach at most."""


@dataclass(frozen=True)
class ContinualStage:
    """The tasks that are new in a stage.

    Attributes:
        train: examples to learn.
        holdout: examples of the same tasks that are kept back.
    """

    name: str
    train: tuple[Example, ...]
    holdout: tuple[Example, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(sorted({example.task for example in self.train}))


@dataclass(frozen=True)
class TaskVectors:
    """One vector a task, of its instruction and of its examples' texts [d]."""

    instruction: Mapping[str, NDArray[np.floating]]
    data: Mapping[str, NDArray[np.floating]]

    def of(self, strategy: str, tasks: Sequence[str]) -> NDArray[np.floating]:
        """Return the vectors that a strategy goes by [tasks, d]."""
        chosen = self.data if strategy.startswith("data") else self.instruction
        return np.stack([chosen[task] for task in tasks])


def stage_of(name: str, examples: Sequence[Example], kept_back: int, seed: int) -> ContinualStage:
    """Return a stage of some tasks, with up to `kept_back` examples of each as its holdout.

    A task of one example is learnt from alone. Both parts are drawn by the seed.
    """
    by_task: dict[str, list[Example]] = {}
    for example in examples:
        by_task.setdefault(example.task, []).append(example)
    train: list[Example] = []
    holdout: list[Example] = []
    for task, found in sorted(by_task.items()):
        mixed = Random(f"{seed} {task}").sample(found, len(found))  # noqa: S311
        number = min(kept_back, len(mixed) // 2)
        holdout += mixed[:number]
        train += mixed[number:]
    return ContinualStage(name, tuple(train), tuple(holdout))


def draw_stages(
    examples: Sequence[Example], stages: int, tasks: int, most: int, kept_back: int, seed: int
) -> list[ContinualStage]:
    """Return stages of tasks drawn by the seed, no source in two stages.

    Args:
        examples: of which tasks of two examples or more are drawn.
        stages: how many.
        tasks: of a stage; fewer where the sources run out.
        most: examples of a task.
        kept_back: examples of a task that are its holdout.
        seed: of the draw.

    Raises:
        InvalidInput: there are too few sources.
    """
    by_source: dict[str, dict[str, list[Example]]] = {}
    for example in examples:
        by_source.setdefault(example.source, {}).setdefault(example.task, []).append(example)
    random = Random(seed)  # noqa: S311
    sources = sorted(by_source)
    random.shuffle(sources)
    drawn: list[list[Example]] = [[] for _ in range(stages)]
    numbers = [0] * stages
    for source in sources:
        at = numbers.index(min(numbers))
        usable = [found for _, found in sorted(by_source[source].items()) if len(found) > 1]
        for found in usable[: max(0, tasks - numbers[at])]:
            drawn[at] += random.sample(found, min(most, len(found)))
            numbers[at] += 1
    if not all(drawn):
        raise InvalidInput(not_allowed("stages", stages, f"at most {sum(map(bool, drawn))}"))
    return [
        stage_of(f"stage {number}", found, kept_back, seed)
        for number, found in enumerate(drawn, start=1)
    ]


def replayed_tasks(
    strategy: str,
    earlier: Sequence[str],
    now: Sequence[str],
    vectors: TaskVectors,
    size: int,
    seed: int,
) -> list[str]:
    """Return the earlier tasks that a stage trains on again, most wanted first.

    Args:
        strategy: one of `selection.replay.STRATEGIES`, or `all`.
        earlier: tasks learnt so far.
        now: tasks of the stage.
        vectors: of all of them.
        size: most tasks to replay.
        seed: of the strategy `random`.

    Raises:
        InvalidInput: the strategy is unknown.
    """
    if strategy == ALL:
        return list(earlier)
    if strategy not in STRATEGIES:
        raise InvalidInput(not_allowed("replay strategy", strategy, [*STRATEGIES, ALL]))
    if strategy == NO_REPLAY or not earlier or not size:
        return []
    previous, current = vectors.of(strategy, earlier), vectors.of(strategy, now)
    order = replay(strategy, previous, current, min(size, len(earlier)), seed)
    return [earlier[at] for at in order.tolist()]


def stage_examples(
    stages: Sequence[ContinualStage], number: int, replayed: Sequence[str]
) -> list[Example]:
    """Return what the stage of a number trains on: what is new, then what is replayed."""
    wanted = set(replayed)
    again = [
        example for stage in stages[:number] for example in stage.train if example.task in wanted
    ]
    return [*stages[number].train, *again]


@dataclass(frozen=True)
class StageFigures:
    """What a model does after a stage, in a metric.

    Attributes:
        test: on the test set.
        holdouts: on what is kept back of each stage so far, this one last.
    """

    test: float
    holdouts: tuple[float, ...]

    @property
    def current(self) -> float:
        return self.holdouts[-1]

    @property
    def earlier(self) -> float:
        """Mean over the earlier stages; NaN after the first."""
        return float(np.mean(self.holdouts[:-1])) if len(self.holdouts) > 1 else float("nan")


def forgetting(figures: Sequence[StageFigures]) -> float:
    """Return how much worse the earlier stages are at the end than right after they were learnt.

    Mean over all stages but the last, in the unit of the metric, for one in which lower is better:
    above 0 is forgotten, below 0 is still learnt.

    Raises:
        InvalidInput: there are fewer than two stages.
    """
    if len(figures) < 2:
        raise InvalidInput(not_allowed("stages", len(figures), "2 or more"))
    last = figures[-1].holdouts
    return float(np.mean([last[at] - figures[at].current for at in range(len(figures) - 1)]))


def transfer(figures: Sequence[StageFigures], before: float) -> float:
    """Return how far all stages together moved the test set; below 0 is a gain, as of a loss."""
    return figures[-1].test - before
