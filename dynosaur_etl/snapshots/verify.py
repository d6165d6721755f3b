"""Finding out whether a snapshot on disk is what was written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.snapshots.layout import (
    MANIFEST,
    REJECTS,
    SELECTED,
    SELECTION,
    SHARD_ROWS,
    SOURCES,
    TASKS,
    TRAIN_NAME,
    expected_files,
    train_names,
)
from dynosaur_etl.snapshots.manifest import FileEntry, Manifest, read_manifest
from dynosaur_etl.snapshots.relations import Breach, breaches
from dynosaur_etl.snapshots.sources import read_sources
from dynosaur_etl.store.storage import file_sha256

_FILE_OF = {"selection": SELECTION, "tasks": TASKS, "sources": SOURCES}


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file: what was found there, and what was expected."""

    file: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: found {self.found}; expected {self.expected}"


def verify_snapshot(folder: Path, manifest_sha256: str | None = None) -> list[Problem]:
    """Check every file, checksum, row count and relation; an empty list means sound.

    Args:
        folder: of the snapshot, on a local disk.
        manifest_sha256: what the manifest's checksum must be. Without it, an edit of the
            manifest that keeps to the manifest's own form and to the files is not noticed.
    """
    try:
        manifest = read_manifest(folder)
    except Corrupt as error:
        return [Problem(MANIFEST, str(error), "the manifest as it was written")]
    problems = list(_wrong_manifest(manifest, manifest_sha256))
    problems += _wrong_names(folder, manifest)
    tables: dict[str, pa.Table] = {}
    for name, entry in sorted(manifest.files.items()):
        if (folder / name).is_file():
            problems += _wrong_bytes(folder, name, entry)
            problems += _wrong_table(folder, name, entry, tables)
    return problems + list(_wrong_relations(manifest, tables))


def _wrong_manifest(manifest: Manifest, expected: str | None) -> Iterator[Problem]:
    if expected is not None and manifest.sha256 != expected:
        yield Problem(MANIFEST, f"SHA-256 {manifest.sha256}", expected)
    stated = manifest.counts.get("selected", manifest.rows)
    if stated != manifest.rows:
        rows = f"{manifest.rows}, the rows of its data files"
        yield Problem(MANIFEST, f"{stated} selected in counts", rows)
    due = expected_files(manifest.rows)
    for name in sorted(due - manifest.files.keys()):
        yield Problem(MANIFEST, f"no entry for {name}", "one for each file of a snapshot")
    for name in sorted(manifest.files.keys() - due):
        yield Problem(MANIFEST, f"an entry for {name}", f"no such file at {manifest.rows} rows")


def _wrong_names(folder: Path, manifest: Manifest) -> Iterator[Problem]:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_leaf(path)}
    for name in sorted(manifest.files.keys() - there):
        yield Problem(name, "no file", "the file that the manifest lists")
    for name in sorted(there - manifest.files.keys() - {MANIFEST}):
        yield Problem(name, "a file", "none, the manifest does not list it")


def _is_leaf(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _wrong_bytes(folder: Path, name: str, entry: FileEntry) -> Iterator[Problem]:
    path = folder / name
    if path.is_symlink():
        yield Problem(name, "a link", "a plain file")
    size = path.stat().st_size
    if size != entry.bytes:
        yield Problem(name, f"{size} bytes", f"{entry.bytes} bytes")
    sha256 = file_sha256(path)
    if sha256 != entry.sha256:
        yield Problem(name, f"SHA-256 {sha256}", entry.sha256)


def _wrong_table(
    folder: Path, name: str, entry: FileEntry, tables: dict[str, pa.Table]
) -> Iterator[Problem]:
    """Read a table, compare it with its entry, and keep it where it can be read."""
    schema = _schema(name)
    if schema is None:
        return
    try:
        table = read_sources(folder) if name == SOURCES else _read_parquet(folder / name)
    except (Corrupt, pa.ArrowException, OSError) as error:
        yield Problem(name, f"a table that cannot be read ({error})", "a whole file")
        return
    if table.num_rows != entry.rows:
        yield Problem(name, f"{table.num_rows} rows", f"{entry.rows} rows")
    if not table.schema.equals(schema):
        yield Problem(name, f"columns {_columns(table.schema)}", str(_columns(schema)))
        return
    tables[name] = table


def _schema(name: str) -> pa.Schema | None:
    single = {
        SELECTION: schemas.SELECTION,
        TASKS: schemas.TASKS,
        SOURCES: schemas.SOURCES,
        REJECTS: schemas.REJECTS,
    }
    return SELECTED if TRAIN_NAME.fullmatch(name) else single.get(name)


def _read_parquet(path: Path) -> pa.Table:
    return pq.read_table(path, partitioning=None)


def _columns(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}


def _wrong_relations(manifest: Manifest, tables: Mapping[str, pa.Table]) -> Iterator[Problem]:
    shards = train_names(manifest.rows)
    if not {*shards, SELECTION, TASKS, SOURCES} <= tables.keys():
        return
    selected = pa.concat_tables([tables[name] for name in shards])
    for breach in breaches(selected, tables[SELECTION], tables[TASKS], tables[SOURCES]):
        yield _problem(breach, shards)


def _problem(breach: Breach, shards: tuple[str, ...]) -> Problem:
    if breach.table != "selected":
        return Problem(
            _FILE_OF[breach.table], f"{breach.found} in row {breach.row}", breach.expected
        )
    shard, row = divmod(breach.row, SHARD_ROWS)
    name = shards[min(shard, len(shards) - 1)]
    return Problem(name, f"{breach.found} in row {row}", breach.expected)
