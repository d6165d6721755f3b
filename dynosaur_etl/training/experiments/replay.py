"""Which earlier tasks are worth replaying? Strategies, seeds, equal steps and tokens a stage.

A seed decides which sources make up the stages, which rows stand for a task and which are kept
back, and the order of training. Every strategy trains as many steps of as many tokens in each
stage: what is replayed takes the place of further passes over what is new, so that no strategy
gains by more steps. The first stage is the same for all strategies of a seed, and trained once.

The positive control replays every earlier task: where even that does not lower the loss on earlier
stages against no replay, this learner forgets too little for any strategy to be told apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from dynosaur_etl.training.continual import (
    ALL,
    ContinualStage,
    StageFigures,
    TaskVectors,
    draw_stages,
    forgetting,
    replayed_tasks,
    stage_examples,
    transfer,
)
from dynosaur_etl.training.experiments.learner import SmallLearner
from dynosaur_etl.training.experiments.running import Cell, Cost, Figures
from dynosaur_etl.training.experiments.selection import (
    SCORED_PER_SECOND,
    TRAINED_PER_SECOND,
    mean_nats,
)
from dynosaur_etl.training.sets import Example

STRATEGIES = (
    "none", "random", "instruction-diverse", "instruction-similar", "instruction-support",
    "data-diverse",
)  # fmt: skip
STAGES, TASKS = 3, 14


@dataclass(frozen=True)
class Sizes:
    """How large the stages are.

    Attributes:
        stages: how many.
        tasks: new tasks of a stage.
        rows: most rows of a task, those that are kept back among them.
        kept_back: rows of a task that its stage is evaluated on.
        replayed: most earlier tasks that a stage trains on again.
        passes: times that an average stage is gone through; it sets the steps.
    """

    stages: int = STAGES
    tasks: int = TASKS
    rows: int = 8
    kept_back: int = 2
    replayed: int = 7
    passes: float = 2.0


class ReplayExperiment:
    """Learns stages one after another under each strategy, and evaluates after each stage."""

    name = "replay"

    def __init__(
        self,
        examples: Sequence[Example],
        vectors: TaskVectors,
        test: Sequence[Example],
        learner: SmallLearner,
        facts: Mapping[str, Any],
        strategies: Sequence[str] = STRATEGIES,
        seeds: int = 10,
        sizes: Sizes = Sizes(),
    ) -> None:
        """Take what is learnt.

        Args:
            examples: of the pool, without anything of the test set's.
            vectors: of every task of the pool.
            test: the test set, evaluated on after each stage.
            learner: goes on from stage to stage, and begins anew in each cell.
            facts: what pool and model are, JSON-able.
            strategies: see `selection.replay`.
            seeds: how many, from 0 on.
            sizes: of the stages.
        """
        self._examples = tuple(examples)
        self._vectors = vectors
        self._learner = learner
        self._test = tuple(test)
        self._strategies = strategies
        self._seeds = seeds
        self._sizes = sizes
        self._facts = facts
        self._numbers = {id(example): at for at, example in enumerate(self._examples)}
        self.known = learner.know(self._examples)
        self.tested = learner.know(self._test)
        mean = self.known.tokens / len(self._examples)
        rows = sizes.tasks * (sizes.rows - sizes.kept_back)
        self.steps = max(1, round(sizes.passes * rows * mean / learner.preset.step_tokens))

    @property
    def facts(self) -> Mapping[str, Any]:
        """What decides every cell; more seeds or strategies only add cells."""
        return {
            **self._facts,
            "sizes": vars(self._sizes),
            "steps": self.steps,
            "preset": self._learner.preset.to_json(),
            "model": self._learner.model.digest,
        }

    def cells(self) -> Sequence[Cell]:
        """Return all strategies and the control, seed by seed."""
        named = (*self._strategies, ALL)
        return [Cell(name, seed) for seed in range(self._seeds) for name in named]

    def estimate(self, cells: Sequence[Cell]) -> Cost:
        """Return the hours on one core at the rates that were measured for SmolLM2."""
        sizes = self._sizes
        shared = 1 / (len(self._strategies) + 1)
        learnt = sizes.stages - 1 + shared
        trained = learnt * self.steps * self._learner.preset.step_tokens
        kept = sizes.tasks * sizes.kept_back * self.known.tokens / len(self._examples)
        stages = sizes.stages * (sizes.stages + 1) / 2
        scored = learnt * self.tested.tokens + stages * kept
        seconds = trained / TRAINED_PER_SECOND + scored / SCORED_PER_SECOND
        words = f"{TRAINED_PER_SECOND} trained and {SCORED_PER_SECOND} scored tokens a CPU second"
        return Cost(len(cells), round(len(cells) * seconds / 3600, 2), words=words)

    def run(self, cell: Cell) -> Figures:
        """Learn all stages under a strategy; the first stage is the same for all of a seed."""
        stages = self._stages(cell.seed)
        unlearnt = self._unlearnt(cell.seed)
        weights, first, tokens = self._first(cell.seed)
        self._learner.restore(weights)
        figures = [first]
        replayed: list[list[str]] = [[]]
        for number in range(1, len(stages)):
            chosen = self._replayed(cell, stages[:number], stages[number])
            tokens += self._train(stages, number, chosen, cell.seed)
            figures.append(self._evaluated(stages[: number + 1]))
            replayed.append(chosen)
        facts = {
            "before": self.before,
            "before_current": unlearnt,
            "tokens": tokens,
            "replayed": replayed,
        }
        return facts | self._told(figures)

    @cached_property
    def before(self) -> float:
        """Nats on the test set before anything is learnt."""
        self._learner.reset()
        return mean_nats(self._learner.score(self.tested))

    @lru_cache(1)  # noqa: B019 - one seed at a time, for as long as the experiment lives
    def _unlearnt(self, seed: int) -> float:
        """Nats on what is kept back of the last stage before anything is learnt."""
        self._learner.reset()
        holdout = self._stages(seed)[-1].holdout
        return mean_nats(self._learner.score(self.known, self._positions(holdout)))

    @lru_cache(1)  # noqa: B019
    def _first(self, seed: int) -> tuple[list[Any], StageFigures, int]:
        """Learn the first stage of a seed: weights, figures and tokens."""
        stages = self._stages(seed)
        self._learner.reset()
        tokens = self._train(stages, 0, [], seed)
        return self._learner.weights(), self._evaluated(stages[:1]), tokens

    def _train(
        self, stages: Sequence[ContinualStage], number: int, replayed: Sequence[str], seed: int
    ) -> int:
        """Learn a stage, and return the tokens of it."""
        rows = self._positions(stage_examples(stages, number, replayed))
        return self._learner.train(self.known, rows, self.steps, seed + 1000 * number).tokens

    def _replayed(
        self, cell: Cell, earlier: Sequence[ContinualStage], now: ContinualStage
    ) -> list[str]:
        before = [task for stage in earlier for task in stage.tasks]
        return replayed_tasks(
            cell.method, before, now.tasks, self._vectors, self._sizes.replayed, cell.seed
        )

    def _evaluated(self, stages: Sequence[ContinualStage]) -> StageFigures:
        holdouts = [
            mean_nats(self._learner.score(self.known, self._positions(stage.holdout)))
            for stage in stages
        ]
        return StageFigures(mean_nats(self._learner.score(self.tested)), tuple(holdouts))

    def _told(self, figures: Sequence[StageFigures]) -> dict[str, Any]:
        """Give the columns of the paper's Table 4, and what they come to."""
        told: dict[str, Any] = {}
        for number, found in enumerate(figures, start=1):
            told[f"test_{number}"] = found.test
            told[f"current_{number}"] = found.current
            told |= {f"stage_{at}_after_{number}": v for at, v in enumerate(found.holdouts, 1)}
        return told | {
            "test": figures[-1].test,
            "current": figures[-1].current,
            "earlier": figures[-1].earlier,
            "forgetting": forgetting(figures),
            "transfer": transfer(figures, self.before),
        }

    @lru_cache(1)  # noqa: B019
    def _stages(self, seed: int) -> list[ContinualStage]:
        sizes = self._sizes
        return draw_stages(
            self._examples, sizes.stages, sizes.tasks, sizes.rows, sizes.kept_back, seed
        )

    def _positions(self, examples: Sequence[Example]) -> list[int]:
        return [self._numbers[id(example)] for example in examples]


def task_vectors(examples: Sequence[Example], instructions: Any, data: Any) -> TaskVectors:
    """Return the vectors of every task.

    Args:
        examples: of any number of tasks.
        instructions: vector of each task's instruction [tasks, d], in the order of their names.
        data: vector of each example's text [n, d]; a task's is their mean.
    """
    tasks = sorted({example.task for example in examples})
    rows: dict[str, list[int]] = {task: [] for task in tasks}
    for at, example in enumerate(examples):
        rows[example.task].append(at)
    means = {task: np.asarray(data)[found].mean(axis=0) for task, found in rows.items()}
    return TaskVectors(dict(zip(tasks, np.asarray(instructions), strict=True)), means)
