"""Which examples make up each step of the optimizer, and the learning rate of it.

Methods are compared at the same number of steps and of tokens: a step ends when all steps so far
hold as many tokens as they should, so that two sets of other lengths are trained on for the same
tokens, within one example.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed

LOT = 50
"""Batches that are sorted by length together."""


@dataclass(frozen=True)
class StepPlan:
    """The examples of each step, by their positions.

    Attributes:
        steps: in their order; an example may come again in a later step.
        tokens: of all steps.
        passes: times that the set is gone through.
    """

    steps: tuple[tuple[int, ...], ...]
    tokens: int
    passes: float


def plan_steps(
    lengths: Sequence[int], step_tokens: int, seed: int, steps: int = 0, epochs: float = 0
) -> StepPlan:
    """Return the steps over a set, each pass in an order of its own.

    Args:
        lengths: tokens of each example.
        step_tokens: of a step.
        seed: of the orders.
        steps: how many; 0 to go by epochs.
        epochs: times that the set is gone through, where `steps` is 0.

    Raises:
        InvalidInput: there is no example, or a number is not above 0.
    """
    if not lengths or step_tokens <= 0 or (steps <= 0 and epochs <= 0):
        received = {"examples": len(lengths), "step_tokens": step_tokens, "steps": steps}
        raise InvalidInput(not_allowed("steps", received, "one example and one step or more"))
    number = steps or max(1, round(epochs * sum(lengths) / step_tokens))
    random = np.random.default_rng(seed)
    made: list[list[int]] = [[]]
    total = 0
    taken = 0
    while len(made) <= number:
        for at in random.permutation(len(lengths)).tolist():
            made[-1].append(at)
            taken += 1
            total += lengths[at]
            if total >= len(made) * step_tokens:
                made.append([])
            if len(made) > number:
                break
    return StepPlan(tuple(map(tuple, made[:number])), total, taken / len(lengths))


def bucketed(lengths: Sequence[int], batch: int, seed: int, passes: int) -> list[int]:
    """Return positions in the order in which batches take them, like lengths side by side.

    Each pass holds every example once. Within it, lots of `LOT` batches are drawn at random, sorted
    by length and cut into batches, which are mixed: a batch pads little, and no pass is in order.
    """
    random = np.random.default_rng(seed)
    order: list[int] = []
    for _ in range(passes):
        mixed = random.permutation(len(lengths)).tolist()
        batches: list[list[int]] = []
        for start in range(0, len(mixed), LOT * batch):
            lot = sorted(mixed[start : start + LOT * batch], key=lambda at: -lengths[at])
            batches += [lot[at : at + batch] for at in range(0, len(lot), batch)]
        whole = [found for found in batches if len(found) == batch]
        rest = [found for found in batches if len(found) < batch]
        order += [at for place in random.permutation(len(whole)) for at in whole[place]]
        order += [at for found in rest for at in found]
    return order


def rate_at(step: int, steps: int, highest: float, warmup: float, schedule: str) -> float:
    """Return the learning rate of a step, counted from 0.

    It rises over the share `warmup` of the steps, and then falls to 0 by `linear` or `cosine`, or
    stays (`constant`).
    """
    rising = round(warmup * steps)
    if step < rising:
        return highest * (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    shapes = {
        "constant": 1.0,
        "linear": 1.0 - done,
        "cosine": (1 + math.cos(math.pi * done)) / 2,
    }
    if schedule not in shapes:
        raise InvalidInput(not_allowed("schedule", schedule, shapes.keys()))
    return highest * shapes[schedule]
