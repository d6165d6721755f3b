"""Versions of the training set: built, verified and rebuilt."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.domain.jsonable import to_json
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.version_records import origin_record, version_record
from dynosaur_etl.flows.snapshot.pool_scan import PoolScan
from dynosaur_etl.flows.snapshot.recipe import content_of, make_recipe
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.layout import MANIFEST, SOURCES_TABLE, TEST, TRAIN, shard_names
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.publish import open_folder, place_snapshot, snapshot_path
from dynosaur_etl.snapshots.recipe import Recipe
from dynosaur_etl.snapshots.verify import Discrepancy
from dynosaur_etl.snapshots.verify import verify_snapshot as find_problems
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts.hub_datasets import pinned_revisions
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.scratch import scratch_folder
from dynosaur_etl.store.versions import add_version, next_number

_PACKAGES = (
    "datasets", "faiss-cpu", "matplotlib", "numpy", "pyarrow", "sentence-transformers", "torch",
)  # fmt: skip


@dataclass(frozen=True)
class VersionDraft:
    """A version whose files are not written yet.

    Attributes:
        parent: the head that it follows.
        fingerprint: of all that it is made from.
        trial: whether it is never to be the head.
        facts: what is recorded of it beside what its content tells.
    """

    parent: int | None
    day: str
    fingerprint: str
    trial: bool
    facts: Mapping[str, Any]


def build_version(
    services: Services, recipe: Recipe, scan: PoolScan, draft: VersionDraft
) -> VersionRecord:
    """Write the next version's files, and then its record; the caller holds the lock `snapshots`.

    Args:
        services: the process's services.
        recipe: what it is made from.
        scan: of the recipe's pool.
        draft: what is known of it before.

    Raises:
        Corrupt: the version before, or a file of the pool, is not what was written.
        StoreUnavailable: the storage has no room; no version is left behind.
    """
    version, content = next_number(services.engine), content_of(recipe, services.storage, scan)
    path = snapshot_path(version)
    services.storage.remove_folder(path)  # a build that died left no record
    services.storage.remove_unfinished("snapshots")
    with _written(services, content, version, draft.parent) as folder:
        place_snapshot(folder, services.storage, version)
        sha256 = read_manifest(folder).sha256
    told = {
        "counts": dict(content.counts),
        "parameters": dict(content.parameters),
        "recipe": to_json(recipe),
    }
    record = VersionRecord(
        version=version,
        parent=draft.parent,
        day=draft.day,
        fingerprint=draft.fingerprint,
        path=path,
        manifest_sha256=sha256,
        same_as=None,
        trial=draft.trial,
        facts={**draft.facts, **told},
    )
    add_version(services.engine, record)
    return record


def recipe_of(
    services: Services,
    selected: StepReport,
    files: Mapping[FileKind, str],
    parameters: Mapping[str, Any],
) -> tuple[Recipe, PoolScan]:
    """Gather what a version of the selection is made from, with the packages that make it."""
    made_with = {name: package_version(name) for name in ("dynosaur-etl", *_PACKAGES)}
    return make_recipe(services, selected, files, parameters, made_with)


def verify_snapshot(version: int, services: Services) -> StepReport:
    """Check a version's files against its manifest, and the manifest against the database.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: a file is not what was written; all findings are in the message.
    """
    record = version_record(version, services)
    folder = version_folder(services, record)
    return _verified(record, folder, find_problems(folder, manifest_sha256=record.manifest_sha256))


def verify_deeply(version: int, services: Services) -> StepReport:
    """Do the same, and follow each row to the store and each source to its revision.

    Raises:
        InvalidInput: there is no such version, or it was made without a recipe.
        Corrupt: a file is not what was written, or a row has no provenance; all findings are in
            the message.
    """
    record = version_record(version, services)
    folder, recipe = version_folder(services, record), _recipe(record)
    with ThreadPoolExecutor(1) as beside:  # the version and the store keep one core busy each
        reading = beside.submit(content_of, recipe, services.storage)
        problems = find_problems(folder, manifest_sha256=record.manifest_sha256)
        problems = problems or list(_untraceable(services, reading.result(), folder))
    return _verified(record, folder, problems)


def _verified(record: VersionRecord, folder: Path, problems: list[Discrepancy]) -> StepReport:
    if problems:
        raise Corrupt(f"{record.name}: " + "; ".join(map(str, problems)))
    files = len(read_manifest(folder).files)
    facts = {"version": record.version}
    return StepReport(StepName.VERIFY, record.day, Counts(files, files, 0), facts=facts)


@dataclass(frozen=True)
class Restored:
    """What a restoration did: whether files were written, or were all sound already."""

    version: int
    path: str
    manifest_sha256: str
    written: bool


def restore_version(version: int, services: Services) -> Restored:
    """Rebuild a version from the store, and put it in its place unless what is there is sound.

    Raises:
        InvalidInput: there is no such version, or it was made without a recipe.
        Corrupt: the store does not give the bytes that the version had; nothing is replaced.
        StoreUnavailable: the storage has no room or does not answer.
    """
    with locked(services.engine, "snapshots"):
        record, made = version_record(version, services), origin_record(version, services)
        content = content_of(_recipe(made), services.storage)
        with _written(services, content, made.version, made.parent) as folder:
            _same_bytes(folder, made)
            written = not _is_sound(services, made)
            if written:
                services.storage.remove_folder(made.path)
                place_snapshot(folder, services.storage, made.version)
    return Restored(version, record.path, record.manifest_sha256, written)


@contextmanager
def _written(
    services: Services, content: SnapshotContent, version: int, parent: int | None
) -> Iterator[Path]:
    """Write a version into a folder that lasts for the block."""
    before = None
    if parent is not None:
        earlier = version_record(parent, services)
        before = ParentSnapshot.read(version_folder(services, earlier), parent)
    with scratch_folder() as folder:
        target = folder / "snapshot"
        write_snapshot(content, version, before, target)
        yield target


def _is_sound(services: Services, record: VersionRecord) -> bool:
    if not services.storage.exists(f"{record.path}/{MANIFEST}"):
        return False
    folder = open_folder(services.storage, record.path)
    return not find_problems(folder, record.manifest_sha256)


def _same_bytes(folder: Path, record: VersionRecord) -> None:
    found = read_manifest(folder)
    if found.sha256 == record.manifest_sha256:
        return
    here = {name: package_version(name) for name in found.versions}
    moved = [
        f"{name} {made}, here {here[name]}"
        for name, made in found.versions.items()
        if here[name] != made
    ]
    made_with = f"; it was made with {', '.join(moved)}" if moved else ""
    raise Corrupt(
        f"{record.name}: rebuilt with manifest {found.sha256}; expected "
        f"{record.manifest_sha256}{made_with}"
    )


def version_folder(services: Services, record: VersionRecord) -> Path:
    """Return the local folder of a version.

    Raises:
        Corrupt: it is recorded, but its files are missing.
    """
    try:
        return open_folder(services.storage, record.path)
    except InvalidInput as error:
        raise Corrupt(
            f"{record.name} is recorded, but its files are missing: {error}; "
            f"`dynosaur restore {record.name}` rebuilds it"
        ) from error


def _recipe(record: VersionRecord) -> Recipe:
    if record.recipe is None:
        allowed = (
            "a version that was made with a recipe; this one is older than recipes, and its files"
            " come back from a backup alone"
        )
        raise InvalidInput(not_allowed("version", record.version, allowed))
    return Recipe(**record.recipe)


def _untraceable(
    services: Services, content: SnapshotContent, folder: Path
) -> Iterator[Discrepancy]:
    """Find rows that the store does not hold as they are, and sources of no known revision."""
    manifest = read_manifest(folder)
    yield from other_rows(content, folder)
    yield from _unknown_revisions(services, pq.read_table(folder / SOURCES_TABLE), manifest.days)


def other_rows(content: SnapshotContent, folder: Path) -> Iterator[Discrepancy]:
    """Find the first row of each shard that is not the one of the content."""
    manifest = read_manifest(folder)
    for part, rows in ((TRAIN, content.selected), (TEST, content.held_out)):
        for name in shard_names(part, manifest.rows_by_part[part]):
            here = pq.read_table(folder / name, partitioning=None)
            yield from _other_rows(name, here, rows.slice(0, len(here)))
            rows = rows.slice(len(here))  # noqa: PLW2901 - what is left for the next shard


def _other_rows(name: str, here: pa.Table, there: pa.Table) -> Iterator[Discrepancy]:
    for column in here.column_names:
        wanted, found = there[column].combine_chunks(), here[column].combine_chunks()
        if not found.equals(wanted):
            row = next(at for at in range(len(found)) if found[at] != wanted[at])
            yield Discrepancy(name, f"another {column} in row {row}", "that of the store")
            return


def _unknown_revisions(
    services: Services, sources: pa.Table, days: Sequence[str]
) -> Iterator[Discrepancy]:
    known = pinned_revisions(services.engine, days)
    for number, row in enumerate(sources.select(["dataset", "revision"]).to_pylist()):
        if (row["dataset"], row["revision"]) not in known:
            found = f"{row['dataset']} at {row['revision']} in row {number}"
            yield Discrepancy(SOURCES_TABLE, found, "a revision that a growth day was pinned to")
