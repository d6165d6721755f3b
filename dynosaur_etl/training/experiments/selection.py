"""Does a selection teach a model more than chance does? Methods, seeds, equal steps and tokens.

A seed decides the sample of the pool (a share of its sources), what is drawn, and the order of
training. Every method picks as many rows and is trained for the same steps of the same tokens. Each
trained model is evaluated on three kinds of rows that no method could pick: others of the sampled
tasks, those of the sources outside the sample, and a fixed set of tasks of another origin.

The positive control trains, as long, on tasks of the evaluation's own kind that are not in it.
Where even that does not lower the loss, the learner cannot learn, and no other result counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.inference.answer_loss import AnswerLoss
from dynosaur_etl.training.experiments.learner import Known, SmallLearner
from dynosaur_etl.training.experiments.methods import (
    COVERAGE,
    LONGEST,
    QUALITY,
    RANDOM,
    RANDOM_AT_EQUAL_TOKENS,
    PoolSample,
    SelectionPool,
    draw_sample,
    find_method,
    read_choice,
)
from dynosaur_etl.training.experiments.running import Cell, Cost, Figures
from dynosaur_etl.training.sets import Example

UNTRAINED, CONTROL = "untrained", "control"
SMOL_METHODS = (
    RANDOM, RANDOM_AT_EQUAL_TOKENS, LONGEST, QUALITY, COVERAGE, "qdit-0.5", "qdit-0.7", "qdit-0.9",
)  # fmt: skip
ASKED = 100
"""Most rows of known tasks, and of new sources, that are evaluated on."""

TRAINED_PER_SECOND, SCORED_PER_SECOND = 1_000, 3_000
"""Tokens a CPU second of the top layers, as a first guess before a cell has been timed."""


@dataclass(frozen=True)
class Evaluation:
    """What every trained model is evaluated on, and what the control trains on.

    Attributes:
        name: of the set.
        examples: evaluated on by all.
        control: of the same kind: the control is trained on those whose tasks are of one half, and
            evaluated on the examples of the other half.
    """

    name: str
    examples: tuple[Example, ...]
    control: tuple[Example, ...]


def control_half(task: str, tasks: Sequence[str]) -> bool:
    """Return whether the control is evaluated on a task: on every second one, by name."""
    return sorted(set(tasks)).index(task) % 2 == 1


class SelectionExperiment:
    """Trains on what each method picks, and evaluates in nats a token of the answers."""

    def __init__(
        self,
        name: str,
        views: Mapping[str, SelectionPool],
        evaluation: Evaluation,
        learner: SmallLearner,
        facts: Mapping[str, Any],
        methods: Sequence[str] = SMOL_METHODS,
        seeds: int = 10,
        k: int = 200,
        passes: float = 1.75,
        share: float = 0.7,
    ) -> None:
        """Take what is compared.

        Args:
            name: of the experiment.
            views: the pool, without anything of the evaluation's, under its usual vectors and
                qualities (the empty name) and under others.
            evaluation: see `Evaluation`.
            learner: that is trained anew in each cell.
            facts: what pool and model are, JSON-able.
            methods: as `methods.read_choice` reads them, `random` among them.
            seeds: how many, from 0 on.
            k: rows that a method picks.
            passes: times that an average choice of k rows is gone through; it sets the steps.
            share: of the sources that are a seed's pool.
        """
        self.name = name
        self._views = views
        self._pool = pool = views[""]
        self._evaluation = evaluation
        self._learner = learner
        self._methods = methods
        self._seeds = seeds
        self._k = k
        self._share = share
        self.steps = max(1, round(passes * k * pool.tokens.mean() / learner.preset.step_tokens))
        self._facts = facts

    @property
    def facts(self) -> Mapping[str, Any]:
        """What decides every cell; more seeds or methods only add cells."""
        return {
            **self._facts,
            "evaluation": self._evaluation.name,
            "k": self._k,
            "share": self._share,
            "asked": ASKED,
            "steps": self.steps,
            "preset": self._learner.preset.to_json(),
            "model": self._learner.model.digest,
        }

    def cells(self) -> Sequence[Cell]:
        """Return the model as it is, all methods and the control, seed by seed."""
        named = (UNTRAINED, *self._methods, CONTROL)
        return [Cell(name, seed) for seed in range(self._seeds) for name in named]

    def estimate(self, cells: Sequence[Cell]) -> Cost:
        """Return the hours on one core at the rates that were measured for SmolLM2."""
        trained = self.steps * self._learner.preset.step_tokens / TRAINED_PER_SECOND
        scored = self.scored.tokens / SCORED_PER_SECOND
        hours = len(cells) * (trained + scored) / 3600
        words = f"{TRAINED_PER_SECOND} trained and {SCORED_PER_SECOND} scored tokens a CPU second"
        return Cost(len(cells), round(hours, 2), words=words)

    def run(self, cell: Cell) -> Figures:
        """Train on what the method picks under the seed, and evaluate."""
        self._learner.reset()
        sample = draw_sample(self._pool.examples, self._share, ASKED, cell.seed)
        if cell.method == UNTRAINED:
            return self._evaluated(sample)
        if cell.method == CONTROL:
            known, picks = self.control, self._control_picks(cell.seed)
        else:
            known, picks = self.known, self._picks(cell, sample)
        trained = self._learner.train(known, picks.tolist(), self.steps, cell.seed)
        return {
            **self._evaluated(sample),
            "rows": len(picks),
            "row_tokens": sum(len(known.texts[at]) for at in picks.tolist()),
            "steps": trained.steps,
            "tokens": trained.tokens,
            "passes": trained.passes,
            "first_loss": trained.first_loss,
            "last_loss": trained.last_loss,
        }

    def _picks(self, cell: Cell, sample: PoolSample) -> Any:
        asked = read_choice(cell.method)
        if asked.view not in self._views:
            raise InvalidInput(not_allowed("view of the pool", asked.view, self._views.keys()))
        part = self._views[asked.view].part(sample.choice)
        rows = min(asked.rows or self._k, len(part))
        return sample.choice[find_method(asked.method)(part, rows, cell.seed)]

    def _control_picks(self, seed: int) -> Any:
        tasks = [example.task for example in self._evaluation.examples]
        half = [
            at
            for at, example in enumerate(self._evaluation.control)
            if not control_half(example.task, tasks)
        ]
        return np.random.default_rng([seed, 4]).permutation(half)[: self._k]

    def _evaluated(self, sample: PoolSample) -> dict[str, Any]:
        """Give the model's loss, as it is now, on the rows that no method could pick."""
        return {
            **self._figures(self._learner.score(self.scored)),
            "known_tasks": mean_nats(self._learner.score(self.known, sample.known.tolist())),
            "new_sources": mean_nats(self._learner.score(self.known, sample.new.tolist())),
        }

    def _figures(self, losses: Sequence[AnswerLoss]) -> dict[str, Any]:
        by_task: dict[str, list[float]] = {}
        for example, loss in zip(self._evaluation.examples, losses, strict=True):
            by_task.setdefault(example.task, []).append(loss.per_token)
        tasks = list(by_task)
        half = [value for task in tasks if control_half(task, tasks) for value in by_task[task]]
        return {
            "nats": mean_nats(losses),
            "control_half": float(np.mean(half)),
            "by_task": {task: float(np.mean(values)) for task, values in by_task.items()},
        }

    @cached_property
    def known(self) -> Known:
        """The pool, with its lower states."""
        return self._learner.know(self._pool.examples)

    @cached_property
    def scored(self) -> Known:
        """The evaluation, with its lower states."""
        return self._learner.know(self._evaluation.examples)

    @cached_property
    def control(self) -> Known:
        """What the control trains on, with its lower states."""
        return self._learner.know(self._evaluation.control)


def mean_nats(losses: Sequence[AnswerLoss]) -> float:
    """Return the mean over answers of their nats a token."""
    return float(np.mean([loss.per_token for loss in losses]))
