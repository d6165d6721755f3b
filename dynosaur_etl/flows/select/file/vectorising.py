"""Vectors of rows by what makes two of them similar.

A similarity is one of the names below, or a mixture such as `prompt:0.8+format:0.2`; parts without
a weight have the same one. The cosine of the vectors is then the mean of the parts' cosines.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.select.file.columns import Candidates
from dynosaur_etl.inference.embedding import Embedder
from dynosaur_etl.selection.similarity import format_signal, identity_signal, mixed

Progress = Callable[[int, int | None], None]

SIMILARITIES = {
    "embedding": "the vectors of the column that --embedding names",
    "text": "the text that is embedded: the instruction",
    "prompt": "the instruction and its input",
    "output": "the output",
    "format": "the form of the text: length, list, code, question",
    "task": "1 within a task, 0 between two",
}
_FORMAT_WIDTH, _TASK_WIDTH = 5, 256
_PART = re.compile(r"([a-z]+)(?::(\d+(?:\.\d+)?|\.\d+))?")


def silent(_done: int, _of: int | None) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Similarity:
    """A mixture of similarities: names, and weights that sum to 1."""

    parts: tuple[tuple[str, float], ...]


def read_similarity(words: str) -> Similarity:
    """Read a name or a mixture.

    Raises:
        InvalidInput: it is none.
    """
    found = [_PART.fullmatch(part) for part in words.replace(" ", "").split("+")]
    matched = [match for match in found if match is not None]
    names = [match[1] for match in matched]
    if len(matched) < len(found) or not set(names) <= set(SIMILARITIES):
        allowed = f"{', '.join(SIMILARITIES)}, or a mixture as prompt:0.8+format:0.2"
        raise InvalidInput(not_allowed("similarity", words, allowed))
    weights = [1.0 if match[2] is None else float(match[2]) for match in matched]
    if sum(weights) <= 0:
        raise InvalidInput(not_allowed("similarity", words, "weights above 0"))
    scaled = [weight / sum(weights) for weight in weights]
    return Similarity(tuple(zip(names, scaled, strict=True)))


def usual_similarity(has_vectors: bool, format_weight: float) -> Similarity:
    """Return the similarity of what is given, with a share of the form of the texts."""
    base = "embedding" if has_vectors else "text"
    if not format_weight:
        return Similarity(((base, 1.0),))
    return Similarity(((base, 1 - format_weight), ("format", format_weight)))


@dataclass
class TextModel:
    """The embedder of a selection, found at its first use."""

    name: str | None

    @cached_property
    def embedder(self) -> Embedder:
        """Find the model.

        Raises:
            InvalidInput: the folder holds no model.
            HubRefused: the Hub does not give it.
        """
        return Embedder(self.name)


@dataclass
class RowVectors:
    """Makes the vectors of some rows; each text is embedded once.

    Attributes:
        rows: what counts of them.
        model: embeds their texts.
        progress: reports (embedded so far, all).
    """

    rows: Candidates
    model: TextModel
    progress: Progress = silent
    made: dict[str, NDArray[np.number]] = field(default_factory=dict)

    def check(self, similarity: Similarity) -> None:
        """Refuse a similarity that lacks its column.

        Raises:
            InvalidInput: naming the part, and the option that names a column.
        """
        for name, _ in similarity.parts:
            option = self._missing(name)
            if option:
                words = f"similarity {name!r}: received no column for it"
                raise InvalidInput(f"{words}; allowed: {option}")

    def dimensions(self, similarity: Similarity) -> int:
        """Return the length of a vector, before any is made."""
        return sum(self._width(name) for name, _ in similarity.parts)

    def vectors(self, similarity: Similarity) -> NDArray[np.number]:
        """Return the vectors [n, d] of a similarity."""
        parts = [(self._part(name), weight) for name, weight in similarity.parts]
        return parts[0][0] if len(parts) == 1 else mixed(parts)

    def unseen(self, similarity: Similarity) -> list[str]:
        """Say how many texts are cut, unknown to the model, or look alike to it."""
        embedded = [name for name, _ in similarity.parts if name in ("text", "prompt", "output")]
        return [note for name in embedded for note in self._unseen(self._texts(name))]

    def _unseen(self, texts: Sequence[str]) -> list[str]:
        embedder = self.model.embedder
        found, model = embedder.legibility(texts), embedder.name
        cut, unknown, alike = (int(one.sum()) for one in (found.cut, found.unknown, found.alike))
        all_ = len(texts)
        notes = {
            f"{cut} of {all_} texts are cut: {model} reads their beginning only": cut,
            f"{unknown} of {all_} texts are mostly of words that {model} does not know, as those "
            "of another script; --model names one that does": unknown,
            f"{alike} of {all_} texts look to {model} the same as one that they differ from; "
            "coverage does not tell them apart": alike,
        }
        return [note for note, number in notes.items() if number]

    def _missing(self, name: str) -> str:
        """The option that names the column that a part needs; empty where it is there."""
        texts = self.rows.texts
        has = {
            "embedding": self.rows.vectors is not None,
            "text": "text" in texts,
            "prompt": {"text", "input"} <= texts.keys(),
            "output": "output" in texts,
            "format": "text" in texts,
            "task": self.rows.tasks is not None,
        }
        options = {"prompt": "--input", "format": "--text"}
        return "" if has[name] else options.get(name, f"--{name}")

    def _width(self, name: str) -> int:
        if name == "embedding" and self.rows.vectors is not None:
            return int(self.rows.vectors.shape[1])
        known = {"format": _FORMAT_WIDTH, "task": _TASK_WIDTH}.get(name)
        return self.model.embedder.dimensions if known is None else known

    def _part(self, name: str) -> NDArray[np.number]:
        if name not in self.made:
            self.made[name] = self._make(name)
        return self.made[name]

    def _make(self, name: str) -> NDArray[np.number]:
        if name == "embedding" and self.rows.vectors is not None:
            return self.rows.vectors
        if name == "format":
            return format_signal(self.rows.texts["text"])
        if name == "task":
            return identity_signal(self.rows.tasks or [])
        return self.model.embedder.embed(self._texts(name), self.progress)

    def _texts(self, name: str) -> list[str]:
        texts = self.rows.texts
        if name != "prompt":
            return texts[name]
        pairs = zip(texts["text"], texts["input"], strict=True)
        return [f"{text}\n{given}" if given.strip() else text for text, given in pairs]
