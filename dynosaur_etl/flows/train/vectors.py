"""Vectors of examples and tasks, by the embedder of the settings."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.flows.runtime.services import Progress, embedder, silent
from dynosaur_etl.settings import Settings
from dynosaur_etl.training.continual import TaskVectors
from dynosaur_etl.training.experiments.replay import task_vectors
from dynosaur_etl.training.sets import Example


def embed_texts(
    texts: Sequence[str], settings: Settings, progress: Progress = silent
) -> NDArray[np.float32]:
    """Return unit vectors [n, d] of texts."""
    return embedder(settings).embed(texts, progress)


def vectors_of(examples: Sequence[Example], settings: Settings) -> TaskVectors:
    """Return one vector of each task's instruction, and one of its examples' texts."""
    tasks = sorted({example.task for example in examples})
    words = {example.task: instruction_of(example) for example in examples}
    return task_vectors(
        examples,
        embed_texts([words[task] for task in tasks], settings),
        embed_texts([example_text(example) for example in examples], settings),
    )


def instruction_of(example: Example) -> str:
    """Return an example's instruction: its prompt up to the first empty line."""
    return example.prompt.split("\n\n")[0]


def example_text(example: Example) -> str:
    """Return what an example is without its instruction: its input and its answer."""
    given = example.prompt.partition("\n\n")[2]
    return f"{given}\n{example.answer}"
