"""Files of the storage, as the table `files` knows them by kind, day and name."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select

from dynosaur_etl.store.database import reading
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
