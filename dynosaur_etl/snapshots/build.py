"""Writing a snapshot: the same content gives the same bytes, on any machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.snapshots.card import render_card
from dynosaur_etl.snapshots.citations import write_citations
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.diff import SnapshotDiff, diff
from dynosaur_etl.snapshots.figures import draw_figures
from dynosaur_etl.snapshots.layout import (
    CITATIONS,
    CONFIGS,
    DIFF,
    FULL,
    MANIFEST,
    PREFERENCE_COLUMNS,
    PREFERENCES,
    README,
    REJECTS,
    SELECTED,
    SELECTION,
    SOURCES,
    SOURCES_TABLE,
    TASKS,
    TEST,
    TRAIN,
    json_bytes,
    selected_schema,
    tasks_schema,
)
from dynosaur_etl.snapshots.manifest import FileEntry, Manifest, ParentEntry, read_manifest
from dynosaur_etl.snapshots.shards import write_features_parquet, write_shards
from dynosaur_etl.snapshots.sources import write_sources
from dynosaur_etl.store.checksums import file_sha256
from dynosaur_etl.store.storage import wrapped_errors


@dataclass(frozen=True)
class ParentSnapshot:
    """The version before: its number, its manifest, and a local folder that holds its files.

    The number is not the manifest's where the version points at another one's files.
    """

    version: int
    manifest: Manifest
    folder: Path

    @classmethod
    def read(cls, folder: Path, version: int | None = None) -> "ParentSnapshot":
        """Read the version in a local folder; its number is the manifest's unless it is given.

        Raises:
            Corrupt: its manifest cannot be read.
        """
        manifest = read_manifest(folder)
        return cls(manifest.version if version is None else version, manifest, folder)


def write_snapshot(
    content: SnapshotContent, version: int, parent: ParentSnapshot | None, folder: Path
) -> Manifest:
    """Write a whole snapshot into `folder`, which is made, or is there and empty.

    The manifest is written last: a folder without one is no snapshot.

    Raises:
        InvalidInput: the version does not follow its parent, or the folder is not empty.
        Corrupt: the parent cannot be read, or the pool has not the rows that it should have.
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
    entries: dict[str, FileEntry] = {}
    memory: dict[str, int] = {}
    for name, rows, size in _write_tables(content, folder):
        entries[name], memory[name] = _entry(folder / name, rows), size
    for name in _write_facts(content, changes, folder):
        entries[name] = _entry(folder / name, None)
    entries[SOURCES] = replace(entries[SOURCES], rows=content.sources.num_rows)
    manifest = Manifest(
        version=version,
        parent=ParentEntry(parent.version, parent.manifest.sha256) if parent else None,
        days=tuple(sorted(content.days)),
        parameters=content.parameters,
        versions=content.versions,
        counts=content.counts,
        files=entries,
    )
    card = render_card(manifest, content, changes, _by_config(entries, memory))
    (folder / README).write_text(card, encoding="utf-8", newline="\n")
    whole = replace(manifest, files={**entries, README: _entry(folder / README, None)})
    (folder / MANIFEST).write_bytes(whole.to_bytes())
    return whole


def _check_version(version: int, parent: ParentSnapshot | None) -> None:
    least = parent.version + 1 if parent else 1
    if version < least:
        raise InvalidInput(not_allowed("snapshot version", version, f"{least} or more"))


def _write_tables(content: SnapshotContent, folder: Path) -> Iterator[tuple[str, int, int]]:
    schema = selected_schema(content.selected)
    for part, table in ((TRAIN, content.selected), (TEST, content.held_out)):
        yield from write_shards([table], table.num_rows, schema, part, folder)
    if content.full is not None:
        yield from write_shards(content.full.tables(), content.full.rows, SELECTED, FULL, folder)
    singles: tuple[tuple[str, pa.Table, pa.Schema], ...] = (
        (SELECTION, content.selection, schemas.SELECTION),
        (TASKS, content.tasks, tasks_schema(content.tasks)),
        (SOURCES_TABLE, content.sources, schemas.SOURCES),
        (REJECTS, content.rejects, schemas.REJECTS),
    )
    if content.preferences is not None:
        singles += ((PREFERENCES, content.preferences, PREFERENCE_COLUMNS),)
    for name, table, columns in singles:
        yield name, table.num_rows, write_features_parquet(table, columns, folder / name)


def _write_facts(content: SnapshotContent, changes: SnapshotDiff, folder: Path) -> Iterator[str]:
    write_sources(content.sources, folder / SOURCES)
    yield SOURCES
    write_citations(content.sources, folder / CITATIONS)
    yield CITATIONS
    (folder / DIFF).write_bytes(json_bytes(to_json(changes)))
    yield DIFF
    yield from draw_figures(content, folder)


def _entry(path: Path, rows: int | None) -> FileEntry:
    return FileEntry(file_sha256(path), path.stat().st_size, rows)


def _by_config(entries: Mapping[str, FileEntry], memory: Mapping[str, int]) -> dict[str, int]:
    """Sum up the size in memory of each config that has rows."""
    sizes = {}
    for config in CONFIGS:
        names = [name for name in memory if config.holds(name) and entries[name].rows]
        if names:
            sizes[config.name] = sum(memory[name] for name in names)
    return sizes
