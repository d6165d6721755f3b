"""Putting a finished snapshot where its readers look: whole or not at all, and for good."""

import tempfile
import weakref
from pathlib import Path
from shutil import rmtree

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.snapshots.layout import MANIFEST
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.store.storage import Storage


def snapshot_path(version: int) -> str:
    """Give the place of a version below the storage URL."""
    return f"snapshots/v{version:04d}"


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


def open_snapshot(storage: Storage, version: int) -> Path:
    """Give a local folder with a version: its own place, or a copy that lasts with the process.

    Raises:
        InvalidInput: there is no such version.
        StoreUnavailable: the storage does not answer, or the local disk is full.
    """
    path = snapshot_path(version)
    if not storage.exists(f"{path}/{MANIFEST}"):
        place = f"a version that is in {storage.url}/snapshots"
        raise InvalidInput(not_allowed("snapshot version", version, place))
    local = storage.local_path(path)
    return local if local is not None else _fetched(storage, path)


def _placed_manifest(storage: Storage, path: str) -> bytes | None:
    if not storage.exists(f"{path}/{MANIFEST}"):
        return None
    with storage.open(f"{path}/{MANIFEST}") as file:
        return bytes(file.read())


def _fetched(storage: Storage, path: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dynosaur-snapshot-"))
    weakref.finalize(storage, rmtree, folder, ignore_errors=True)
    storage.fetch_folder(path, folder)
    return folder
