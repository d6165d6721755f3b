"""Conversations of which native instances are made: two, four or six turns."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from benchmarks.instances_rows import BATCH, TEXT, VOCABULARY, Batch, sentences
from dynosaur_etl.domain.models import Config, Mode, Task
from dynosaur_etl.forms.form import Form, FoundForm

FORM = FoundForm(Form.MESSAGES, {"messages": "messages"})
FEATURES = {"messages": {"feature": {"role": TEXT, "content": TEXT}, "_type": "List"}}
EXCHANGES, SHARES = (1, 2, 3), (0.6, 0.3, 0.1)
QUESTION_WORDS, ANSWER_WORDS = 20, 60


def conversations(rows: int) -> Iterator[Batch]:
    """Give conversations in batches of 10,000 at most."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number:x}" for number in range(VOCABULARY)])
    config = Config("bench/talks", "0" * 40, "default", FEATURES, {})
    task = Task(
        dataset_id=config.dataset_id,
        revision=config.revision,
        config=config.name,
        instruction="As the rows ask.",
        input_fields=("messages",),
        output_field="messages",
        label_space=(),
        mode=Mode.NATIVE,
        prompt_version="bench",
        licence="mit",
        request_key="0" * 64,
        form=str(Form.MESSAGES),
    )
    for start in range(0, rows, BATCH):
        count = min(BATCH, rows - start)
        columns = {
            "messages": _messages(rng.choice(EXCHANGES, count, p=SHARES), rng, words),
            "__split__": pa.array(["train"] * count),
            "__row__": pa.array(range(start, start + count), pa.int64()),
        }
        yield task, config, pa.table(columns)


def _messages(exchanges: np.ndarray, rng: np.random.Generator, words: np.ndarray) -> pa.Array:
    total = int(exchanges.sum())
    texts = np.empty(2 * total, dtype=object)
    texts[0::2] = sentences(QUESTION_WORDS, total, rng, words)
    texts[1::2] = sentences(ANSWER_WORDS, total, rng, words)
    turns = pa.StructArray.from_arrays(
        [pa.array(["user", "assistant"] * total), pa.array(texts, pa.string())],
        names=["role", "content"],
    )
    edges = np.concatenate(([0], 2 * np.cumsum(exchanges)))
    return pa.ListArray.from_arrays(pa.array(edges, pa.int32()), turns)
