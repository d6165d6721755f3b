"""A file of the Hub, read by ranges."""

import io
from collections.abc import Callable
from typing import BinaryIO

from dynosaur_etl.domain.errors import HubUnavailable

WHOLE = 1 << 20
"""Bytes; a file up to this size comes in one request, and no range is smaller."""

LARGEST_RANGE = 1 << 26
LARGEST_STEP = 1 << 24
"""Bytes; of ranges that follow one another each is twice as long as the last, up to this."""

ReadRange = Callable[[int, int], bytes]


def comes_whole(size: int) -> bool:
    """Tell whether the first read of a file of so many bytes asks for all of it."""
    return size <= WHOLE


def open_ranges(read_range: ReadRange, size: int) -> BinaryIO:
    """Give a seekable binary file over a function that reads the bytes `[start, stop)`."""
    return io.BufferedReader(_Ranges(read_range, size), buffer_size=1 << 16)


class _Ranges(io.RawIOBase):
    def __init__(self, read_range: ReadRange, size: int) -> None:
        super().__init__()
        self._read_range = read_range
        self._size = size
        self._position = 0
        self._start = 0
        self._held = b""
        self._step = WHOLE

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, target: memoryview | bytearray) -> int:  # type: ignore[override]
        view = memoryview(target)
        if self._position >= self._size or not view:
            return 0
        if not self._start <= self._position < self._start + len(self._held):
            self._fetch(len(view))
        begin = self._position - self._start
        piece = self._held[begin : begin + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _fetch(self, wanted: int) -> None:
        goes_on = bool(self._held) and self._position == self._start + len(self._held)
        self._step = min(2 * self._step, LARGEST_STEP) if goes_on else WHOLE
        self._start = 0 if comes_whole(self._size) else self._position
        length = min(max(wanted, self._step), LARGEST_RANGE)
        stop = min(self._start + length, self._size)
        self._held = self._read_range(self._start, stop)
        if len(self._held) != stop - self._start:
            raise HubUnavailable(
                f"bytes {self._start} to {stop}: received {len(self._held)}, "
                f"expected {stop - self._start}"
            )
