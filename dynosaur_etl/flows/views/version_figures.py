"""Versions as people compare them: their figures, curves, files and differences.

A version never changes, so what was read of one is kept by the checksum of its manifest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.snapshots.diff import SnapshotDiff, diff_folders, read_diff
from dynosaur_etl.snapshots.layout import MANIFEST, README, SELECTION
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.snapshots.publish import open_folder
from dynosaur_etl.store.evaluations import VersionEvaluation, read_evaluation
from dynosaur_etl.store.facts.snapshot_versions import (
    Publication,
    TradeoffPoint,
    VersionRecord,
    find_version,
    head_version,
    newest_versions,
    publications,
)

CURVE_POINTS = 200
CARD_SHOWN = 200_000
_SHOWN = 200
_KEPT = 256


@dataclass(frozen=True)
class SizeCurve:
    """Coverage and mean quality after so many rows, in the order of selection."""

    rows: Sequence[int]
    coverage: Sequence[float]
    quality: Sequence[float]


@dataclass(frozen=True)
class VersionLine:
    """A version with its figures; those that cannot be read are None, and `trouble` says why.

    Attributes:
        after: the number of its parent.
        status: in words, whether it is the head, a trial, rolled back to, and whose files it has.
        published: the targets that hold it.
    """

    version: int
    name: str
    parent: str | None
    after: int | None
    status: str
    is_head: bool
    published: Sequence[Publication]
    day: str
    pool: int
    selected: int
    alpha: float | None
    path: str
    manifest_sha256: str
    coverage: float | None
    quality: float | None
    trouble: str


@dataclass(frozen=True)
class FileLine:
    """A file as the manifest has it; `rows` is None for one that is no table."""

    name: str
    rows: int | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class FolderState:
    """Whether the manifest is the recorded one, and each file there in its size.

    Attributes:
        wrong: names of files that are missing or of another size.
    """

    manifest: bool
    files: Sequence[FileLine]
    wrong: Sequence[str]


@dataclass(frozen=True)
class VersionReport:
    """One version: its figures, parameters, curves and card, and whether its files are there.

    Attributes:
        evaluation: what training on it gave; None where it was not tried.
    """

    figures: VersionLine
    parameters: Mapping[str, Any]
    counts: Mapping[str, int]
    tradeoff: Sequence[TradeoffPoint]
    curve: SizeCurve
    card: str
    state: FolderState
    evaluation: VersionEvaluation | None


def version_lines(services: Services, most: int = _SHOWN) -> list[VersionLine]:
    """Return the newest versions with their figures, the newest first."""
    return _lines(services, newest_versions(services.engine, most))


def version_report(services: Services, version: int) -> VersionReport:
    """Return one version.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: its files are missing or cannot be read.
    """
    record = required_version(services, version)
    folder = version_folder(services, record)
    [figures] = _lines(services, [record])
    return VersionReport(
        figures=figures,
        parameters=record.parameters,
        counts=record.counts,
        tradeoff=record.tradeoff,
        curve=size_curve(str(folder), record.manifest_sha256),
        card=card_text(folder),
        state=folder_state(folder, record.manifest_sha256),
        evaluation=read_evaluation(services.storage, record.same_as or version),
    )


def compare(services: Services, old: int, new: int) -> SnapshotDiff:
    """Compare two versions, whichever they are.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: the files of one are missing or cannot be read.
    """
    before, after = (required_version(services, version) for version in (old, new))
    folders = [version_folder(services, record) for record in (before, after)]
    if after.parent == old and after.same_as is None:
        return read_diff(folders[1])
    return _diff(str(folders[0]), str(folders[1]), before.manifest_sha256, after.manifest_sha256)


def required_version(services: Services, version: int) -> VersionRecord:
    """Return what the database knows of a version.

    Raises:
        InvalidInput: there is no such version.
    """
    record = find_version(services.engine, version)
    if record is None:
        raise InvalidInput(not_allowed("version", version, "one of the list"))
    return record


def version_folder(services: Services, record: VersionRecord) -> Path:
    """Return the local folder of a version.

    Raises:
        Corrupt: it is recorded, but its files are missing.
    """
    try:
        return open_folder(services.storage, record.path)
    except InvalidInput as error:
        raise Corrupt(f"{record.name} is recorded, but its files are missing") from error


def version_file(services: Services, version: int, name: str) -> Path:
    """Return the local path of a file of a version, of those that its manifest lists.

    Raises:
        InvalidInput: there is no such version, or it has no such file.
        Corrupt: its files are missing or cannot be read.
    """
    folder = version_folder(services, required_version(services, version))
    if name not in {*read_manifest(folder).files, MANIFEST}:
        raise InvalidInput(not_allowed("file", name, "one of the manifest"))
    if not (folder / name).is_file():
        raise Corrupt(f"{folder / name}: the file is missing")
    return folder / name


def card_text(folder: Path) -> str:
    """Return the card of a version, up to 200,000 characters.

    Raises:
        Corrupt: it is missing or cannot be read.
    """
    try:
        return (folder / README).read_text(encoding="utf-8", errors="replace")[:CARD_SHOWN]
    except OSError as error:
        raise Corrupt(f"{folder / README}: {error.strerror}") from error


@lru_cache(_KEPT)
def size_curve(folder: str, manifest_sha256: str) -> SizeCurve:  # noqa: ARG001
    """Return coverage and mean quality at up to 200 sizes; kept by the manifest."""
    path = Path(folder) / SELECTION
    try:
        table = pq.read_table(path, columns=["coverage", "quality"])
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"{path}: {error}") from error
    if not table.num_rows:
        return SizeCurve([], [], [])
    ranks = np.arange(1, table.num_rows + 1)
    shown = np.unique(np.linspace(0, table.num_rows - 1, CURVE_POINTS).round().astype(int))
    mean = np.cumsum(table["quality"].to_numpy()) / ranks
    return SizeCurve(
        rows=ranks[shown].tolist(),
        coverage=np.round(table["coverage"].to_numpy()[shown], 5).tolist(),
        quality=np.round(mean[shown], 5).tolist(),
    )


@lru_cache(_KEPT)
def _diff(old: str, new: str, old_sha256: str, new_sha256: str) -> SnapshotDiff:  # noqa: ARG001
    return diff_folders(Path(old), Path(new))


def status_words(record: VersionRecord, head: VersionRecord | None) -> str:
    """Word whether a version is the head, a trial, rolled back to, and whose files it has."""
    words = []
    if head is not None and record.version == head.version:
        words.append("head")
    if record.trial:
        words.append("trial")
    if record.same_as is not None:
        how = "rolled back to" if record.is_rolled_back else "same files as"
        words.append(f"{how} v{record.same_as:04d}")
    return ", ".join(words)


def _lines(services: Services, records: Sequence[VersionRecord]) -> list[VersionLine]:
    head = head_version(services.engine)
    published = publications(services.engine, [record.version for record in records])
    return [_line(services, record, head, published.get(record.version, [])) for record in records]


def _line(
    services: Services,
    record: VersionRecord,
    head: VersionRecord | None,
    published: Sequence[Publication],
) -> VersionLine:
    coverage, quality, trouble = _reached(services, record)
    return VersionLine(
        version=record.version,
        name=record.name,
        parent=None if record.parent is None else f"v{record.parent:04d}",
        after=record.parent,
        status=status_words(record, head),
        is_head=head is not None and record.version == head.version,
        published=published,
        day=record.day,
        pool=record.counts.get("pool", 0),
        selected=record.counts.get("selected", 0),
        alpha=record.alpha,
        path=record.path,
        manifest_sha256=record.manifest_sha256,
        coverage=coverage,
        quality=quality,
        trouble=trouble,
    )


def _reached(services: Services, record: VersionRecord) -> tuple[float | None, float | None, str]:
    """Read the coverage and mean quality of all rows, or why they cannot be read."""
    try:
        curve = size_curve(str(version_folder(services, record)), record.manifest_sha256)
    except Corrupt as trouble:
        return None, None, str(trouble)
    if not curve.rows:
        return None, None, ""
    return curve.coverage[-1], curve.quality[-1], ""


def folder_state(folder: Path, manifest_sha256: str) -> FolderState:
    """Look whether the manifest is the recorded one, and each file there in its size.

    Raises:
        Corrupt: it has no manifest that can be read.
    """
    manifest = read_manifest(folder)
    files = [
        FileLine(name, entry.rows, entry.bytes, entry.sha256)
        for name, entry in sorted(manifest.files.items())
    ]
    wrong = [file.name for file in files if _size(folder, file.name) != file.bytes]
    return FolderState(manifest.sha256 == manifest_sha256, files, wrong)


def _size(folder: Path, name: str) -> int:
    path = folder / name
    return path.stat().st_size if path.is_file() else -1
