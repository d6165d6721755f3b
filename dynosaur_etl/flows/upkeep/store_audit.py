"""Whether the storage holds what the rows of all tables name, as it was written."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dynosaur_etl.domain.errors import Corrupt, InvalidInput
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.snapshots.publish import open_folder
from dynosaur_etl.snapshots.verify import verify_snapshot
from dynosaur_etl.store.facts.named_files import NamedPath, named_paths
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, newest_versions
from dynosaur_etl.store.kinds import FileKind

VERSION = "version"

MEANING = {
    FileKind.SAMPLES: "sampled rows: no task can be proposed, filled or judged anew from them",
    FileKind.INSTANCES: "instances: no version can be built or rebuilt with them",
    FileKind.CONVERSATIONS: "conversations of instances: no version with them can be rebuilt",
    FileKind.SCORES: "scores: no selection can be made from the day",
    FileKind.EMBEDDINGS: "vectors: no selection can be made from the day",
    FileKind.TASK_EMBEDDINGS: "vectors of tasks: repeats of the day's tasks are not found",
    FileKind.SELECTIONS: "a selection: versions made from it cannot be rebuilt",
    FileKind.POOLS: "the record of a pool: versions made from it cannot be rebuilt",
    FileKind.GRAPHS: "a graph of neighbours: the next selection builds a new one",
    FileKind.SELECTION_PARTS: "a part of a selection that is under way: it is made again",
    FileKind.SOLVED_PARTS: "a solved part of a selection that is under way: it is solved again",
    FileKind.SNAPSHOT_PARTS: "what the database told for a version: it cannot be rebuilt",
    VERSION: "files of a version: it cannot be read or published",
}
"""What the loss of a file of each kind means."""


@dataclass(frozen=True)
class Damage:
    """A file, or the folder of a version, that is not what was written.

    Attributes:
        state: `missing` or `damaged`.
        means: what follows from it.
        named_by: the rows that name it, in words.
    """

    path: str
    kind: str
    state: str
    means: str
    named_by: Sequence[str]


@dataclass(frozen=True)
class StoreAudit:
    """What a walk over all named files has found: numbers of files and versions, and damage."""

    files: int
    versions: int
    damage: Sequence[Damage]


def audit_store(services: Services, progress: Progress = silent) -> StoreAudit:
    """Check every file that a row names, and every version.

    Raises:
        StoreUnavailable: the database or the storage does not answer.
    """
    by_path: dict[str, list[NamedPath]] = defaultdict(list)
    for named in named_paths(services.engine):
        by_path[named.path].append(named)
    versions = [record for record in newest_versions(services.engine) if record.same_as is None]
    total = len(by_path) + len(versions)
    damage: list[Damage] = []
    for number, (path, rows) in enumerate(by_path.items(), start=1):
        damage += _damage(services, path, rows)
        progress(number, total)
    for number, record in enumerate(versions, start=len(by_path) + 1):
        damage += _version_damage(services, record)
        progress(number, total)
    return StoreAudit(len(by_path), len(versions), damage)


def _damage(services: Services, path: str, rows: Sequence[NamedPath]) -> Iterator[Damage]:
    try:
        services.storage.require_sound(path)
    except Corrupt:
        state = "damaged" if services.storage.exists(path) else "missing"
        kind, by = rows[0].kind, [row.by for row in rows]
        means = MEANING.get(kind, "a file of another version of the product")
        yield Damage(path, kind, state, means, by)


def _version_damage(services: Services, record: VersionRecord) -> Iterator[Damage]:
    try:
        folder = open_folder(services.storage, record.path)
    except InvalidInput:
        yield Damage(record.path, VERSION, "missing", MEANING[VERSION], [record.name])
        return
    problems = verify_snapshot(folder, manifest_sha256=record.manifest_sha256)
    if problems:
        words = [f"{record.name}: {problem}" for problem in problems]
        yield Damage(record.path, VERSION, "damaged", MEANING[VERSION], words)
