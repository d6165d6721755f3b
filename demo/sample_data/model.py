"""What a dataset of the sample Hub consists of, and small helpers to write its rows."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Feature = Mapping[str, Any]

STRING: Feature = {"dtype": "string", "_type": "Value"}
INTEGER: Feature = {"dtype": "int64", "_type": "Value"}
DECIMAL: Feature = {"dtype": "float64", "_type": "Value"}
STRINGS: Feature = {"feature": STRING, "_type": "List"}


def classes(*names: str) -> Feature:
    return {"names": list(names), "_type": "ClassLabel"}


def translation(*languages: str) -> Feature:
    return {"languages": list(languages), "_type": "Translation"}


@dataclass(frozen=True)
class Config:
    """A named subset: its features in the library's own notation and the rows of each split."""

    name: str
    description: str
    features: Mapping[str, Any]
    splits: Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Front:
    """The front matter of a card."""

    pretty_name: str
    languages: tuple[str, ...]
    licences: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Revision:
    """One commit: its UTC time, its title and the card that it leaves behind.

    Without a front, the text is the whole card as its author wrote it, faults included.
    """

    date: str
    title: str
    front: Front | None
    text: str


@dataclass(frozen=True)
class SampleDataset:
    """A repository of the sample Hub; the revisions stand from the oldest to the newest."""

    id: str
    licence_class: str
    configs: tuple[Config, ...]
    revisions: tuple[Revision, ...]
    downloads: int
    likes: int
    note: str | None = None


def mixed(seed: str, *parts: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Every combination of one item of each part, once, in an order that the seed decides."""
    numbered = enumerate(itertools.product(*parts))
    return [row for _, row in sorted(numbered, key=lambda pair: _digest(f"{seed}/{pair[0]}"))]


def shuffled(seed: str, items: Sequence[Any]) -> list[Any]:
    return [item for (item,) in mixed(seed, items)]


def pick(seed: str, options: Sequence[Any]) -> Any:
    """One of the options, always the same for a seed."""
    return options[int(_digest(seed)[:8], 16) % len(options)]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
