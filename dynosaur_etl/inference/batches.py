"""Batches in which no text changes another's result, down to the last bit.

A padded batch gives a text other last bits than the text alone, because the sums in attention run
over the padding too. Here a batch holds texts of exactly the same number of tokens, and no
padding. The matrix products then treat each row alike, whatever the number of rows, as long as
there are not very few of them, for which the libraries have kernels of their own: three tokens
alone differ. So a small batch is filled up with copies of its last text. One thread computes one
batch, because the sums of several threads depend on how many there are.
"""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

R = TypeVar("R")
Tokens = Mapping[str, NDArray[np.int64]]
"""One text as a model reads it: token numbers, masks and so on, each [tokens]."""

TOKEN_BUDGET = 2048
LEAST_TOKENS = 64
_AHEAD = 2


def unpadded(features: Mapping[str, Any]) -> list[Tokens]:
    """Cut a padded batch [texts, tokens] of a tokenizer into its texts."""
    arrays = {
        name: np.asarray(value)
        for name, value in features.items()
        if getattr(value, "shape", None) == features["attention_mask"].shape
    }
    masks = arrays["attention_mask"].astype(bool)
    return [
        {name: values[at][mask] for name, values in arrays.items()} for at, mask in enumerate(masks)
    ]


def equal_batches(lengths: Sequence[int], budget: int = TOKEN_BUDGET) -> list[list[int]]:
    """Group positions by length, in batches of at most `budget` tokens, longest first.

    A text that is longer than the budget has a batch of its own. The batches depend on nothing
    but the lengths and their order.
    """
    by_length: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        by_length.setdefault(length, []).append(position)
    batches = []
    for length in sorted(by_length, reverse=True):
        size = max(1, budget // max(length, 1))
        positions = by_length[length]
        batches += [positions[at : at + size] for at in range(0, len(positions), size)]
    return batches


def stacked(texts: Sequence[Tokens]) -> dict[str, Any]:
    """Put texts of one length into tensors [rows, tokens], filled up to the least tokens."""
    import torch

    length = len(texts[0]["attention_mask"])
    rows = max(len(texts), -(-LEAST_TOKENS // max(length, 1)))
    filled = [*texts, *[texts[-1]] * (rows - len(texts))]
    return {name: torch.from_numpy(np.stack([text[name] for text in filled])) for name in texts[0]}


def computed(
    compute: Callable[[dict[str, Any]], R],
    texts: Sequence[Tokens],
    batches: Iterable[list[int]],
    workers: int,
) -> Iterator[tuple[list[int], R]]:
    """Compute batches, one on each of `workers` threads; yield each with its result, in order."""
    import torch

    one_thread = functools.partial(torch.set_num_threads, 1)

    def run(batch: list[int]) -> R:
        return compute(stacked([texts[position] for position in batch]))

    waiting: list[tuple[list[int], Future[R]]] = []
    with ThreadPoolExecutor(workers, initializer=one_thread) as pool:
        for batch in batches:
            waiting.append((batch, pool.submit(run, batch)))
            if len(waiting) > _AHEAD * workers:
                done, future = waiting.pop(0)
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()


def cpu_count() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))
