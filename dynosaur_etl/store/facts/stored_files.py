"""Files of the storage, as the table `files` knows them by kind, day and name."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, select

from dynosaur_etl.store.database import reading, transaction
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.tables import FileRow


@dataclass(frozen=True)
class FileSums:
    """How many files there are, with all their rows and bytes."""

    files: int
    rows: int
    bytes: int


def sum_files(engine: Engine, kind: FileKind, day: str | None) -> FileSums:
    """Sum up the files of a kind, whatever their version, of one day or of all."""
    sums: Any = select(func.count(), func.sum(FileRow.rows), func.sum(FileRow.bytes))
    query = sums.where(FileRow.kind.startswith(kind))
    if day is not None:
        query = query.where(FileRow.day == day)
    with reading(engine) as session:
        files, rows, size = session.execute(query).one()
    return FileSums(files, int(rows or 0), int(size or 0))


def paths_by_version(engine: Engine, kind: FileKind, days: Collection[str]) -> dict[str, list[str]]:
    """Read the paths of those days' files of a kind, in order, by the version of the kind."""
    query = (
        select(FileRow.kind, FileRow.path)
        .where(FileRow.kind.startswith(kind), FileRow.day.in_(days))
        .order_by(FileRow.day, FileRow.kind, FileRow.name)
    )
    found: dict[str, list[str]] = {}
    with reading(engine) as session:
        for version, path in session.execute(query):
            found.setdefault(version, []).append(path)
    return found


def all_paths(engine: Engine) -> frozenset[str]:
    """Read the paths of all files that have a row."""
    with reading(engine) as session:
        return frozenset(session.scalars(select(FileRow.path)))


def paths_of_kind(engine: Engine, kind: FileKind) -> tuple[str, ...]:
    """Read the paths of all files of a kind, by day and name; a path that two days share, once."""
    query = select(FileRow.path).where(FileRow.kind == kind).order_by(FileRow.day, FileRow.name)
    with reading(engine) as session:
        return tuple(dict.fromkeys(session.scalars(query)))


def paths_of_days(engine: Engine, kind: str, days: Collection[str]) -> tuple[str, ...]:
    """Read the paths of those days' files of one version of a kind, by day and name."""
    query = (
        select(FileRow.path)
        .where(FileRow.kind == kind, FileRow.day.in_(days))
        .order_by(FileRow.day, FileRow.name)
    )
    with reading(engine) as session:
        return tuple(session.scalars(query))


@dataclass(frozen=True)
class FileIdentity:
    """Which file it is, and what its bytes are."""

    day: str
    kind: str
    name: str
    sha256: str


def identities_of_days(
    engine: Engine, kinds: Collection[str], days: Collection[str]
) -> list[FileIdentity]:
    """Read which files of those kinds the days have, by day, kind and name."""
    query = (
        select(FileRow.day, FileRow.kind, FileRow.name, FileRow.sha256)
        .where(FileRow.day.in_(days), FileRow.kind.in_(kinds))
        .order_by(FileRow.day, FileRow.kind, FileRow.name)
    )
    with reading(engine) as session:
        return [FileIdentity(*row) for row in session.execute(query)]


@dataclass(frozen=True)
class EarlierFile:
    """A file that an earlier day has left."""

    day: str
    path: str
    sha256: str


def newest_before(engine: Engine, kind: FileKind, name: str, day: str) -> EarlierFile | None:
    """Read the file of that name that the newest day before this one has left, if any has."""
    query = (
        select(FileRow.day, FileRow.path, FileRow.sha256)
        .where(FileRow.kind == kind, FileRow.name == name, FileRow.day < day)
        .order_by(FileRow.day.desc())
        .limit(1)
    )
    with reading(engine) as session:
        row = session.execute(query).one_or_none()
        return None if row is None else EarlierFile(*row)


def forget_before(engine: Engine, kind: FileKind, name: str, day: str) -> None:
    """Forget the files of that name of the days before one."""
    older = delete(FileRow).where(FileRow.kind == kind, FileRow.name == name, FileRow.day < day)
    with transaction(engine) as session:
        session.execute(older)
