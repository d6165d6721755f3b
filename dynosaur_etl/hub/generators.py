"""The models that wrote the texts of a set, as far as its card or its rows say so.

Their terms may bear on training with what they wrote; what is said is kept as a fact of the source,
and judged by nobody here.
"""

from collections import Counter
from collections.abc import Collection, Iterable

import pyarrow as pa

from dynosaur_etl.domain.text import shorten

COLUMNS = frozenset(
    {"generator", "generation_model", "generator_model", "teacher_model", "response_model"}
)
TALK_COLUMNS = frozenset({"model", "model_name", "llm"})
"""Columns that name the model of an answer in a set of talks, and other things elsewhere."""
TAGS = frozenset({"synthetic", "distilabel", "curator", "synthetic-data", "machine-generated"})
MOST_NAMES = 5
LONGEST_NAME = 60


def generators_of(table: pa.Table, is_form: bool) -> tuple[str, ...]:
    """Return the models that rows name as their writers, the most frequent first.

    Args:
        table: sampled rows.
        is_form: whether they are an instruction set.
    """
    known = COLUMNS | TALK_COLUMNS if is_form else COLUMNS
    names: Counter[str] = Counter()
    for name in table.column_names:
        if name.lower() in known and pa.types.is_string(table[name].type):
            names.update(filter(None, map(_name, table[name].to_pylist())))
    return tuple(name for name, _ in sorted(names.items(), key=_most_first)[:MOST_NAMES])


def tags_of_generation(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags of a card that say that a model wrote the texts."""
    return tuple(tag for tag in tags if tag.lower() in TAGS)


def words_of_generation(models: Collection[str], tags: Collection[str]) -> list[str]:
    """Word what is said of the writers, for the verdict; nothing where nothing is said."""
    written = [f"written by {', '.join(models)}, as its rows say"] if models else []
    return [*written, *([f"tagged {', '.join(tags)}"] if tags else [])]


def _name(value: str | None) -> str:
    return shorten(" ".join((value or "").split()), LONGEST_NAME)


def _most_first(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
