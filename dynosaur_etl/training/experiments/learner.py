"""A small real model that learns many small sets, one after another, from the same beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynosaur_etl.inference.answer_loss import AnswerLoss, Progress, silent
from dynosaur_etl.inference.chat_tokens import AnswerTokens
from dynosaur_etl.inference.precision import AUTO, used_precision
from dynosaur_etl.training.encoding import encode
from dynosaur_etl.training.loading import ModelFolder, load_model
from dynosaur_etl.training.presets import Preset
from dynosaur_etl.training.sets import Example
from dynosaur_etl.training.split_model import SplitModel, StoredStates
from dynosaur_etl.training.steps import plan_steps
from dynosaur_etl.training.top_layers import Learner


@dataclass(frozen=True)
class Known:
    """Examples whose lower states are stored."""

    texts: tuple[AnswerTokens, ...]
    states: StoredStates

    @property
    def tokens(self) -> int:
        return sum(map(len, self.texts))


@dataclass(frozen=True)
class Trained:
    """What a training went through."""

    steps: int
    tokens: int
    passes: float
    first_loss: float
    last_loss: float


class SmallLearner:
    """Trains the top layers of one model, over and over from its own weights."""

    def __init__(self, model: ModelFolder, preset: Preset, cache: Path) -> None:
        """Load and cut a model.

        Args:
            model: causal.
            preset: of the method `top-layers`.
            cache: folder for the lower states.

        Raises:
            InvalidInput: the model cannot be cut.
        """
        self.model = model
        self.preset = preset
        self._cache = cache
        loaded = load_model(model.path)
        self._tokenizer = loaded.tokenizer
        self._split = SplitModel(loaded.model, preset.layers, used_precision(AUTO))
        self._first = [parameter.detach().clone() for parameter in self._split.parameters]
        self._checked = False

    def know(self, examples: Sequence[Example], progress: Progress = silent) -> Known:
        """Encode examples, and store their states below the layers that are trained."""
        texts = encode(self._tokenizer, examples, self.preset.longest).texts
        if not self._checked:
            self._split.check(min(texts, key=len))
            self._checked = True
        return Known(texts, self._split.store(texts, self._cache, self.model.digest, progress))

    def know_answers(self, examples: Sequence[Example]) -> Known:
        """Do the same for the answers alone, each after the mark of a beginning."""
        begin = self._tokenizer.bos_token_id
        start = self._tokenizer.eos_token_id if begin is None else begin
        texts = encode(self._tokenizer, examples, self.preset.longest).texts
        alone = tuple(AnswerTokens((start, *text.ids[text.answer_from :]), 1) for text in texts)
        return Known(alone, self._split.store(alone, self._cache, self.model.digest))

    def reset(self) -> None:
        """Go back to the model's own weights."""
        self.restore(self._first)

    def weights(self) -> list[Any]:
        """Return a copy of the weights that are trained."""
        return [parameter.detach().clone() for parameter in self._split.parameters]

    def restore(self, weights: Sequence[Any]) -> None:
        """Go back to weights that `weights` gave."""
        import torch

        with torch.no_grad():
            for parameter, kept in zip(self._split.parameters, weights, strict=True):
                parameter.copy_(kept)

    def train(self, known: Known, positions: Sequence[int], steps: int, seed: int) -> Trained:
        """Train on some of the examples for a number of steps, from the weights as they are."""
        learner = Learner(self._split, known.states, known.texts, self.preset)
        chosen = [int(at) for at in positions]
        plan = plan_steps(
            [len(known.texts[at]) for at in chosen], self.preset.step_tokens, seed, steps
        )
        moved = type(plan)(
            tuple(tuple(chosen[at] for at in step) for step in plan.steps),
            plan.tokens,
            plan.passes,
        )
        losses = [point.loss for point in learner.train(moved)]
        tenth = max(1, len(losses) // 10)
        return Trained(
            len(losses), plan.tokens, round(plan.passes, 3),
            float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:])),
        )  # fmt: skip

    def score(self, known: Known, positions: Sequence[int] | None = None) -> list[AnswerLoss]:
        """Return the loss of each answer, of all examples or of some, in their order."""
        if positions is not None:
            known = _part(known, positions)
        learner = Learner(self._split, known.states, known.texts, self.preset)
        return learner.losses(known.states, known.texts)


def _part(known: Known, positions: Sequence[int]) -> Known:
    texts = tuple(known.texts[at] for at in positions)
    states = known.states
    rows = [np.arange(states.starts[at], states.starts[at + 1]) for at in positions]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Known(texts, StoredStates(states.values[np.concatenate(rows)], starts))
