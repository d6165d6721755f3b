"""Train the top layers of a model over the stored outputs of those below.

Multiplications are in bfloat16 where the CPU or GPU has it, weights and sums in float32. Nothing is
drawn at random while it runs, so that a run that is killed and resumed has the same losses.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.inference.answer_loss import (
    BATCH_TOKENS,
    AnswerLoss,
    like_batches,
    summed_losses,
)
from dynosaur_etl.inference.chat_tokens import AnswerTokens
from dynosaur_etl.inference.precision import multiplying_in
from dynosaur_etl.training.presets import Preset
from dynosaur_etl.training.split_model import SplitModel, StoredStates
from dynosaur_etl.training.steps import StepPlan, rate_at

MICRO_TOKENS = 2_048


@dataclass(frozen=True)
class Point:
    """One step of a run.

    Attributes:
        loss: nats a token of the answers of the step, before it.
        tokens: of all steps so far, prompts counted.
    """

    step: int
    loss: float
    rate: float
    tokens: int


@dataclass
class Learner:
    """A cut model with its optimizer.

    Attributes:
        texts: what the stored states are of.
    """

    split: SplitModel
    states: StoredStates
    texts: Sequence[AnswerTokens]
    preset: Preset

    def __post_init__(self) -> None:
        import torch

        self.optimizer = torch.optim.AdamW(
            self.split.parameters, lr=self.preset.rate, weight_decay=self.preset.weight_decay
        )
        self._head = self.split.head()

    def train(self, plan: StepPlan, start: int = 0) -> Iterator[Point]:
        """Yield each step once it is done, from the step `start` on, whose state is loaded."""
        tokens = sum(len(self.texts[at]) for step in plan.steps[:start] for at in step)
        for number, step in enumerate(plan.steps[start:], start=start):
            rate = rate_at(
                number, len(plan.steps), self.preset.rate, self.preset.warmup, self.preset.schedule
            )
            loss = self._step(step, rate)
            tokens += sum(len(self.texts[at]) for at in step)
            yield Point(number + 1, loss, rate, tokens)

    def _step(self, step: Sequence[int], rate: float) -> float:
        import torch

        answers = sum(self.texts[at].answer_length for at in step)
        self.split.model.train()
        nats = 0.0
        for batch in like_batches([len(self.texts[at]) for at in step], MICRO_TOKENS):
            chosen = [step[place] for place in batch]
            loss = self._nats(self.states, self.texts, chosen).sum()
            (loss / answers).backward()
            nats += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(self.split.parameters, self.preset.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return nats / answers

    def losses(self, states: StoredStates, texts: Sequence[AnswerTokens]) -> list[AnswerLoss]:
        """Return the loss of each answer; see `inference.answer_loss`."""
        import torch

        found = [AnswerLoss(0.0, 0)] * len(texts)
        self.split.model.eval()
        with torch.inference_mode():
            for batch in like_batches([len(text) for text in texts], BATCH_TOKENS):
                nats = self._nats(states, texts, batch).tolist()
                for at, value in zip(batch, nats, strict=True):
                    found[at] = AnswerLoss(value, texts[at].answer_length)
        return found

    def _nats(
        self, states: StoredStates, texts: Sequence[AnswerTokens], positions: Sequence[int]
    ) -> Any:
        chosen = [texts[at] for at in positions]
        with multiplying_in(self.split.precision):
            hidden = self.split.above(states.of(positions).float())
            return summed_losses(self._head, hidden, chosen)

    def state(self) -> dict[str, Any]:
        """Return what a resumed run goes on from: weights and optimizer, not copied."""
        return {
            "weights": list(self.split.parameters),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        import torch

        with torch.no_grad():
            for parameter, saved in zip(self.split.parameters, state["weights"], strict=True):
                parameter.copy_(saved)
        self.optimizer.load_state_dict(state["optimizer"])


Watch = Callable[[Point], None]
