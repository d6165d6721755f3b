"""A disk that loses at a power cut what nobody synced, beside the real one that runs go to."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any
from unittest import mock

_REAL_FSYNC, _REAL_REPLACE, _REAL_RENAME = os.fsync, os.replace, os.rename


class Disk:
    """What would be left of a folder: names by their synced folders, bytes by their synced files.

    A file whose bytes were not synced is there, and empty.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[str] = []
        self._names: dict[Path, set[str]] = {}
        self._bytes: dict[int, int] = {}
        self._lock = RLock()

    @contextmanager
    def recording(self) -> Iterator[None]:
        with (
            mock.patch("os.fsync", self._fsync),
            mock.patch("os.replace", self._moving("replace", _REAL_REPLACE)),
            mock.patch("os.rename", self._moving("rename", _REAL_RENAME)),
        ):
            yield

    def keeps(self, path: str) -> bool:
        """Whether a file, or a folder with all that is in it, outlives a power cut now."""
        with self._lock:
            full = self.root / path
            if full.is_dir():
                return all(
                    self.keeps(str(below.relative_to(self.root))) for below in full.iterdir()
                ) and self._is_named(full)
            return self._is_named(full) and self._is_whole(full)

    def left(self, copy: Path) -> None:
        """Write down what a power cut would leave of all files."""
        with self._lock:
            for path in self.root.rglob("*"):
                target = copy / path.relative_to(self.root)
                if not path.is_file() or not self._is_named(path):
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch()
                if self._is_whole(path):
                    shutil.copyfile(path, target)

    def _fsync(self, handle: int) -> None:
        with self._lock:
            _REAL_FSYNC(handle)
            path, facts = Path(f"/proc/self/fd/{handle}").readlink(), os.fstat(handle)
            self.calls.append(f"fsync {path}")
            if path.is_dir():
                self._names[path] = {entry.name for entry in path.iterdir()}
            else:
                self._bytes[facts.st_ino] = facts.st_size

    def _moving(self, name: str, real: Any) -> Any:
        def move(source: Any, target: Any, **options: Any) -> None:
            with self._lock:
                source, target = Path(source), Path(target)
                self.calls.append(f"{name} {target}")
                real(source, target, **options)
                inner = {path for path in self._names if path.is_relative_to(source)}
                for path in inner:
                    self._names[target / path.relative_to(source)] = self._names.pop(path)

        return move

    def _is_named(self, path: Path) -> bool:
        below = [path, *path.parents]
        upto = below[: below.index(self.root) + 1]
        return all(entry.name in self._names.get(entry.parent, ()) for entry in upto)

    def _is_whole(self, path: Path) -> bool:
        facts = path.stat()
        return self._bytes.get(facts.st_ino) == facts.st_size
