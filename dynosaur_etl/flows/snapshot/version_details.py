"""Versions of the training set: listed, shown and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.version_records import version_record
from dynosaur_etl.flows.snapshot.versions import version_folder
from dynosaur_etl.snapshots.diff import SnapshotDiff, diff_folders
from dynosaur_etl.snapshots.manifest import FileEntry, read_manifest
from dynosaur_etl.snapshots.sources import read_sources
from dynosaur_etl.store.facts.snapshot_versions import newest_versions
from dynosaur_etl.store.facts.version_summaries import VersionSummary, summaries


@dataclass(frozen=True)
class LicenceShare:
    """How many sources are under a licence, and how many selected rows they have."""

    sources: int
    rows: int


@dataclass(frozen=True)
class VersionDetails:
    """What a version holds and how it came about.

    Attributes:
        bytes: of all its files.
        versions: of the packages that it was made with.
        sources: how many it has, each at a revision.
        files: by name.
    """

    summary: Inlined[VersionSummary]
    days: Sequence[str]
    bytes: int
    parameters: Mapping[str, Any]
    versions: Mapping[str, Any]
    licences: Mapping[str, LicenceShare]
    sources: int
    files: Mapping[str, FileEntry]


@dataclass(frozen=True)
class VersionComparison:
    """How one version differs from another."""

    from_: int
    to: int
    diff: Inlined[SnapshotDiff]


def list_versions(services: Services) -> list[VersionSummary]:
    """Return one line a version, the oldest first."""
    return summaries(services.engine, newest_versions(services.engine)[::-1])


def show_version(version: int, services: Services) -> VersionDetails:
    """Return what a version holds and how it came about.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: its files are missing or its manifest cannot be read.
    """
    record = version_record(version, services)
    folder = version_folder(services, record)
    manifest = read_manifest(folder)
    sources = read_sources(folder)
    [summary] = summaries(services.engine, [record])
    return VersionDetails(
        summary=summary,
        days=manifest.days,
        bytes=manifest.bytes,
        parameters=manifest.parameters,
        versions=manifest.versions,
        licences=_licences(sources),
        sources=sources.num_rows,
        files=dict(sorted(manifest.files.items())),
    )


def diff_versions(old: int, new: int, services: Services) -> VersionComparison:
    """Compare one version with another, whichever of them is the older.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: one of them cannot be read.
    """
    records = [version_record(version, services) for version in (old, new)]
    folders = [version_folder(services, record) for record in records]
    return VersionComparison(old, new, diff_folders(*folders))


def _licences(sources: pa.Table) -> dict[str, LicenceShare]:
    sums = sources.group_by("licence").aggregate([("selected_instances", "sum"), ([], "count_all")])
    return {
        row["licence"]: LicenceShare(row["count_all"], row["selected_instances_sum"])
        for row in sums.sort_by("licence").to_pylist()
    }
