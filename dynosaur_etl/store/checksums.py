"""Files are what they were written as: each is checked once a process against its SHA-256."""

import hashlib
import os
import re
from io import BufferedReader
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import Corrupt

MENDING = "`dynosaur repair` makes again what can be made again"
_NAMED = re.compile(r"(?:.*/)?([0-9a-f]{2})/(\1[0-9a-f]{62})\.[a-z0-9]+")
_PIECE = 1024 * 1024

Identity = tuple[str, int, object, int]


def named_sha256(path: str) -> str | None:
    """Return the SHA-256 that a path's name tells; None where it is not named by its content."""
    found = _NAMED.fullmatch(path)
    return None if found is None else found[2]


class CheckedFiles:
    """The files that this process has found to be what their names tell.

    A file that has another size, time or inode than when it was looked at is looked at again.
    """

    def __init__(self) -> None:
        self._sound: set[Identity] = set()

    def check(self, path: str, file: BufferedReader) -> None:
        """Check an open file of this machine, and leave it at its beginning.

        Args:
            path: as messages are to name it.
            file: at its beginning.

        Raises:
            Corrupt: it is not what its name tells.
        """
        sha256, facts = named_sha256(path), os.fstat(file.fileno())
        identity = (path, facts.st_size, facts.st_mtime_ns, facts.st_ino)
        if sha256 is None or identity in self._sound:
            return
        found = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        require_same(path, found, sha256)
        self._sound.add(identity)

    def knows(self, identity: Identity) -> bool:
        return identity in self._sound

    def fetch(self, identity: Identity, source: Any, target: Path) -> None:
        """Copy a file from elsewhere to this machine, and check it on the way.

        Raises:
            Corrupt: it is not what its name tells.
        """
        path, total = identity[0], hashlib.sha256()
        with target.open("wb") as file:
            while piece := source.read(_PIECE):
                total.update(piece)
                file.write(piece)
        require_same(path, total.hexdigest(), named_sha256(path))
        self._sound.add(identity)


def require_same(path: str, found: str, expected: str | None) -> None:
    """Raise Corrupt unless a file has the checksum that it is to have."""
    if found != expected:
        raise Corrupt(f"{path}: found SHA-256 {found}; expected {expected}; {MENDING}")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a local file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
