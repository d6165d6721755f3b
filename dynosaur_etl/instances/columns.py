"""Columns of a config as columns of text, made by Arrow without a loop over rows."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from string import ascii_uppercase

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dynosaur_etl.domain.rendering import TEXT

LONGEST_LIST = 2000
"""Items of a list that are written; 2,000 characters hold fewer."""
_JOINABLE_BYTES = 1 << 28
_BLANK = ord(" ")


def shorter(texts: pa.Array, limit: int) -> pa.Array:
    """Cut texts to their first `limit` characters; only those that may be longer are touched."""
    maybe = pc.fill_null(pc.greater(pc.binary_length(texts), limit), fill_value=False)
    if not pc.any(maybe).as_py():
        return texts
    heads = pc.utf8_slice_codeunits(texts.filter(maybe), 0, limit)
    return pc.replace_with_mask(texts, maybe, heads)


def stripped(texts: pa.Array) -> pa.Array:
    """Strip white space of any kind, as Python's `str.strip` does; a copy only where there is."""
    return texts if _are_bare(texts) else pc.utf8_trim_whitespace(texts)


def _are_bare(texts: pa.Array) -> bool:
    """Tell that texts begin and end with visible ASCII; False leaves open what they begin with."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return True
    edges = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    filled = edges[1:] > edges[:-1]
    letters = np.frombuffer(data, np.int8)  # what is not ASCII is negative
    ends = (letters[edges[:-1][filled]], letters[edges[1:][filled] - 1])
    return all(bool((end > _BLANK).all()) for end in ends)


def bounded(texts: pa.Array, limit: int) -> pa.Array:
    """Cut texts as `shorter` does where they are so large that joining them could overflow."""
    return texts if texts.nbytes <= _JOINABLE_BYTES else shorter(texts, limit)


def quoted_lists(
    column: pa.Array, marks: pa.Array | None, before: str = "", after: str = ""
) -> pa.Array:
    """Give `'a', 'b'` for lists of texts, or `A. 'a', B. 'b'` with the marks of `letter_marks`.

    Null where the list is null, empty or holds a null. No more than 2,000 items are written.
    `before` and `after` stand around each text.
    """
    column = pc.cast(column, pa.large_list(column.type.value_type))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    items = pc.cast(pc.list_flatten(column), TEXT)
    places = np.arange(len(items)) - np.repeat(offsets[:-1], lengths)
    if lengths.max(initial=0) > LONGEST_LIST:
        kept = places < LONGEST_LIST
        items, places = items.filter(pa.array(kept)), places[kept]
        offsets = np.concatenate(([0], np.cumsum(np.minimum(lengths, LONGEST_LIST))))
    opening = "'"
    if marks is not None:
        items, opening = joined(marks.take(pa.array(places)), items), ""
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), items)
    texts = pc.binary_join(lists, "', " + opening)  # between items, not around each: half the time
    filled = pc.if_else(pa.array(lengths > 0), texts, pa.scalar(None, TEXT))
    return joined(before + opening, filled, "'" + after)


def letter_marks(letters: Iterable[str]) -> pa.Array:
    """Give what `quoted_lists` writes before each item, up to the quote that opens it."""
    return pa.array([f"{letter}. '" for letter in letters], TEXT)


def letters_after_z(count: int) -> Iterator[str]:
    """Give A to Z, then AA, AB and so on."""
    return map(_letters, range(count))


def joined(*pieces: pa.Array | str) -> pa.Array:
    """Join columns and constants row by row; null where a column is."""
    merged: list[pa.Array | str] = []
    for constant, run in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        together = list(run)
        merged += ["".join(map(str, together))] if constant else together
    return pc.binary_join_element_wise(*merged, "")


def lengths_of(texts: pa.Array) -> NDArray[np.int32]:
    """Give the characters of each text, 0 for null."""
    lengths: NDArray[np.int32] = pc.fill_null(pc.utf8_length(texts), 0).to_numpy()
    return lengths


def _letters(number: int) -> str:
    earlier, rest = divmod(number, len(ascii_uppercase))
    return (_letters(earlier - 1) if earlier else "") + ascii_uppercase[rest]
