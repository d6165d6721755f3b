"""The two binary forms in which the clients upload by Xet: xorbs of chunks, and shards of files.

As https://huggingface.co/docs/xet/xorb and https://huggingface.co/docs/xet/shard specify them.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

MOST_CHUNK_BYTES = 2**20
"""Far more than the 128 KiB that a chunk has; a header that tells more is not believed."""

_CHUNK_VERSION = 0
_CHUNK_HEADER_BYTES = 8
_PLAIN, _LZ4, _GROUPED_LZ4 = 0, 1, 2
_SHARD_HEADER = struct.Struct("<32sQQ")
_SHARD_VERSION = 2
_ENTRY = struct.Struct("<32sIIII")
_END = b"\xff" * 32
_HAS_VERIFICATION, _HAS_SHA256 = 1 << 31, 1 << 30


class FormatError(ValueError):
    """The bytes are not of the form that they should have."""


@dataclass(frozen=True)
class Chunk:
    """Where a chunk stands in its xorb, header and all, and how long its content is."""

    start: int
    end: int
    length: int


@dataclass(frozen=True)
class Term:
    """A run of a file: the chunks from `first` to before `end` of a xorb, `length` bytes in all."""

    xorb: str
    first: int
    end: int
    length: int


@dataclass(frozen=True)
class XetFile:
    """A file of a shard: its Xet hash, its SHA-256 and the runs that it is made of."""

    xet_hash: str
    sha256: str
    terms: tuple[Term, ...]


def hash_text(raw: bytes) -> str:
    """Write a hash as the API does: four little-endian numbers in hexadecimal."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))


def read_chunks(xorb: bytes) -> list[Chunk]:
    """Find the chunks of a xorb; the footer after them, if there is one, is not needed.

    Raises:
        FormatError: a chunk is cut off or too long, or there is none.
    """
    found, at = [], 0
    while at < len(xorb) and xorb[at] == _CHUNK_VERSION:
        content = at + _CHUNK_HEADER_BYTES
        end = content + int.from_bytes(xorb[at + 1 : at + 4], "little")
        length = int.from_bytes(xorb[at + 5 : content], "little")
        if end > len(xorb) or length > MOST_CHUNK_BYTES:
            raise FormatError(f"the chunk at byte {at} is cut off or too long")
        found.append(Chunk(at, end, length))
        at = end
    if not found:
        raise FormatError("a xorb must hold a chunk")
    return found


def chunk_content(xorb: bytes, chunk: Chunk) -> bytes:
    """Unpack a chunk.

    Raises:
        FormatError: its scheme is unknown, or its content is not what its header tells.
    """
    scheme = xorb[chunk.start + 4]
    packed = xorb[chunk.start + _CHUNK_HEADER_BYTES : chunk.end]
    if scheme == _PLAIN:
        content = packed
    elif scheme in (_LZ4, _GROUPED_LZ4):
        content = _unpacked(packed, chunk.length)
    else:
        raise FormatError(f"unknown compression scheme {scheme}")
    if len(content) != chunk.length:
        raise FormatError(f"the chunk at byte {chunk.start} has another length than it tells")
    return _ungrouped(content) if scheme == _GROUPED_LZ4 else content


def _unpacked(packed: bytes, length: int) -> bytes:
    try:
        with pa.CompressedInputStream(pa.BufferReader(packed), "lz4") as stream:
            return bytes(stream.read(length + 1))  # one more than it tells shows a lie
    except (pa.ArrowException, OSError) as error:
        raise FormatError(f"a chunk cannot be unpacked: {error}") from error


def _ungrouped(grouped: bytes) -> bytes:
    """Put bytes back in order that were sorted by their place in groups of four."""
    content, at = bytearray(len(grouped)), 0
    for place in range(4):
        count = (len(grouped) - place + 3) // 4
        content[place::4] = grouped[at : at + count]
        at += count
    return bytes(content)


def read_shard(shard: bytes) -> list[XetFile]:
    """Read the files that a shard tells of.

    Raises:
        FormatError: it is cut off, of another version, or a file in it has no SHA-256.
    """
    try:
        _, version, _ = _SHARD_HEADER.unpack_from(shard)
        if version != _SHARD_VERSION:
            raise FormatError(f"a shard must have version {_SHARD_VERSION}, not {version}")
        return list(_files(shard))
    except struct.error as error:
        raise FormatError(f"the shard is cut off: {error}") from error


def _files(shard: bytes) -> Iterator[XetFile]:
    at = _SHARD_HEADER.size
    while True:
        raw, flags, number, _, _ = _ENTRY.unpack_from(shard, at)
        if raw == _END:
            return
        if not flags & _HAS_SHA256:
            raise FormatError("a file of a shard must have its SHA-256")
        at += _ENTRY.size
        terms = _terms(shard, at, number)
        at += _ENTRY.size * number * (2 if flags & _HAS_VERIFICATION else 1)
        yield XetFile(hash_text(raw), hash_text(_ENTRY.unpack_from(shard, at)[0]), terms)
        at += _ENTRY.size


def _terms(shard: bytes, at: int, number: int) -> tuple[Term, ...]:
    entries = [_ENTRY.unpack_from(shard, at + _ENTRY.size * place) for place in range(number)]
    return tuple(Term(hash_text(raw), first, end, n) for raw, _, n, first, end in entries)


def starts_of(lengths: Sequence[int]) -> list[int]:
    """Give where each of the pieces begins, and where the last one ends."""
    starts = [0]
    for length in lengths:
        starts.append(starts[-1] + length)
    return starts


def overlapping(starts: Sequence[int], first: int, last: int) -> list[int]:
    """Give the places of the pieces that hold a byte from `first` to `last`, both included."""
    pieces = enumerate(pairwise(starts))
    return [place for place, (start, end) in pieces if start <= last and end > first]
