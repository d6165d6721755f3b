"""The manifest: what a snapshot is made of, and the checksum of each of its files."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.snapshots.layout import (
    FIRST_FORMAT,
    FULL,
    MANIFEST,
    SINGLE_FILES,
    SOMETIMES,
    TEST,
    TRAIN,
    SnapshotConfig,
    json_bytes,
    part_of,
)
from dynosaur_etl.store.checksums import file_sha256

FORMAT = 2
READ = frozenset({FIRST_FORMAT, FORMAT})
"""The formats that are read; versions are written in the newest alone."""


@dataclass(frozen=True)
class FileEntry:
    """A file of the snapshot; `rows` is None for a file that is no table."""

    sha256: str
    bytes: int
    rows: int | None


@dataclass(frozen=True)
class ParentEntry:
    """The version that a snapshot followed, bound by the checksum of its manifest."""

    version: int
    manifest_sha256: str


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says.

    Attributes:
        format: of the folder; it changes when a reader of the old one would be wrong.
        files: by path within the folder, all files but the manifest itself.
    """

    version: int
    parent: ParentEntry | None
    days: tuple[str, ...]
    parameters: Mapping[str, Any]
    versions: Mapping[str, Any]
    counts: Mapping[str, int]
    files: Mapping[str, FileEntry]
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        return json_bytes(asdict(self))

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of `manifest.json`; it stands for the whole snapshot."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def rows(self) -> int:
        """Rows of the training set, all shards together."""
        return self.rows_by_part[TRAIN]

    @property
    def rows_by_part(self) -> dict[str, int]:
        """Rows of the parts that are cut into shards."""
        rows = dict.fromkeys((TRAIN, TEST, FULL), 0)
        for name, entry in self.files.items():
            part = part_of(name)
            if part is not None:
                rows[part] += entry.rows or 0
        return rows

    def rows_of(self, config: SnapshotConfig) -> int:
        """Rows of a config, all its files together."""
        return sum(entry.rows or 0 for name, entry in self.files.items() if config.holds(name))

    @property
    def bytes(self) -> int:
        """Size of all files but the manifest itself."""
        return sum(entry.bytes for entry in self.files.values())


_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Manifest)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a snapshot.

    Raises:
        Corrupt: it is missing, has another form than it is written in, is of a format that
            this version cannot read, or names a file that no snapshot has.
    """
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise Corrupt(f"{path}: the file is missing") from error
    try:
        manifest = _ADAPTER.validate_json(raw, strict=True)
        rewritten = manifest.to_bytes()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "document"
        raise Corrupt(f"{path}: {where}: {first['msg']}") from error
    except ValueError as error:
        raise Corrupt(f"{path}: {error}") from error
    if rewritten != raw:
        raise Corrupt(f"{path}: found other bytes than the product writes for this content")
    if manifest.format not in READ:
        read = " and ".join(map(str, sorted(READ)))
        raise Corrupt(f"{path}: found format {manifest.format}; this version reads {read}")
    for name in manifest.files:
        if name not in SINGLE_FILES | SOMETIMES and part_of(name) is None:
            raise Corrupt(f"{path}: found the file name {name!r}, which no snapshot has")
    return manifest


def require_whole(folder: Path, manifest: Manifest, names: Iterable[str]) -> None:
    """Check files of a local snapshot against its manifest, before they are read.

    Raises:
        Corrupt: one is missing, or is not what was written.
    """
    way_out = f"`dynosaur restore v{manifest.version:04d}` rebuilds it"
    for name in names:
        path, entry = folder / name, manifest.files.get(name)
        if entry is None or not path.is_file():
            raise Corrupt(f"{path}: the file is missing; {way_out}")
        found = file_sha256(path)
        if found != entry.sha256:
            raise Corrupt(f"{path}: found SHA-256 {found}; expected {entry.sha256}; {way_out}")
