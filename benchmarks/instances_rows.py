"""What the benchmark of filling works on: rows of four shapes, and a row-by-row rival.

The shapes are those of the commonest configs: a passage with a question, a sentence with a class,
a question with choices, and a record of short fields. Lengths are log-normal, words Zipf's; one row
in 200 has a null, one an e-mail address and a phone number, one in 2,000 has 70,000 characters.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from dynosaur_etl.domain.models import Config, Mode, Task
from dynosaur_etl.domain.schemas import INSTANCES

BATCH = 10_000
DAY = "2024-01-02"
LONG = "word " * 14_000
VOCABULARY = 30_000
TEXT = {"dtype": "string", "_type": "Value"}
SHAPES: tuple[tuple[dict[str, Any], tuple[str, ...], str], ...] = (
    ({"context": TEXT, "question": TEXT, "answer": TEXT}, ("context", "question"), "answer"),
    (
        {"sentence": TEXT, "label": {"names": ["negative", "positive"], "_type": "ClassLabel"}},
        ("sentence",),
        "label",
    ),
    (
        {"question": TEXT, "choices": {"feature": TEXT, "_type": "List"}, "answer": TEXT},
        ("question", "choices"),
        "answer",
    ),
    (
        {"title": TEXT, "year": {"dtype": "int64", "_type": "Value"}, "summary": TEXT},
        ("title", "year"),
        "summary",
    ),
)
MEDIAN_WORDS = {
    "context": 110, "question": 11, "answer": 3, "sentence": 18, "title": 6, "summary": 40,
}  # fmt: skip


Batch = tuple[Task, Config, pa.Table]


def batches(rows: int) -> Iterator[Batch]:
    """Give rows in batches of 10,000 at most, the shapes taking turns."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number:x}" for number in range(VOCABULARY)])
    for number, start in enumerate(range(0, rows, BATCH)):
        features, inputs, output = SHAPES[number % len(SHAPES)]
        count = min(BATCH, rows - start)
        config = Config("bench/shapes", "0" * 40, f"shape-{number % len(SHAPES)}", features, {})
        task = Task(
            dataset_id=config.dataset_id,
            revision=config.revision,
            config=config.name,
            instruction="Give what is asked for.",
            input_fields=inputs,
            output_field=output,
            label_space=(),
            mode=Mode.AWARE,
            prompt_version="bench",
            licence="mit",
            request_key="0" * 64,
        )
        columns = {name: column(name, features[name], count, rng, words) for name in features}
        columns["__split__"] = pa.array(["train"] * count)
        columns["__row__"] = pa.array(range(start, start + count), pa.int64())
        yield task, config, pa.table(columns)


def column(
    name: str, feature: dict[str, Any], count: int, rng: np.random.Generator, words: Any
) -> pa.Array:
    """One column of a batch."""
    if feature["_type"] == "ClassLabel":
        return pa.array(rng.integers(0, 2, count))
    if feature["_type"] == "List":
        texts = sentences(6, 4 * count, rng, words)
        return pa.array([texts[4 * row : 4 * row + 4] for row in range(count)])
    if feature["dtype"] == "int64":
        return pa.array(rng.integers(1900, 2030, count))
    texts = sentences(MEDIAN_WORDS[name], count, rng, words)
    for row in np.flatnonzero(rng.random(count) < 1 / 200):
        texts[row] = f"{texts[row]} a.b{row}@example.org or (650) 253-{row:04d}"
    for row in np.flatnonzero(rng.random(count) < 1 / 200):
        texts[row] = None
    for row in np.flatnonzero(rng.random(count) < 1 / 2000):
        texts[row] = LONG
    return pa.array(texts, pa.string())


def sentences(median: int, count: int, rng: np.random.Generator, words: Any) -> list[str | None]:
    """Texts of about so many words."""
    lengths = np.maximum(1, rng.lognormal(np.log(median), 0.6, count)).astype(int)
    drawn = words[np.minimum(rng.zipf(1.2, lengths.sum()), VOCABULARY) - 1]
    edges = np.cumsum(lengths)[:-1]
    return [" ".join(part) for part in np.split(drawn, edges)]


def row_by_row(task: Task, config: Config, rows: pa.Table) -> pa.Table:
    """The paper's rules as a loop over rows: what one would write first."""
    return pa.Table.from_pylist(filled_rows(task, config, rows), schema=ORGANISED)


def filled_rows(task: Task, config: Config, rows: pa.Table) -> list[dict[str, Any]]:
    labels = {field.name: field.labels for field in config.fields}
    several = len(task.input_fields) > 1
    filled: list[dict[str, Any]] = []
    for row in rows.to_pylist():
        output = scalar(row[task.output_field], labels[task.output_field])
        if not output:
            continue
        parts = []
        for name in task.input_fields:
            value = row[name]
            if isinstance(value, list):
                part = list_text(name, value)
            else:
                part = scalar(value, labels[name])
                if part is not None and several:
                    part = f"{name} is '{part}'. "
            parts.append(part)
        if None in parts or not any(parts):
            continue
        filled.append(
            {
                "instruction": task.instruction,
                "input": "".join(parts)[:2000],
                "output": output[:2000],
                "split": row["__split__"],
                "row": row["__row__"],
            }
        )
    return filled


def row_by_row_whole(task: Task, config: Config, rows: pa.Table) -> pa.Table:
    """The same with each instance's key and provenance, as the product keeps them."""
    constants = {
        "task_key": task.key,
        "dataset": task.dataset_id,
        "revision": task.revision,
        "config": task.config,
        "licence": task.licence,
        "mode": str(task.mode),
        "prompt_version": task.prompt_version,
        "growth_day": DAY,
        "pii": "",
    }
    filled = filled_rows(task, config, rows)
    for instance in filled:
        texts = (instance["instruction"], instance["input"], instance["output"])
        framed = "".join(f"{len(text)}:{text}" for text in texts)
        instance["instance_key"] = hashlib.sha256(framed.encode()).hexdigest()
        instance.update(constants)
    return pa.Table.from_pylist(filled, schema=INSTANCES)


ORGANISED = pa.schema(
    [
        ("instruction", pa.string()),
        ("input", pa.string()),
        ("output", pa.string()),
        ("split", pa.string()),
        ("row", pa.int64()),
    ]
)


def scalar(value: Any, labels: Sequence[str]) -> str | None:
    if value is None:
        return None
    if labels:
        return labels[value].strip() if value >= 0 else None
    return str(value).strip() if isinstance(value, str | int | float | bool) else None


def list_text(name: str, items: list[Any]) -> str | None:
    if not items or None in items or not isinstance(items[0], str):
        return None
    if "choice" in name:
        lettered = (f" {chr(ord('A') + at)}. '{item}'" for at, item in enumerate(items))
        return ",".join(lettered) + "."
    return ", ".join(f"'{item}'" for item in items) + ". "
