"""The same instance twice, word for word or nearly so: the first one stays.

Exact: the same `instance_key`. Near: instruction and output have the same words, and the inputs'
sets of three-word runs have a Jaccard similarity of at least a threshold, as estimated by MinHash
with 128 permutations in 16 bands of 8. The same row under another instruction, or another question
about the same text, is no duplicate.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.instances.grams import grams_of, hashes_of

PERMUTATIONS = 128
BANDS = 16
RUN = 3
NEAR_VERSION = "minhash-1"
_SEED = 1
_SEPARATOR = pa.scalar("\n", pa.large_string())

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_PAIRS = 1 << 16
_ROWS = 10_000

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
Signatures = NDArray[np.uint8]
Groups = NDArray[np.uint64]


COMPARED_COLUMNS = ["instance_key", "instruction", "input", "output"]


@dataclass(frozen=True)
class Doubles:
    """Which rows of a table are the same as, or nearly the same as, one that comes before them."""

    exact: Mask
    near: Mask

    @property
    def dropped(self) -> Mask:
        return self.exact | self.near

    def any(self) -> bool:
        return bool(self.dropped.any())

    def by_reason(self) -> tuple[tuple[Reason, Mask], ...]:
        return ((Reason.DUPLICATE_INSTANCE, self.exact), (Reason.NEAR_DUPLICATE, self.near))


@dataclass(frozen=True)
class Sketches:
    """What near duplicates are found by, 264 bytes an instance.

    Attributes:
        signatures: the lowest byte of each MinHash value [n, 128].
        bands: one hash a band [n, 16]; the same for instances whose eight values and group agree.
        groups: one hash an instance; the same where instruction and output have the same words.
    """

    signatures: Signatures
    bands: Groups
    groups: Groups

    @classmethod
    def joined(cls, parts: Iterable["Sketches"]) -> "Sketches":
        """Put the sketches of several tables one after the other."""
        all_parts = [*parts, _EMPTY]
        return cls(
            np.concatenate([part.signatures for part in all_parts]),
            np.concatenate([part.bands for part in all_parts]),
            np.concatenate([part.groups for part in all_parts]),
        )


_EMPTY = Sketches(
    np.zeros((0, PERMUTATIONS), np.uint8), np.zeros((0, BANDS), np.uint64), np.zeros(0, np.uint64)
)


def find_duplicates(tables: Iterable[Iterable[pa.Table]], threshold: float) -> list[Doubles]:
    """Find the duplicates within and between tables, of which the first in their order stays.

    Args:
        tables: each in batches, with the columns `COMPARED_COLUMNS`. They are read once, and of
            each instance about 400 bytes are kept.
        threshold: least Jaccard similarity of near duplicates; 0 looks for exact ones only.

    Returns:
        One entry a table.
    """
    seen, sizes = FirstSeen(), []
    exact, sketches = [np.zeros(0, np.bool_)], []
    for table in tables:
        size = 0
        for batch in table:
            exact.append(~seen.new(batch["instance_key"]))
            size += batch.num_rows
            if threshold:
                sketches.append(sketch(batch))
        sizes.append(size)
    doubles = np.concatenate(exact)
    near = np.zeros_like(doubles)
    if threshold:
        near = near_duplicates(Sketches.joined(sketches), threshold) & ~doubles
    edges = np.cumsum(sizes)[:-1]
    parts = zip(np.split(doubles, edges), np.split(near, edges), strict=True)
    return [Doubles(*part) for part in parts][: len(sizes)]


class FirstSeen:
    """Remembers keys over several tables; 128 bits of each, which no two texts share by chance."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def new(self, keys: pa.ChunkedArray) -> Mask:
        """Mark the keys that are met for the first time."""
        found = np.zeros(len(keys), np.bool_)
        for place, key in enumerate(keys.to_pylist()):
            short = bytes.fromhex(key[:32])
            if short not in self._seen:
                self._seen.add(short)
                found[place] = True
        return found


def sketch(instances: pa.Table) -> Sketches:
    """Make the sketches of instances, from their instruction, input and output."""
    slices = range(0, instances.num_rows, _ROWS)
    return Sketches.joined(_sketch(instances.slice(start, _ROWS)) for start in slices)


def _sketch(instances: pa.Table) -> Sketches:
    from rensa import RMinHash

    grams = grams_of(_text(instances["input"]), RUN, 1)
    offsets = grams.offsets.astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        grams.hashes, offsets, PERMUTATIONS, _SEED
    )
    values = np.array(matrix.to_rows(), np.uint64)
    groups = output_groups(instances)
    return Sketches(values.astype(np.uint8), _bands(values, groups), groups)


def output_groups(instances: pa.Table) -> Groups:
    """Give one hash an instance, the same where instruction and output have the same words."""
    return hashes_of(
        pc.binary_join_element_wise(
            _text(instances["instruction"]), _text(instances["output"]), _SEPARATOR
        )
    )


def near_duplicates(sketches: Sketches, threshold: float) -> Mask:
    """Mark the instances that are nearly the same as an earlier one.

    Instances that are alike by way of a third are one cluster, and its first one stays.

    Args:
        sketches: of the instances, in their order.
        threshold: least Jaccard similarity of two inputs, over 0 and up to 1.
    """
    found = [_pairs_in_band(sketches.bands[:, band]) for band in range(BANDS)]
    earlier, later = np.unique(np.concatenate(found), axis=0).T
    alike = _similarity(sketches.signatures, earlier, later) >= threshold
    alike &= sketches.groups[earlier] == sketches.groups[later]
    return followers(len(sketches.groups), earlier[alike], later[alike])


def followers(count: int, earlier: Places, later: Places) -> Mask:
    """Mark all but the first of each cluster of things that pairs connect."""
    first = list(range(count))

    def find(place: int) -> int:
        while first[place] != place:
            first[place] = first[first[place]]
            place = first[place]
        return place

    for one, other in zip(earlier.tolist(), later.tolist(), strict=True):
        low, high = sorted((find(one), find(other)))
        first[high] = low
    moved: Mask = np.array(first, np.int64) != np.arange(count)
    return moved


def _bands(values: Groups, groups: Groups) -> Groups:
    """Hash each band's values together with the group; wrap-around is meant."""
    rows = PERMUTATIONS // BANDS
    bands = np.repeat(groups[:, None], BANDS, axis=1)
    for row in range(rows):
        bands = (bands ^ (bands >> np.uint64(29))) * _FACTOR + values[:, row::rows]
    return bands.astype(np.uint64)


def _pairs_in_band(hashes: Groups) -> Places:
    """Give pairs of places with the same hash [pairs, 2]: each with the one before and the first.

    The first in a run of like hashes is the earliest, since the sort is stable.
    """
    order = np.argsort(hashes, kind="stable")
    same = hashes[order][1:] == hashes[order][:-1]
    places = np.arange(len(order))
    first = np.maximum.accumulate(np.where(np.concatenate(([False], same)), 0, places))
    at = np.flatnonzero(same) + 1
    neighbours = np.stack((order[at - 1], order[at]), axis=1)
    leaders = np.stack((order[first[at]], order[at]), axis=1)
    return np.concatenate((neighbours, leaders))


def _similarity(signatures: Signatures, earlier: Places, later: Places) -> NDArray[np.float64]:
    """Estimate the Jaccard similarity of pairs from one byte of each MinHash value.

    Bytes of different values agree by chance once in 256 times, which is taken off
    (b-bit minwise hashing, Li and Koenig, WWW 2010).
    """
    parts = [
        (signatures[earlier[at : at + _PAIRS]] == signatures[later[at : at + _PAIRS]]).mean(axis=1)
        for at in range(0, len(earlier), _PAIRS)
    ]
    agreeing = np.concatenate([np.zeros(0), *parts])
    return (agreeing - 1 / 256) / (1 - 1 / 256)


def _text(column: pa.ChunkedArray) -> pa.Array:
    return pc.cast(column, pa.large_string()).combine_chunks()
