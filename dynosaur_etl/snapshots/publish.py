"""Putting a finished snapshot where its readers look: whole or not at all, and for good."""

import hashlib
import json
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.snapshots.layout import MANIFEST, json_bytes
from dynosaur_etl.snapshots.manifest import read_manifest, require_whole
from dynosaur_etl.store.scratch import scratch_folder
from dynosaur_etl.store.storage import Storage

LATEST = "latest.json"
_PLACE = "snapshots"


def snapshot_path(version: int) -> str:
    """Give the place of a version below the storage URL."""
    return f"{_PLACE}/v{version:04d}"


def place_snapshot(folder: Path, storage: Storage, version: int) -> str:
    """Copy a finished snapshot to its place in the storage; gives that place.

    A version that is there with the same manifest is left as it is.

    Raises:
        Corrupt: the folder holds no such version, or the storage holds another snapshot under
            its number.
        StoreUnavailable: the disk is full, or the storage does not answer.
    """
    manifest = read_manifest(folder)
    if manifest.version != version:
        raise Corrupt(f"{folder}: found version {manifest.version}; expected {version}")
    path = snapshot_path(version)
    placed = _placed_manifest(storage, path)
    if placed is None:
        storage.place_folder(folder, path, last=MANIFEST)
    elif placed != manifest.to_bytes():
        raise Corrupt(
            f"{storage.url}/{path}: found another snapshot under this number; expected the "
            f"one with manifest {manifest.sha256}, or none: versions never change"
        )
    return path


@dataclass(frozen=True)
class Copied:
    """What copying a version did.

    Attributes:
        path: of its files, below the storage URL.
        new: whether anything was written.
        latest: what was done with the pointer `latest.json`, in words.
    """

    path: str
    new: bool
    latest: str


def publish_copy(folder: Path, storage: Storage, version: int) -> Copied:
    """Copy a version to another storage, and only then point `latest.json` to it.

    The pointer never goes back to an older version. What is there already is left as it is. A
    version that has another one's files points to where those stand.

    Raises:
        Corrupt: the storage holds another snapshot under its number, or gives back other bytes.
        StoreUnavailable: the disk is full, or the storage does not answer.
    """
    storage.remove_unfinished(_PLACE)
    manifest = read_manifest(folder)
    was_there = storage.exists(f"{snapshot_path(manifest.version)}/{MANIFEST}")
    path = place_snapshot(folder, storage, manifest.version)
    _check_copy(folder, storage, path)
    pointed = latest_version(storage)
    if pointed is not None and pointed >= version:
        words = f"stays at v{pointed:04d}, which is newer" if pointed > version else "names it"
        return Copied(path, not was_there, f"{LATEST} {words}")
    pointer = {"version": version, "path": path, "manifest_sha256": manifest.sha256}
    storage.write_bytes(LATEST, json_bytes(pointer))
    before = "" if pointed is None else f" in place of v{pointed:04d}"
    return Copied(path, True, f"{LATEST} names it now{before}")


def latest_version(storage: Storage) -> int | None:
    """Give the version that the pointer of a published storage names; None without one.

    Raises:
        Corrupt: the pointer cannot be read.
    """
    if not storage.exists(LATEST):
        return None
    with storage.open(LATEST) as file:
        raw = file.read()
    try:
        return int(json.loads(raw)["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"{storage.url}/{LATEST}: found {raw[:80]!r}; expected a pointer") from error


def _check_copy(folder: Path, storage: Storage, path: str) -> None:
    for name, entry in read_manifest(folder).files.items():
        with storage.open(f"{path}/{name}") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry.sha256:
            raise Corrupt(f"{storage.url}/{path}/{name}: found SHA-256 {found} after writing")


def open_snapshot(storage: Storage, version: int) -> Path:
    """Return a local folder with a version that has files of its own; see `open_folder`."""
    return open_folder(storage, snapshot_path(version))


def open_folder(storage: Storage, path: str) -> Path:
    """Return a local folder with a snapshot: its own place, or a copy that lasts with the process.

    Raises:
        InvalidInput: there is no snapshot at that path.
        StoreUnavailable: the storage does not answer, or the local disk is full.
    """
    if not storage.exists(f"{path}/{MANIFEST}"):
        place = f"a version that is in {storage.url}/{_PLACE}"
        raise InvalidInput(not_allowed("snapshot version", path, place))
    local = storage.local_path(path)
    return local if local is not None else _fetched(storage, path)


@contextmanager
def version_file(storage: Storage, path: str, name: str) -> Iterator[Path]:
    """Yield a local copy of one file of a version, checked against its manifest.

    Raises:
        Corrupt: one of the two is missing, or is not what was written.
        StoreUnavailable: the storage does not answer, or the local disk is full.
    """
    with scratch_folder() as folder:
        for wanted in (MANIFEST, name):
            with storage.open(f"{path}/{wanted}") as file:
                (folder / wanted).write_bytes(file.read())
        require_whole(folder, read_manifest(folder), [name])
        yield folder / name


def _placed_manifest(storage: Storage, path: str) -> bytes | None:
    if not storage.exists(f"{path}/{MANIFEST}"):
        return None
    with storage.open(f"{path}/{MANIFEST}") as file:
        return bytes(file.read())


def _fetched(storage: Storage, path: str) -> Path:
    scratch = ExitStack()
    folder = scratch.enter_context(scratch_folder())
    weakref.finalize(storage, scratch.close)
    storage.fetch_folder(path, folder)
    return folder
