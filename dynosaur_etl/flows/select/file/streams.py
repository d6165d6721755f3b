"""Text of a file, whatever it is packed with and however it is encoded."""

import io
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from dynosaur_etl.domain.errors import InvalidInput

PACKED_SUFFIXES = (".gz", ".bz2", ".zst", ".xz")
_PACKED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\x28\xb5\x2f\xfd", "zstd"))
_XZ = b"\xfd7zXZ\x00"
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_UTF_8 = "utf-8-sig"


@contextmanager
def open_text(file: Path, encoding: str | None) -> Iterator[TextIO]:
    r"""Open a file as text: unpacked by its first bytes, decoded by its byte order mark or name.

    Lines end where `\n` stands; nothing is translated, so that CSV keeps the breaks in its cells.

    Args:
        file: plain, or packed by gzip, bzip2, Zstandard or xz.
        encoding: a name that Python knows; None for what the byte order mark says, else UTF-8.

    Raises:
        InvalidInput: the file cannot be read, is packed and cut short, or is of another encoding.
    """
    used = encoding or _marked(file) or _UTF_8
    try:
        with io.TextIOWrapper(_unpacked(file), encoding=used, newline="") as text:
            yield text
    except (UnicodeDecodeError, UnicodeError) as e:
        raise InvalidInput(_wrong_encoding(file, encoding, used)) from e
    except (OSError, EOFError, lzma.LZMAError) as e:
        raise InvalidInput(f"input {str(file)!r} cannot be read: {e}") from e


def _unpacked(file: Path) -> Any:
    """A file's bytes; its packing is known by what it begins with, not by its name."""
    with file.open("rb") as source:
        first = source.read(len(_XZ))
    if first == _XZ:
        return lzma.open(file)
    kind = next((kind for mark, kind in _PACKED if first.startswith(mark)), None)
    return file.open("rb") if kind is None else pa.CompressedInputStream(str(file), kind)


def _marked(file: Path) -> str | None:
    try:
        with _unpacked(file) as source:
            first = source.read(4)
    except (OSError, EOFError, lzma.LZMAError):
        return None
    return next((encoding for mark, encoding in _MARKS if first.startswith(mark)), None)


def _wrong_encoding(file: Path, asked: str | None, used: str) -> str:
    """Where the first byte stands that does not fit."""
    place = ""
    if used == _UTF_8:
        with _unpacked(file) as source:
            for number, line in enumerate(io.BufferedReader(source), start=1):
                try:
                    line.decode()
                except UnicodeDecodeError as e:
                    place = f" (byte 0x{line[e.start]:02x} in line {number})"
                    break
    received = "text that is not UTF-8" if asked is None else f"text that is not {asked}"
    return (
        f"input {str(file)!r}: received {received}{place}; "
        "allowed: UTF-8, UTF-16 with a byte order mark, or an encoding that --encoding names, "
        "such as latin-1"
    )
