"""Folders of this machine for what is on its way; those that a killed process left are removed.

Each holds a file that its process has locked. Where nobody holds the lock of one that has stood for
a minute, its process is gone, whichever machine's or container's process it was.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir, mkdtemp

PREFIX = "dynosaur-scratch-"
SETTLED_SECONDS = 60
_LOCK = ".lock"
_CONTENT = "content"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder that goes with the block, or with the process at the latest."""
    _remove_left_once()
    whole = Path(mkdtemp(prefix=PREFIX))
    lock = os.open(whole / _LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (whole / _CONTENT).mkdir()
        yield whole / _CONTENT
    finally:
        rmtree(whole, ignore_errors=True)
        os.close(lock)


def remove_left(above: Path) -> list[Path]:
    """Remove the scratch folders whose processes are gone.

    Returns:
        Those that were removed.
    """
    return [folder for folder in sorted(above.glob(f"{PREFIX}*")) if _removed(folder)]


@cache
def _remove_left_once() -> None:
    remove_left(Path(gettempdir()))


def _removed(folder: Path) -> bool:
    with suppress(OSError):  # it went meanwhile, or is another user's
        if time.time() - folder.stat().st_mtime < SETTLED_SECONDS:
            return False
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            rmtree(folder)
            return True
        finally:
            os.close(lock)
    return False
