"""How near two phrases are in meaning, by an embedder that is handed in.

The embedder maps texts to unit vectors; each text is embedded once and kept. A second measure tells
of a field's name whether it speaks of the record (who wrote it, when, under which number) or of
what the record says (a summary, a topic, an answer): a logistic regression over the name's vector,
fitted on names that were sorted by hand (`tests/proposals/fit_roles.py`).
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_KEPT = 100_000
MAX_CHARACTERS = 200

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
Vector = NDArray[np.float32]


class Meanings:
    """Likeness of phrases; vectors of up to 100,000 texts are kept."""

    def __init__(self, embed: Embed) -> None:
        """Take a function that gives unit vectors, float32 [n, d], of any texts."""
        self._embed = embed
        self._kept: dict[str, Vector] = {}

    def prepare(self, texts: Iterable[str]) -> None:
        """Embed texts together, which is many times faster than one by one."""
        wanted = {text[:MAX_CHARACTERS] for text in texts}
        new = sorted(text for text in wanted - self._kept.keys() if text.strip())
        if len(self._kept) + len(new) > MAX_KEPT:
            self._kept.clear()
            new = sorted(text for text in wanted if text.strip())
        if new:
            self._kept.update(zip(new, self._embed(new), strict=True))

    def likeness(self, first: str, second: str) -> float:
        """Give the cosine of two phrases, at least 0."""
        if not first.strip() or not second.strip():
            return 0.0
        return max(0.0, float(self._vector(first) @ self._vector(second)))

    def about_record(self, name: str) -> float:
        """Give how likely a name speaks of the record and not of its content, from 0 to 1."""
        if not name.strip():
            return 0.5
        weights, bias = _weights()
        return 1 / (1 + math.exp(-float(self._vector(name) @ weights) - bias))

    def _vector(self, text: str) -> Vector:
        text = text[:MAX_CHARACTERS]
        if text not in self._kept:
            self.prepare([text])
        return self._kept[text]


@cache
def _weights() -> tuple[Vector, float]:
    found: dict[str, Any] = json.loads(
        files("dynosaur_etl.proposals").joinpath("roles.json").read_text(encoding="utf-8")
    )
    return np.array(found["weights"], np.float32), float(found["bias"])
