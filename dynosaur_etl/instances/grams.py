"""Runs of n words of each text, as 64-bit hashes: what near duplicates and contamination compare.

A word is a run of characters that are neither white space nor punctuation, in lower case. The
punctuation of ASCII, Latin-1 and U+2000 to U+206F separates words, so that "Don't", "don’t" and
"don t" are the same two words.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Positions = NDArray[np.int64]

_FIRST = 14695981039346656037
_PRIME = 1099511628211
_BASE = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
_IS_SEPARATOR = np.array([byte < 128 and not chr(byte).isalnum() for byte in range(256)], np.bool_)


@dataclass(frozen=True)
class Grams:
    """The n-grams of some texts, in their order.

    Attributes:
        hashes: one a gram.
        offsets: [texts + 1]; the grams of text i are `hashes[offsets[i]:offsets[i + 1]]`.
        starts, ends: where each gram stands in `data`, in bytes.
        data: the texts in lower case, UTF-8.
    """

    hashes: Hashes
    offsets: Positions
    starts: Positions
    ends: Positions
    data: NDArray[np.uint8]

    def words(self, gram: int) -> str:
        """Give the text of a gram, white space made single blanks."""
        piece = self.data[self.starts[gram] : self.ends[gram]].tobytes().decode()
        return " ".join(piece.split())


def grams_of(texts: pa.Array, n: int, shortest: int) -> Grams:
    """Find the runs of n words.

    Args:
        texts: strings without null.
        n: words in a run.
        shortest: a text of fewer than n words, but of at least so many, has one gram: all of it.
    """
    lowered = pc.utf8_lower(pc.cast(texts, pa.large_string()))
    _, offsets, buffer = lowered.buffers()
    edges = np.frombuffer(offsets, np.int64)[lowered.offset : lowered.offset + len(lowered) + 1]
    data = np.frombuffer(buffer or b"", np.uint8)
    most = int(edges[-1] - edges[0]) // 2 + len(lowered) + 1
    hashes = np.empty(most, np.uint64)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    bounds = np.zeros(len(lowered) + 1, np.int64)
    oldest = np.uint64(pow(_BASE, n - 1, 1 << 64))
    count = _compiled(find_grams)(
        data, _separators(data), edges, n, shortest, oldest, hashes, starts, ends, bounds
    )
    return Grams(hashes[:count], bounds, starts[:count], ends[:count], data)


def hashes_of(texts: pa.Array) -> Hashes:
    """Give one hash a text, the same for texts of the same words; 0 for a text without words."""
    words = grams_of(texts, 1, 1)
    found = np.zeros(len(words.offsets) - 1, np.uint64)
    _compiled(fold_words)(words.hashes, words.offsets, found)
    return found


def fold_words(hashes: NDArray[Any], offsets: NDArray[Any], found: NDArray[Any]) -> None:
    """Fill `found` with the polynomial of each text's words; compiled when called."""
    for text in range(found.shape[0]):
        value = np.uint64(0)
        for word in range(offsets[text], offsets[text + 1]):
            value = value * np.uint64(_BASE) + hashes[word]
        found[text] = value


def find_grams(
    data: NDArray[Any],
    separators: NDArray[Any],
    edges: NDArray[Any],
    n: int,
    shortest: int,
    oldest: np.uint64,
    hashes: NDArray[Any],
    starts: NDArray[Any],
    ends: NDArray[Any],
    bounds: NDArray[Any],
) -> int:
    """Fill `hashes`, `starts`, `ends` and `bounds`, and count the grams; compiled when called.

    A word's hash is FNV-1a's, a run's the polynomial of its words with its higher bits mixed into
    the lower; `oldest` is the factor with which the word that leaves a run stands in it.
    """
    count = 0
    ring, ring_starts = np.zeros(n, np.uint64), np.zeros(n, np.int64)
    for text in range(edges.shape[0] - 1):
        words, value, at, stop = 0, np.uint64(0), edges[text], edges[text + 1]
        while at < stop:
            if separators[at]:
                at += 1
                continue
            start, word = at, np.uint64(_FIRST)
            while at < stop and not separators[at]:
                word = (word ^ np.uint64(data[at])) * np.uint64(_PRIME)
                at += 1
            slot = words % n
            if words >= n:
                value -= ring[slot] * oldest
            value = value * np.uint64(_BASE) + word
            ring[slot], ring_starts[slot] = word, start
            words += 1
            if words >= n:
                hashes[count] = (value ^ (value >> np.uint64(31))) * np.uint64(_MIX)
                starts[count], ends[count] = ring_starts[words % n], at
                count += 1
        if shortest <= words < n:
            hashes[count] = (value ^ (value >> np.uint64(31))) * np.uint64(_MIX)
            starts[count], ends[count] = ring_starts[0], stop
            count += 1
        bounds[text + 1] = count
    return count


def _separators(data: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark the bytes of ASCII, Latin-1 and general punctuation and of white space."""
    found: NDArray[np.bool_] = _IS_SEPARATOR[data]
    if len(data) > 1 and data.max() > 127:
        second = data[1:]
        latin = (data[:-1] == 0xC2) & (second < 0xC0)
        found[:-1] |= latin
        found[1:] |= latin
    if len(data) > 2 and data.max() > 127:
        general = (data[:-2] == 0xE2) & ((data[1:-1] == 0x80) | (data[1:-1] == 0x81))
        for byte in range(3):
            found[byte : len(data) - 2 + byte] |= general
    return found


@functools.cache
def _compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    import numba

    built: Callable[..., Any] = numba.njit(nogil=True, cache=True)(kernel)
    return built
