"""Backups: the database and the files of one moment, in another storage, each content kept once.

A target holds `content/`, files and tables under the SHA-256 of their bytes, and `backups/`, a list
for each backup, which is written last: a backup without its list is none.
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Engine

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.store.database import ensure_known, locked, one_moment
from dynosaur_etl.store.file_systems import FoundFile
from dynosaur_etl.store.storage import UNFINISHED, Storage
from dynosaur_etl.store.table_copies import load_tables, stored_migration, unload_tables

CONTENT, LISTS = "content", "backups"
FORMAT = 1
_CONTENT_NAME = re.compile(r".+/([0-9a-f]{2})/(\1[0-9a-f]{62})(\.[a-z0-9.]+)")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Kept:
    """A file in a backup: its content by SHA-256, and its size."""

    sha256: str
    bytes: int

    @property
    def path(self) -> str:
        return f"{CONTENT}/{self.sha256[:2]}/{self.sha256}"


@dataclass(frozen=True)
class KeptTable:
    """A table in a backup: its columns in the order of the copy, its rows, and the copy."""

    name: str
    columns: list[str]
    rows: int
    copy: Kept


@dataclass(frozen=True)
class Backup:
    """The list of a backup; tables stand in an order in which they can be filled."""

    made_at: str
    migration: str
    tables: list[KeptTable]
    files: dict[str, Kept]
    format: int = FORMAT


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds, and what of it was not in the target yet."""

    name: str
    target: str
    migration: str
    tables: int
    rows: int
    files: int
    bytes: int
    new_files: int
    new_bytes: int


_STORED: TypeAdapter[Backup] = TypeAdapter(Backup)


def back_up(engine: Engine, storage: Storage, target: Storage) -> BackupReport:
    """Copy the database and the files to the target, as they are at one moment.

    The tables are read in one snapshot; files that rows name were there before their row, and none
    is collected as garbage meanwhile. What is new in the target is read back and compared.

    Raises:
        InvalidInput: the target lies within the storage.
        Corrupt: a file has not the content of its name, or the target gives back other bytes.
        StoreUnavailable: the database, the storage or the target does not answer.
    """
    made_at = datetime.now(UTC)
    with locked(engine, "snapshots"):
        _ensure_apart(storage, target)
        writer = _Writer(target)
        migration, tables = _keep_tables(engine, writer)
        files = {
            file.path: _keep_file(storage, file, writer)
            for file in storage.list_files()
            if UNFINISHED not in file.path
        }
    backup = Backup(made_at.isoformat(), migration, tables, files)
    name = f"{made_at:%Y%m%dT%H%M%S.%fZ}"
    target.write_bytes(f"{LISTS}/{name}.json", canonical_json(asdict(backup)).encode())
    return BackupReport(
        name=name,
        target=target.url,
        migration=migration,
        tables=len(tables),
        rows=sum(table.rows for table in tables),
        files=len(files),
        bytes=sum(kept.bytes for kept in files.values()),
        new_files=writer.new_files,
        new_bytes=writer.new_bytes,
    )


def backup_names(target: Storage) -> list[str]:
    """Return the names of the target's backups, the oldest first."""
    found = (Path(file.path) for file in target.list_files())
    return sorted(path.stem for path in found if path.parent.as_posix() == LISTS)


def read_backup(target: Storage, name: str = "") -> tuple[str, Backup]:
    """Read a backup's list by its name, or that of the newest.

    Raises:
        InvalidInput: there is no such backup.
        Corrupt: the list cannot be read.
    """
    names = backup_names(target)
    chosen = name or (names[-1] if names else "")
    if chosen not in names:
        allowed = ", ".join(names) or f"none; {target.url} holds no backup"
        raise InvalidInput(not_allowed("backup", name, allowed))
    with target.open(f"{LISTS}/{chosen}.json") as file:
        raw = file.read()
    try:
        return chosen, _STORED.validate_json(raw, strict=True)
    except ValidationError as error:
        raise Corrupt(f"{target.url}/{LISTS}/{chosen}.json: {error}") from error


def check_backup(target: Storage, name: str = "") -> tuple[str, Backup]:
    """Read all of a backup, and compare each content with its checksum.

    Raises:
        InvalidInput: there is no such backup.
        Corrupt: a content is missing or is another one; it is named.
    """
    chosen, backup = read_backup(target, name)
    for kept in {*backup.files.values(), *(table.copy for table in backup.tables)}:
        with target.open(kept.path) as file:
            _ensure(target, kept, _sha256(file))
    return chosen, backup


def recover(engine: Engine, storage: Storage, target: Storage, name: str = "") -> Backup:
    """Put a backup's files into the storage, and then its rows into the empty database.

    It may be killed and run again: files that are there with their content stay.

    Raises:
        InvalidInput: there is no such backup, or the database holds rows.
        WrongSchema: the backup is of a newer version of the product.
        Corrupt: a content of the backup, or a file that is there already, is another one.
        StoreUnavailable: the database, the storage or the target does not answer.
    """
    ensure_known(engine)
    _, backup = read_backup(target, name)
    with load_tables(engine, backup.migration) as fill:  # refuses before anything is copied
        _put_files(storage, target, backup.files)
        for table in backup.tables:
            with _checked(target, table.copy) as copy:
                fill(table.name, table.columns, copy, table.rows)
    return backup


def _ensure_apart(storage: Storage, target: Storage) -> None:
    here, there = storage.local_path(""), target.local_path("")
    if here and there and there.resolve().is_relative_to(here.resolve()):
        raise InvalidInput(not_allowed("target", target.url, f"one that is not in {storage.url}"))


class _Writer:
    """Writes contents that the target does not have, and counts them."""

    def __init__(self, target: Storage) -> None:
        self.target = target
        self.new_files = self.new_bytes = 0
        self._there = {file.path: file.bytes for file in target.list_files()}

    def has(self, kept: Kept) -> bool:
        return self._there.get(kept.path) == kept.bytes

    def keep(self, fill: Callable[[Path], int], expected: str = "", source: str = "") -> Kept:
        """Write what `fill` writes to a local file, and read it back.

        Raises:
            Corrupt: the content is not the expected one, or not what is read back.
        """
        written = self.target.write(CONTENT, "", fill)
        kept = Kept(written.sha256, written.bytes)
        if expected and kept.sha256 != expected:
            raise Corrupt(f"{source}: found SHA-256 {kept.sha256}; expected {expected}")
        if not self.has(kept):
            with self.target.open(kept.path) as file:
                _ensure(self.target, kept, _sha256(file))
            self._there[kept.path] = kept.bytes
            self.new_files += 1
            self.new_bytes += kept.bytes
        return kept


def _keep_tables(engine: Engine, writer: _Writer) -> tuple[str, list[KeptTable]]:
    with one_moment(engine) as connection:
        return stored_migration(connection), list(_kept_tables(connection, writer))


def _kept_tables(connection: Connection, writer: _Writer) -> Iterator[KeptTable]:
    for table in unload_tables(connection):
        yield KeptTable(table.name, table.columns, table.rows, writer.keep(table.write))


def _keep_file(storage: Storage, file: FoundFile, writer: _Writer) -> Kept:
    named = _CONTENT_NAME.fullmatch(file.path)
    expected = named[2] if named else ""
    known = Kept(expected, file.bytes)
    if expected and writer.has(known):
        return known

    def fill(local: Path) -> int:
        with storage.open(file.path) as source, local.open("wb") as copy:
            while block := source.read(_BLOCK):
                copy.write(block)
        return 0

    return writer.keep(fill, expected, f"{storage.url}/{file.path}")


def _put_files(storage: Storage, target: Storage, files: Mapping[str, Kept]) -> None:
    """Put what is missing in its place; the manifest of a version, which makes it whole, last."""
    there = {file.path for file in storage.list_files()}
    for path, kept in sorted(files.items(), key=lambda item: item[0].endswith("/manifest.json")):
        if path in there:
            _ensure_same(storage, path, kept)
        elif named := _CONTENT_NAME.fullmatch(path):
            _put_content(storage, target, named, kept)
        else:
            with _checked(target, kept) as copy:
                storage.write_bytes(path, copy.read())


def _put_content(storage: Storage, target: Storage, named: re.Match[str], kept: Kept) -> None:
    kind = named[0].removesuffix(f"/{named[1]}/{named[2]}{named[3]}")

    def fill(local: Path) -> int:
        with _checked(target, kept) as copy:
            local.write_bytes(copy.read())
        return 0

    storage.write(kind, named[3], fill)


def _ensure_same(storage: Storage, path: str, kept: Kept) -> None:
    try:
        with storage.open(path) as file:
            found = f"SHA-256 {_sha256(file)}"
    except Corrupt:
        found = "a file that is not what its name tells"
    if found != f"SHA-256 {kept.sha256}":
        raise Corrupt(
            f"{storage.url}/{path}: found {found}; the backup has SHA-256 {kept.sha256}, and"
            " replaces nothing: recover into an empty storage"
        )


@contextmanager
def _checked(target: Storage, kept: Kept) -> Iterator[Any]:
    """Open a content, once its checksum is known to be right."""
    with target.open(kept.path) as file:
        raw = file.read()
    _ensure(target, kept, hashlib.sha256(raw).hexdigest())
    yield io.BytesIO(raw)


def _ensure(target: Storage, kept: Kept, found: str) -> None:
    if found != kept.sha256:
        raise Corrupt(f"{target.url}/{kept.path}: found SHA-256 {found}; expected that of its name")


def _sha256(file: Any) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
