"""What must outlive a power cut: files and their folders, on the disk before a row names them.

A file is synced before it gets its name. The folders that names were put into are noted, and
`settle` syncs each of them once, however many files it got; `store.database.transaction` calls it
before every commit, so that no row can name what the disk does not hold.
"""

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock

from dynosaur_etl.domain.errors import StoreUnavailable

_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF})
"""How file systems refuse to sync a folder, or this user to open one; nothing more can be done."""


class _Noted:
    """The folders of this process that hold names which may not be on the disk yet."""

    def __init__(self) -> None:
        self.changing, self.settling = Lock(), Lock()
        self.folders: set[Path] = set()
        self.known: set[Path] = set()
        """Folders whose own names are on the disk, or are noted."""

    def add(self, folders: Iterable[Path]) -> None:
        with self.changing:
            self.folders.update(folders)

    def take(self) -> set[Path]:
        with self.changing:
            taken, self.folders = self.folders, set()
        return taken


_NOTED = _Noted()


def sync_file(path: Path) -> None:
    """Put a file's bytes on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, above: Path) -> None:
    """Make a folder with its parents, and note the names of it and of those below `above`."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    _NOTED.add(path.parent for path in made)
    for path in (folder, *folder.parents):
        if path == above or path in _NOTED.known:
            break
        _NOTED.add([path.parent])
        _NOTED.known.add(path)


def put_file(unfinished: Path, final: Path, above: Path) -> None:
    """Give a finished file its name, in place of what had it; its bytes are on the disk first.

    It is as young as this moment, so that `remove_older` spares it until a row names it.
    """
    sync_file(unfinished)
    make_folder(final.parent, above)
    with _held(above, fcntl.LOCK_SH):
        os.utime(unfinished)
        unfinished.replace(final)
    _NOTED.add([final.parent])


def remove_older(path: Path, moment: datetime, above: Path) -> bool:
    """Remove a file that was written at a moment or before; false where it is younger, or gone.

    No file of the storage gets its name between the look and the removal.
    """
    with _held(above, fcntl.LOCK_EX):
        if not path.exists() or path.stat().st_mtime > moment.timestamp():
            return False
        path.unlink()
        return True


@contextmanager
def _held(folder: Path, kind: int) -> Iterator[None]:
    """Hold a lock of a storage among the processes of this machine: writers share it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


def put_folder(unfinished: Path, final: Path, above: Path) -> None:
    """Give a finished folder its name; all that is in it is on the disk first."""
    for path in sorted(unfinished.rglob("*")):
        if path.is_file():
            sync_file(path)
    for path in (*unfinished.rglob("*/"), unfinished):
        _sync_folder(path)
    make_folder(final.parent, above)
    unfinished.rename(final)
    _NOTED.add([final.parent])


def settle() -> None:
    """Put on the disk every name that this process has given; then rows may tell of them.

    Whoever comes while another thread is at it waits for that one, as its own names may be there.

    Raises:
        StoreUnavailable: the disk does not take them; they stay noted.
    """
    with _NOTED.settling:
        waiting = _NOTED.take()
        try:
            while waiting:
                folder = max(waiting)
                _sync_folder(folder)
                waiting.remove(folder)
        except OSError as error:
            raise StoreUnavailable(f"{folder}: its names cannot be kept: {error}") from error
        finally:
            _NOTED.add(waiting)


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return  # it went with all its names
    except OSError as error:
        if error.errno in _CANNOT_SYNC:
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(handle)
