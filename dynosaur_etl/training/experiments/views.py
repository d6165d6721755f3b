"""The same pool seen otherwise: other vectors for what is like, other numbers for what is good."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.similarity import with_format
from dynosaur_etl.training.experiments.learner import SmallLearner
from dynosaur_etl.training.experiments.methods import SelectionPool
from dynosaur_etl.training.sets import Example

Embed = Callable[[Sequence[str]], NDArray[np.floating]]
FORMAT_SHARE = 0.5


def similarity_views(pool: SelectionPool, embed: Embed) -> Iterator[tuple[str, SelectionPool]]:
    """Yield the pool under other vectors: the first open question of QDIT.

    `instruction` is the paper's; the usual view is that of instruction and input. `output` is the
    answer, `format` mixes in the form of the prompt, and `task` holds all rows of a task for one.
    """
    prompts = [example.prompt for example in pool.examples]
    instructions = [prompt.split("\n\n")[0] for prompt in prompts]
    yield "instruction", replace(pool, vectors=embed(instructions))
    yield "output", replace(pool, vectors=embed([one.answer for one in pool.examples]))
    yield "format", replace(pool, vectors=with_format(pool.vectors, prompts, FORMAT_SHARE))
    yield "task", replace(pool, vectors=task_identity(pool.examples))


def quality_views(
    pool: SelectionPool, learner: SmallLearner
) -> Iterator[tuple[str, SelectionPool]]:
    """Yield the pool under other qualities.

    `ifd` is how much less of the answer's loss the prompt takes away (arXiv 2308.12032), `loss` the
    answer's nats a token after its prompt, `length` the tokens; all as ranks, so that scales do not
    matter.
    """
    learner.reset()
    with_prompt = learner.score(learner.know(pool.examples))
    alone = learner.score(learner.know_answers(pool.examples))
    ratio = [a.per_token / b.per_token for a, b in zip(with_prompt, alone, strict=True)]
    yield "ifd", replace(pool, quality=ranks(ratio))
    yield "loss", replace(pool, quality=ranks([loss.per_token for loss in with_prompt]))
    yield "length", replace(pool, quality=ranks(pool.tokens.tolist()))


def ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """Return ranks from 0 to 1, equal values by their order."""
    found = np.asarray(values, np.float64)
    order = np.argsort(found, kind="stable")
    placed = np.empty(len(found), np.float64)
    placed[order] = np.arange(len(found)) / max(1, len(found) - 1)
    return placed


def task_identity(examples: Sequence[Example]) -> NDArray[np.float32]:
    """Return vectors [n, tasks] by which rows of one task are the same, others nothing alike."""
    tasks = sorted({example.task for example in examples})
    place = {task: at for at, task in enumerate(tasks)}
    vectors = np.zeros((len(examples), len(tasks)), np.float32)
    vectors[np.arange(len(examples)), [place[example.task] for example in examples]] = 1
    return vectors
