"""Evaluation texts that stand in instances: shared runs of n words.

An instance is contaminated if a run of n words of its input and output stands in a text of an
evaluation set (GPT-3, arXiv 2005.14165, appendix C, with n = 13). Evaluation texts of fewer than n
words can therefore not be found. Runs are compared by 64-bit hashes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dynosaur_etl.instances.grams import Hashes, grams_of

_FILTER_BITS_PER_GRAM = 16
_FEWEST_FILTER_BITS = 16


@dataclass(frozen=True)
class EvaluationIndex:
    """The runs of n words of evaluation texts.

    Attributes:
        hashes: sorted, each once.
        sources: for each hash the place in `names` of the first text set that holds it.
        present: a filter of 2**k flags by the hashes' highest bits, which spares most searches.
    """

    n: int
    names: tuple[str, ...]
    hashes: Hashes
    sources: NDArray[np.int32]
    present: NDArray[np.bool_]

    @classmethod
    def build(cls, texts: Iterable[tuple[str, pa.Array]], n: int) -> "EvaluationIndex":
        """Index texts, given as pairs of the name of their set and a batch of its texts."""
        names: dict[str, int] = {}
        parts = [np.zeros(0, np.uint64)]
        origins = [np.zeros(0, np.int32)]
        for name, batch in texts:
            number = names.setdefault(name, len(names))
            found = np.unique(grams_of(batch, n, n).hashes)
            parts.append(found)
            origins.append(np.full(len(found), number, np.int32))
        hashes, first = np.unique(np.concatenate(parts), return_index=True)
        bits = max(_FEWEST_FILTER_BITS, int(len(hashes) * _FILTER_BITS_PER_GRAM).bit_length())
        present = np.zeros(1 << bits, np.bool_)
        present[hashes >> np.uint64(64 - bits)] = True
        return cls(n, tuple(names), hashes, np.concatenate(origins)[first], present)


@dataclass(frozen=True)
class Match:
    """A row with the words that it shares, and the evaluation set that has them."""

    row: int
    words: str
    source: str


def find_matches(index: EvaluationIndex, inputs: pa.Array, outputs: pa.Array) -> list[Match]:
    """Find the rows that share a run of words with the index, each with its first such run."""
    if not len(index.hashes):
        return []
    grams = grams_of(pc.binary_join_element_wise(inputs, outputs, "\n"), index.n, index.n)
    shift = np.uint64(64 - len(index.present).bit_length() + 1)
    likely = np.flatnonzero(index.present[grams.hashes >> shift])
    places = np.searchsorted(index.hashes, grams.hashes[likely])
    places = np.minimum(places, len(index.hashes) - 1)
    same = index.hashes[places] == grams.hashes[likely]
    hits, places = likely[same], places[same]
    rows = np.searchsorted(grams.offsets, hits, side="right") - 1
    rows, first = np.unique(rows, return_index=True)
    return [
        Match(int(row), grams.words(int(hits[at])), index.names[index.sources[places[at]]])
        for row, at in zip(rows, first, strict=True)
    ]
