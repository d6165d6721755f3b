"""Every file of the storage that a row of any table names, with the row that does."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select

from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.store.database import reading, transaction
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.tables import (
    CheckpointRow,
    ConfigRow,
    FileRow,
    GrowthRunRow,
    IndexedFileRow,
    SnapshotRow,
)

CONTENT_NAME = re.compile(r"([a-z_]+)(?:/[^/\s\"]+)*/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]+")
"""A path that the storage makes of a file's content; the group is its kind."""

STEPS_OF: Mapping[FileKind, StepName] = {
    FileKind.SAMPLES: StepName.EXAMINE,
    FileKind.INSTANCES: StepName.FILL,
    FileKind.CONVERSATIONS: StepName.FILL,
    FileKind.SCORES: StepName.SCORE,
    FileKind.EMBEDDINGS: StepName.EMBED,
    FileKind.TASK_EMBEDDINGS: StepName.EMBED,
    FileKind.SELECTIONS: StepName.SELECT,
    FileKind.POOLS: StepName.SELECT,
    FileKind.GRAPHS: StepName.SELECT,
}
"""The step that makes the files of a kind, where it has rows of its own for them."""


@dataclass(frozen=True)
class NamedPath:
    """A file that a row names.

    Attributes:
        day: whose step made it; empty where a version names it.
        step: that made it, or whose open part names it; empty where a version names it.
        by: the row, in words.
        open: whether it is named by a part of a step that is not committed.
    """

    path: str
    day: str
    step: str
    by: str
    open: bool = False

    @property
    def kind(self) -> str:
        return self.path.partition("/")[0]


def named_paths(engine: Engine) -> list[NamedPath]:
    """Read all that rows name, by path; a file that several rows name is there for each.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    found = [*_of_steps(engine), *_of_configs(engine), *_of_parts(engine), *_of_versions(engine)]
    return sorted(found, key=lambda named: (named.path, named.day, named.by))


def step_of(kind: str) -> StepName | None:
    """Return the step that makes files of a kind, whatever its version; None where none does."""
    of_kind = kind.partition("/")[0]
    return STEPS_OF.get(FileKind(of_kind)) if of_kind in set(FileKind) else None


def paths_of_steps(engine: Engine, days: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """Read which files the committed steps of days have made, by day and step, in one query.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    query = select(FileRow.day, FileRow.kind, FileRow.path).where(FileRow.day.in_(days))
    found: dict[tuple[str, str], list[str]] = {}
    with reading(engine) as session:
        for day, kind, path in session.execute(query.order_by(FileRow.path)):
            found.setdefault((day, step_of(kind) or ""), []).append(path)
    return found


def datasets_of_samples(engine: Engine, paths: Collection[str]) -> dict[str, set[str]]:
    """Return the datasets whose rows the files hold, by the day that sampled them."""
    query = select(ConfigRow.day, ConfigRow.dataset_id).where(ConfigRow.sample_path.in_(paths))
    found: dict[str, set[str]] = {}
    with reading(engine) as session:
        for day, dataset_id in session.execute(query):
            found.setdefault(day, set()).add(dataset_id)
    return found


def open_parts(engine: Engine, day: str, step: str) -> set[str]:
    """Return the names of the finished parts of a step that is not committed."""
    query = select(CheckpointRow.item).where(CheckpointRow.day == day, CheckpointRow.step == step)
    with reading(engine) as session:
        return set(session.scalars(query))


def forget_parts(engine: Engine, day: str, step: str, kept: Collection[str]) -> None:
    """Forget the finished parts of a step but for some."""
    gone = delete(CheckpointRow).where(
        CheckpointRow.day == day, CheckpointRow.step == step, CheckpointRow.item.not_in(kept)
    )
    with transaction(engine) as session:
        session.execute(gone)


def forget_parts_with(engine: Engine, paths: Collection[str]) -> int:
    """Forget the finished parts that name one of the files, and return how many did.

    The next run of their step makes them again.
    """
    with transaction(engine) as session:
        gone = 0
        for row in session.scalars(select(CheckpointRow)).all():
            if not _paths_in(row.result).isdisjoint(paths):
                session.delete(row)
                gone += 1
        return gone


def forget_index(engine: Engine, paths: Collection[str]) -> None:
    """Take files out of the index of contents."""
    with transaction(engine) as session:
        session.execute(delete(IndexedFileRow).where(IndexedFileRow.path.in_(paths)))


def mark_unfinished(engine: Engine, day: str, step: str) -> None:
    """Let the next run of a step make the day anew, whatever its rules are."""
    with transaction(engine) as session:
        session.get_one(GrowthRunRow, (day, step)).fingerprint = "to be made anew"


def _of_steps(engine: Engine) -> Iterator[NamedPath]:
    query = select(FileRow.kind, FileRow.day, FileRow.name, FileRow.path)
    with reading(engine) as session:
        for kind, day, name, path in session.execute(query):
            yield NamedPath(path, day, step_of(kind) or "", f"{kind} {name} of {day}")


def _of_configs(engine: Engine) -> Iterator[NamedPath]:
    query = select(ConfigRow.day, ConfigRow.dataset_id, ConfigRow.name, ConfigRow.sample_path)
    with reading(engine) as session:
        for day, dataset_id, name, path in session.execute(query):
            yield NamedPath(path, day, StepName.EXAMINE, f"config {dataset_id}/{name} of {day}")


def _of_parts(engine: Engine) -> Iterator[NamedPath]:
    query = select(CheckpointRow.day, CheckpointRow.step, CheckpointRow.item, CheckpointRow.result)
    with reading(engine) as session:
        for day, step, item, result in session.execute(query):
            for path in _paths_in(result):
                yield NamedPath(path, day, step, f"part {item} of {step} of {day}", open=True)


def _of_versions(engine: Engine) -> Iterator[NamedPath]:
    query = select(SnapshotRow.version, SnapshotRow.facts["recipe"])
    with reading(engine) as session:
        for version, recipe in session.execute(query):
            for path in _paths_in(recipe or {}):
                yield NamedPath(path, "", "", f"recipe of v{version:04d}")


def _paths_in(value: object) -> set[str]:
    return {found[0] for found in CONTENT_NAME.finditer(canonical_json(value))}
