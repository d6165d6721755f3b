"""Finding out whether a snapshot on disk is what was written."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.snapshots import layout
from dynosaur_etl.snapshots.layout import (
    FIRST_FORMAT,
    FIRST_SELECTED,
    FULL,
    MANIFEST,
    PREFERENCE_COLUMNS,
    PREFERENCES,
    REJECTS,
    SELECTED,
    SELECTED_CHAT,
    SELECTED_NATIVE,
    SELECTION,
    SOMETIMES,
    SOURCES,
    SOURCES_TABLE,
    TASKS,
    TEST,
    TRAIN,
    expected_files,
    part_of,
    shard_names,
)
from dynosaur_etl.snapshots.manifest import FileEntry, Manifest, read_manifest
from dynosaur_etl.snapshots.relations import (
    GROUP_COLUMNS,
    KEY_COLUMNS,
    Breach,
    breaches,
    full_breaches,
)
from dynosaur_etl.snapshots.sources import read_sources
from dynosaur_etl.store.checksums import file_sha256

_FILE_OF = {"selection": SELECTION, "tasks": TASKS, "sources": SOURCES_TABLE}
_PART_OF = {"selected": TRAIN, "held_out": TEST, "full": FULL}
_KEYS = pa.schema([SELECTED.field(name) for name in KEY_COLUMNS])


@dataclass(frozen=True)
class Discrepancy:
    """What is wrong with a file: what was found there, and what was expected."""

    file: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: found {self.found}; expected {self.expected}"


def verify_snapshot(folder: Path, manifest_sha256: str | None = None) -> list[Discrepancy]:
    """Check every file, checksum, row count and relation; an empty list means sound.

    Args:
        folder: of the snapshot, on a local disk.
        manifest_sha256: what the manifest's checksum must be. Without it, an edit of the
            manifest that keeps to the manifest's own form and to the files is not noticed.
    """
    try:
        manifest = read_manifest(folder)
    except Corrupt as error:
        return [Discrepancy(MANIFEST, str(error), "the manifest as it was written")]
    problems = list(_wrong_manifest(manifest, manifest_sha256))
    problems += _wrong_names(folder, manifest)
    there = {
        name: entry for name, entry in sorted(manifest.files.items()) if (folder / name).is_file()
    }
    tables: dict[str, pa.Table] = {}
    with ThreadPoolExecutor(1) as beside:  # checksums and tables keep one core busy each
        hashes = {name: beside.submit(file_sha256, folder / name) for name in there}
        for name, entry in there.items():
            table, found = _read_table(folder, name, entry, manifest.format)
            wrong = [*_wrong_bytes(folder, name, entry, hashes[name].result()), *found]
            problems += wrong
            if table is not None and not wrong:  # a damaged table would put others in the wrong
                tables[name] = table
    return problems + list(_wrong_relations(manifest, tables))


def _wrong_manifest(manifest: Manifest, expected: str | None) -> Iterator[Discrepancy]:
    if expected is not None and manifest.sha256 != expected:
        yield Discrepancy(MANIFEST, f"SHA-256 {manifest.sha256}", expected)
    stated = manifest.counts.get("selected", manifest.rows)
    if stated != manifest.rows:
        rows = f"{manifest.rows}, the rows of its data files"
        yield Discrepancy(MANIFEST, f"{stated} selected in counts", rows)
    due = expected_files(manifest.rows_by_part, manifest.format) | (
        manifest.files.keys() & SOMETIMES
    )
    for name in sorted(due - manifest.files.keys()):
        yield Discrepancy(MANIFEST, f"no entry for {name}", "one for each file of a snapshot")
    for name in sorted(manifest.files.keys() - due):
        part = part_of(name)
        number = manifest.rows_by_part[part] if part else 0
        yield Discrepancy(MANIFEST, f"an entry for {name}", f"no such file at {number} rows")


def _wrong_names(folder: Path, manifest: Manifest) -> Iterator[Discrepancy]:
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_leaf(path)}
    for name in sorted(manifest.files.keys() - there):
        yield Discrepancy(name, "no file", "the file that the manifest lists")
    for name in sorted(there - manifest.files.keys() - {MANIFEST}):
        yield Discrepancy(name, "a file", "none, the manifest does not list it")


def _is_leaf(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _wrong_bytes(folder: Path, name: str, entry: FileEntry, sha256: str) -> Iterator[Discrepancy]:
    path = folder / name
    if path.is_symlink():
        yield Discrepancy(name, "a link", "a plain file")
    size = path.stat().st_size
    if size != entry.bytes:
        yield Discrepancy(name, f"{size} bytes", f"{entry.bytes} bytes")
    if sha256 != entry.sha256:
        yield Discrepancy(name, f"SHA-256 {sha256}", entry.sha256)


def _read_table(
    folder: Path, name: str, entry: FileEntry, form: int
) -> tuple[pa.Table | None, list[Discrepancy]]:
    """Read a table and compare it with its entry; None where the file is no table or unreadable."""
    allowed = _schemas(name, form)
    if not allowed:
        return None, []
    columns = KEY_COLUMNS if part_of(name) == FULL else None
    try:
        found = _read(folder, name)
        table = found.rows(columns)
    except (Corrupt, pa.ArrowException, OSError) as error:
        return None, [Discrepancy(name, f"a table that cannot be read ({error})", "a whole file")]
    problems = []
    if found.number != entry.rows:
        problems.append(Discrepancy(name, f"{found.number} rows", f"{entry.rows} rows"))
    if not any(found.schema.equals(schema) for schema in allowed):
        expected = str(_columns(allowed[0]))
        problems.append(Discrepancy(name, f"columns {_columns(found.schema)}", expected))
    return table, problems


@dataclass(frozen=True)
class _Found:
    """A table file: what its end says of it, and a way to its rows."""

    schema: pa.Schema
    number: int
    rows: Callable[[list[str] | None], pa.Table]


def _read(folder: Path, name: str) -> _Found:
    if name == SOURCES:
        table = read_sources(folder)
        return _Found(table.schema, table.num_rows, lambda _: table)
    file = pq.ParquetFile(folder / name)
    if part_of(name) != FULL:
        return _Found(file.schema_arrow, file.metadata.num_rows, file.read)
    keys = pq.ParquetFile(folder / name, metadata=file.metadata, read_dictionary=GROUP_COLUMNS)
    return _Found(file.schema_arrow, file.metadata.num_rows, keys.read)


def _schemas(name: str, form: int) -> tuple[pa.Schema, ...]:
    if part_of(name) in (TRAIN, TEST):
        newer = (SELECTED, SELECTED_CHAT, SELECTED_NATIVE)
        return (FIRST_SELECTED,) if form == FIRST_FORMAT else newer
    single = {
        SELECTION: schemas.SELECTION,
        SOURCES: schemas.SOURCES,
        SOURCES_TABLE: schemas.SOURCES,
        REJECTS: schemas.REJECTS,
        PREFERENCES: PREFERENCE_COLUMNS,
    }
    if part_of(name) == FULL:
        return (SELECTED,)
    if name == TASKS:
        return schemas.TASKS, schemas.TASKS_WITHOUT_AUTHORS
    return (single[name],) if name in single else ()


def _columns(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}


def _wrong_relations(manifest: Manifest, tables: Mapping[str, pa.Table]) -> Iterator[Discrepancy]:
    shards = {part: shard_names(part, rows) for part, rows in manifest.rows_by_part.items()}
    is_first = manifest.format == FIRST_FORMAT  # its sources stand in one file alone
    columns, listed = (FIRST_SELECTED, SOURCES) if is_first else (SELECTED, SOURCES_TABLE)
    needed = {SELECTION, TASKS, SOURCES, listed}.union(*shards.values())
    if not needed <= tables.keys():
        return
    selected, held_out = (_joined(shards[part], tables, columns) for part in (TRAIN, TEST))
    tasks, sources = tables[TASKS], tables[listed]
    found = [*breaches(selected, held_out, tables[SELECTION], tasks, sources)]
    if shards[FULL]:
        full = _joined(shards[FULL], tables, _KEYS)
        found += full_breaches(full, selected, held_out, tasks, sources)
    for breach in found:
        yield _problem(breach, shards)
    if not tables[SOURCES].equals(sources):
        yield Discrepancy(SOURCES, "other sources", f"those of {SOURCES_TABLE}")


def _joined(names: tuple[str, ...], tables: Mapping[str, pa.Table], schema: pa.Schema) -> pa.Table:
    """Put the shards of a part together, in the columns that the rules look at."""
    parts = [tables[name].select(schema.names) for name in names]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _problem(breach: Breach, shards: Mapping[str, tuple[str, ...]]) -> Discrepancy:
    part = _PART_OF.get(breach.table)
    if part is None:
        return Discrepancy(
            _FILE_OF[breach.table], f"{breach.found} in row {breach.row}", breach.expected
        )
    shard, row = divmod(breach.row, layout.SHARD_ROWS)
    name = shards[part][min(shard, len(shards[part]) - 1)]
    return Discrepancy(name, f"{breach.found} in row {row}", breach.expected)
