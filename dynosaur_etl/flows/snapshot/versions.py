"""Versions of the training set: built, listed, shown, compared, verified and rebuilt."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version as package_version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.domain.models import Counts, StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.snapshot.pool_scan import PoolScan
from dynosaur_etl.flows.snapshot.recipe import Recipe, content_of, make_recipe
from dynosaur_etl.snapshots.build import ParentSnapshot, write_snapshot
from dynosaur_etl.snapshots.content import SnapshotContent
from dynosaur_etl.snapshots.diff import diff_folders
from dynosaur_etl.snapshots.layout import MANIFEST, SOURCES_TABLE, TEST, TRAIN, shard_names
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.publish import open_folder, place_snapshot, snapshot_path
from dynosaur_etl.snapshots.sources import read_sources
from dynosaur_etl.snapshots.verify import Problem
from dynosaur_etl.snapshots.verify import verify_snapshot as find_problems
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.tables import CandidateRow, SnapshotRow
from dynosaur_etl.store.versions import (
    add_version,
    head_version,
    next_number,
    publications,
    version_named,
    versions_newest_first,
)

_PACKAGES = (
    "datasets", "faiss-cpu", "matplotlib", "numpy", "pyarrow", "sentence-transformers", "torch",
)  # fmt: skip


def build_version(
    services: Services, recipe: Recipe, scan: PoolScan, row: SnapshotRow
) -> SnapshotRow:
    """Write a version's files, and then its row; the caller holds the lock `snapshots`.

    Args:
        services: the process's services.
        recipe: what it is made from.
        scan: of the recipe's pool.
        row: the version without path, checksum and the facts that its content tells.

    Raises:
        Corrupt: the version before, or a file of the pool, is not what was written.
        StoreUnavailable: the storage has no room; no version is left behind.
    """
    content = content_of(recipe, services.storage, scan)
    path = snapshot_path(row.version)
    services.storage.remove_folder(path)  # a build that died left no row
    services.storage.remove_unfinished("snapshots")
    with _written(services, content, row.version, row.parent) as folder:
        place_snapshot(folder, services.storage, row.version)
        row.manifest_sha256 = read_manifest(folder).sha256
    row.path = path
    row.facts = {
        **row.facts,
        "counts": dict(content.counts),
        "parameters": dict(content.parameters),
        "recipe": recipe.to_json(),
    }
    return add_version(services.engine, row)


def recipe_of(
    services: Services,
    selected: StepReport,
    files: Mapping[str, str],
    parameters: Mapping[str, Any],
) -> tuple[Recipe, PoolScan]:
    """Gather what a version of the selection is made from, with the packages that make it."""
    made_with = {name: package_version(name) for name in ("dynosaur-etl", *_PACKAGES)}
    return make_recipe(services, selected, files, parameters, made_with)


def version_number(text: str) -> int:
    """Read `7` or `v0007`.

    Raises:
        InvalidInput: it is neither.
    """
    number = text.removeprefix("v")
    if not number.isascii() or not number.isdigit():
        raise InvalidInput(not_allowed("version", text, "a number such as 7 or v0007"))
    return int(number)


def version_row(version: int, services: Services) -> SnapshotRow:
    """Return the row of a version.

    Raises:
        InvalidInput: there is no such version.
    """
    row = version_named(services.engine, version)
    if row is None:
        newest = next_number(services.engine) - 1
        allowed = f"1 to {newest}" if newest else "none; no snapshot has been made yet"
        raise InvalidInput(not_allowed("version", version, allowed))
    return row


def list_versions(services: Services) -> list[dict[str, Any]]:
    """Return one line a version, oldest first, with its state and where it went; JSON-able."""
    rows = versions_newest_first(services.engine)[::-1]
    head = head_version(services.engine)
    published = publications(services.engine, [row.version for row in rows])
    return [_line(row, head, published.get(row.version, [])) for row in rows]


def show_version(version: int, services: Services) -> dict[str, Any]:
    """Tell what a version holds and how it came about; JSON-able.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: its files are missing or its manifest cannot be read.
    """
    row = version_row(version, services)
    folder = _opened(services, row)
    manifest = read_manifest(folder)
    published = publications(services.engine, [version]).get(version, [])
    sources = read_sources(folder)
    licences = sources.group_by("licence").aggregate(
        [("selected_instances", "sum"), ([], "count_all")]
    )
    return {
        **_line(row, head_version(services.engine), published),
        "days": list(manifest.days),
        "bytes": manifest.bytes,
        "parameters": dict(manifest.parameters),
        "versions": dict(manifest.versions),
        "licences": {
            entry["licence"]: {
                "sources": entry["count_all"],
                "rows": entry["selected_instances_sum"],
            }
            for entry in licences.sort_by("licence").to_pylist()
        },
        "sources": sources.num_rows,
        "files": {name: asdict(entry) for name, entry in sorted(manifest.files.items())},
    }


def diff_versions(old: int, new: int, services: Services) -> dict[str, Any]:
    """Tell how one version differs from another, whichever of them is the older; JSON-able.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: one of them cannot be read.
    """
    folders = [_opened(services, version_row(version, services)) for version in (old, new)]
    changes = diff_folders(*folders)
    return {"from": old, "to": new, **changes}


def verify_snapshot(version: int, services: Services) -> StepReport:
    """Check a version's files against its manifest, and the manifest against the database.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: a file is not what was written; all findings are in the message.
    """
    row = version_row(version, services)
    folder = _opened(services, row)
    return _verified(row, folder, find_problems(folder, manifest_sha256=row.manifest_sha256))


def verify_deeply(version: int, services: Services) -> StepReport:
    """Do the same, and follow each row to the store and each source to its revision.

    Raises:
        InvalidInput: there is no such version, or it was made without a recipe.
        Corrupt: a file is not what was written, or a row has no provenance; all findings are in
            the message.
    """
    row = version_row(version, services)
    folder, recipe = _opened(services, row), _recipe(row)
    with ThreadPoolExecutor(1) as beside:  # the version and the store keep one core busy each
        reading = beside.submit(content_of, recipe, services.storage)
        problems = find_problems(folder, manifest_sha256=row.manifest_sha256)
        problems = problems or list(_untraceable(services, reading.result(), folder))
    return _verified(row, folder, problems)


def _verified(row: SnapshotRow, folder: Path, problems: list[Problem]) -> StepReport:
    if problems:
        raise Corrupt(f"v{row.version:04d}: " + "; ".join(map(str, problems)))
    files = len(read_manifest(folder).files)
    return StepReport("verify", row.day, Counts(files, files, 0), facts={"version": row.version})


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
        row = version_row(version, services)
        made = row if row.same_as is None else version_row(row.same_as, services)
        content = content_of(_recipe(made), services.storage)
        with _written(services, content, made.version, made.parent) as folder:
            _same_bytes(folder, made)
            written = not _is_sound(services, made)
            if written:
                services.storage.remove_folder(made.path)
                place_snapshot(folder, services.storage, made.version)
    return Restored(version, row.path, row.manifest_sha256, written)


@contextmanager
def _written(
    services: Services, content: SnapshotContent, version: int, parent: int | None
) -> Iterator[Path]:
    """Write a version into a folder that lasts for the block."""
    before = None
    if parent is not None:
        before = ParentSnapshot.read(_opened(services, version_row(parent, services)), parent)
    with TemporaryDirectory(prefix="dynosaur-") as folder:
        target = Path(folder) / "snapshot"
        write_snapshot(content, version, before, target)
        yield target


def _is_sound(services: Services, row: SnapshotRow) -> bool:
    if not services.storage.exists(f"{row.path}/{MANIFEST}"):
        return False
    folder = open_folder(services.storage, row.path)
    return not find_problems(folder, row.manifest_sha256)


def _same_bytes(folder: Path, row: SnapshotRow) -> None:
    found = read_manifest(folder)
    if found.sha256 == row.manifest_sha256:
        return
    here = {name: package_version(name) for name in found.versions}
    moved = [
        f"{name} {made}, here {here[name]}"
        for name, made in found.versions.items()
        if here[name] != made
    ]
    made_with = f"; it was made with {', '.join(moved)}" if moved else ""
    raise Corrupt(
        f"v{row.version:04d}: rebuilt with manifest {found.sha256}; expected "
        f"{row.manifest_sha256}{made_with}"
    )


def _opened(services: Services, row: SnapshotRow) -> Path:
    try:
        return open_folder(services.storage, row.path)
    except InvalidInput as error:
        raise Corrupt(
            f"v{row.version:04d} is recorded, but its files are missing: {error}; "
            f"`dynosaur restore v{row.version:04d}` rebuilds it"
        ) from error


def _recipe(row: SnapshotRow) -> Recipe:
    stored = row.facts.get("recipe")
    if stored is None:
        allowed = "a version that was made with a recipe"
        raise InvalidInput(not_allowed("version", row.version, allowed))
    return Recipe(**stored)


def _line(
    row: SnapshotRow, head: SnapshotRow | None, published: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    parameters = row.facts.get("parameters", {})
    return {
        "version": row.version,
        "parent": row.parent,
        "day": row.day,
        "path": row.path,
        "manifest_sha256": row.manifest_sha256,
        "head": head is not None and row.version == head.version,
        "trial": row.trial,
        "same_as": row.same_as,
        "rolled_back": "rolled_back" in row.facts,
        "published": list(published),
        "counts": row.facts.get("counts", {}),
        "growth": parameters.get("growth", "fresh"),
        "kept": parameters.get("kept", 0),
    }


def _untraceable(services: Services, content: SnapshotContent, folder: Path) -> Iterator[Problem]:
    """Find rows that the store does not hold as they are, and sources of no known revision."""
    manifest = read_manifest(folder)
    yield from other_rows(content, folder)
    yield from _unknown_revisions(services, pq.read_table(folder / SOURCES_TABLE), manifest.days)


def other_rows(content: SnapshotContent, folder: Path) -> Iterator[Problem]:
    """Find the first row of each shard that is not the one of the content."""
    manifest = read_manifest(folder)
    for part, rows in ((TRAIN, content.selected), (TEST, content.held_out)):
        for name in shard_names(part, manifest.rows_by_part[part]):
            here = pq.read_table(folder / name, partitioning=None)
            yield from _other_rows(name, here, rows.slice(0, len(here)))
            rows = rows.slice(len(here))  # noqa: PLW2901 - what is left for the next shard


def _other_rows(name: str, here: pa.Table, there: pa.Table) -> Iterator[Problem]:
    for column in here.column_names:
        wanted, found = there[column].combine_chunks(), here[column].combine_chunks()
        if not found.equals(wanted):
            row = next(at for at in range(len(found)) if found[at] != wanted[at])
            yield Problem(name, f"another {column} in row {row}", "that of the store")
            return


def _unknown_revisions(
    services: Services, sources: pa.Table, days: Sequence[str]
) -> Iterator[Problem]:
    query = select(CandidateRow.dataset_id, CandidateRow.revision).where(CandidateRow.day.in_(days))
    with Session(services.engine) as session:
        known = {tuple(row) for row in session.execute(query)}
    for number, row in enumerate(sources.select(["dataset", "revision"]).to_pylist()):
        if (row["dataset"], row["revision"]) not in known:
            found = f"{row['dataset']} at {row['revision']} in row {number}"
            yield Problem(SOURCES_TABLE, found, "a revision that a growth day was pinned to")
