"""Writing a snapshot: the same content gives the same bytes, on any machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.snapshots.card import render_card
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.diff import diff
from dynosaur_etl.snapshots.layout import (
    CONFIGS,
    DIFF,
    MANIFEST,
    README,
    REJECTS,
    SELECTED,
    SELECTION,
    SHARD_ROWS,
    SOURCES,
    TASKS,
    json_bytes,
    train_names,
    write_features_parquet,
)
from dynosaur_etl.snapshots.manifest import FileEntry, Manifest, ParentEntry, read_manifest
from dynosaur_etl.snapshots.sources import write_sources
from dynosaur_etl.store.storage import file_sha256, wrapped_errors


@dataclass(frozen=True)
class ParentSnapshot:
    """The version before: its manifest, and a local folder that holds its files."""

    manifest: Manifest
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> "ParentSnapshot":
        """Read the version in a local folder.

        Raises:
            Corrupt: its manifest cannot be read.
        """
        return cls(read_manifest(folder), folder)


def write_snapshot(
    content: SnapshotContent, version: int, parent: ParentSnapshot | None, folder: Path
) -> Manifest:
    """Write a whole snapshot into `folder`, which is made, or is there and empty.

    The manifest is written last: a folder without one is no snapshot.

    Raises:
        InvalidInput: the version does not follow its parent, or the folder is not empty.
        Corrupt: the parent cannot be read.
        StoreUnavailable: the disk is full or cannot be written.
    """
    _check_version(version, parent)
    with wrapped_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InvalidInput(not_allowed("folder of a snapshot", str(folder), "an empty one"))
        return _write(content, version, parent, folder)


def _write(
    content: SnapshotContent, version: int, parent: ParentSnapshot | None, folder: Path
) -> Manifest:
    changes = diff(parent.folder if parent else None, content)
    entries = dict(_write_tables(content, folder))
    (folder / DIFF).write_bytes(json_bytes(changes))
    manifest = Manifest(
        version=version,
        parent=ParentEntry(parent.manifest.version, parent.manifest.sha256) if parent else None,
        days=tuple(sorted(content.days)),
        parameters=content.parameters,
        versions=content.versions,
        counts=content.counts,
        files={**entries, DIFF: _entry(folder / DIFF, None)},
    )
    card = render_card(manifest, content, changes, _arrow_bytes(folder, entries))
    (folder / README).write_text(card, encoding="utf-8", newline="\n")
    whole = replace(manifest, files={**manifest.files, README: _entry(folder / README, None)})
    (folder / MANIFEST).write_bytes(whole.to_bytes())
    return whole


def _check_version(version: int, parent: ParentSnapshot | None) -> None:
    least = parent.manifest.version + 1 if parent else 1
    if version < least:
        raise InvalidInput(not_allowed("snapshot version", version, f"{least} or more"))


def _write_tables(content: SnapshotContent, folder: Path) -> Iterator[tuple[str, FileEntry]]:
    for name, table, schema in _parquet_files(content):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        write_features_parquet(table, schema, path)
        yield name, _entry(path, table.num_rows)
    write_sources(content.sources, folder / SOURCES)
    yield SOURCES, _entry(folder / SOURCES, content.sources.num_rows)


def _parquet_files(content: SnapshotContent) -> Iterator[tuple[str, pa.Table, pa.Schema]]:
    for index, name in enumerate(train_names(content.selected.num_rows)):
        yield name, content.selected.slice(index * SHARD_ROWS, SHARD_ROWS), SELECTED
    yield SELECTION, content.selection, schemas.SELECTION
    yield TASKS, content.tasks, schemas.TASKS
    yield REJECTS, content.rejects, schemas.REJECTS


def _entry(path: Path, rows: int | None) -> FileEntry:
    return FileEntry(file_sha256(path), path.stat().st_size, rows)


def _arrow_bytes(folder: Path, entries: Mapping[str, FileEntry]) -> dict[str, int]:
    """Measure each config that has rows as `datasets` holds it, from what was written."""
    sizes = {}
    for config in CONFIGS:
        names = [name for name, entry in entries.items() if config.holds(name) and entry.rows]
        if names:
            sizes[config.name] = sum(_nbytes(folder / name) for name in names)
    return sizes


def _nbytes(path: Path) -> int:
    return int(pq.read_table(path, partitioning=None).combine_chunks().nbytes)
