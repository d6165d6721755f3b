"""Snapshots as people compare them: their figures, curves, maps and differences.

A version never changes, so what was read of one is kept by the checksum of its manifest.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.snapshots.diff import diff_folders
from dynosaur_etl.snapshots.layout import DIFF, README, SELECTION
from dynosaur_etl.snapshots.manifest import Manifest, read_manifest
from dynosaur_etl.snapshots.publish import open_folder
from dynosaur_etl.store.tables import SnapshotRow
from dynosaur_etl.store.versions import (
    head_version,
    publications,
    version_named,
    versions_newest_first,
)

CURVE_POINTS = 200
CARD_SHOWN = 200_000
_SHOWN = 200
_KEPT = 256


def versions(services: Services, most: int = _SHOWN) -> list[dict[str, Any]]:
    """Give the newest versions with their figures, the newest first."""
    rows = versions_newest_first(services.engine, most)
    known = zip(rows, statuses(services, rows), strict=True)
    return [_line(services, row) | status for row, status in known]


def version_report(services: Services, version: int) -> dict[str, Any]:
    """Give one version: its figures, parameters, curves, card and whether its files are there.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: its files are missing or cannot be read.
    """
    row = find_version(services, version)
    folder = version_folder(services, row)
    [status] = statuses(services, [row])
    return (
        _line(services, row)
        | status
        | {
            "parameters": row.facts.get("parameters", {}),
            "counts": row.facts.get("counts", {}),
            "tradeoff": row.facts.get("tradeoff", []),
            "curve": curve(str(folder), row.manifest_sha256),
            "card": (folder / README).read_text(encoding="utf-8", errors="replace")[:CARD_SHOWN],
            "state": _state(folder, row.manifest_sha256),
        }
    )


def compare(services: Services, old: int, new: int) -> dict[str, Any]:
    """Compare two versions, whichever they are.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: the files of one are missing or cannot be read.
    """
    rows = [find_version(services, version) for version in (old, new)]
    folders = [version_folder(services, row) for row in rows]
    if rows[1].parent == old and rows[1].same_as is None:
        return _stored_diff(folders[1])
    shas = [row.manifest_sha256 for row in rows]
    return _diff(str(folders[0]), str(folders[1]), shas[0], shas[1])


def find_version(services: Services, version: int) -> SnapshotRow:
    """Give the row of a version.

    Raises:
        InvalidInput: there is no such version.
    """
    row = version_named(services.engine, version)
    if row is None:
        raise InvalidInput(not_allowed("version", version, "one of the list"))
    return row


def statuses(services: Services, rows: Sequence[SnapshotRow]) -> list[dict[str, Any]]:
    """Return what may change about versions: whether they are the head, and where they went.

    Returns:
        For each: its `status` in words, whether it `is_head`, and `published` with the targets.
    """
    head = head_version(services.engine)
    published = publications(services.engine, [row.version for row in rows])
    return [
        {
            "status": status_words(row, head),
            "is_head": head is not None and row.version == head.version,
            "published": published.get(row.version, []),
        }
        for row in rows
    ]


def status_words(row: SnapshotRow, head: SnapshotRow | None) -> str:
    """Word whether a version is the head, a trial, rolled back to, and whose files it has."""
    words = []
    if head is not None and row.version == head.version:
        words.append("head")
    if row.trial:
        words.append("trial")
    if row.same_as is not None:
        how = "rolled back to" if "rolled_back" in row.facts else "same files as"
        words.append(f"{how} v{row.same_as:04d}")
    return ", ".join(words)


def version_folder(services: Services, row: SnapshotRow) -> Path:
    """Give the local folder of a version.

    Raises:
        Corrupt: it is recorded, but its files are missing.
    """
    try:
        return open_folder(services.storage, row.path)
    except InvalidInput as error:
        raise Corrupt(f"v{row.version:04d} is recorded, but its files are missing") from error


@lru_cache(_KEPT)
def curve(folder: str, manifest_sha256: str) -> dict[str, list[float]]:  # noqa: ARG001
    """Give coverage and mean quality after so many rows, at up to 200 sizes; by the manifest."""
    path = Path(folder) / SELECTION
    try:
        table = pq.read_table(path, columns=["coverage", "quality"])
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"{path}: {error}") from error
    if not table.num_rows:
        return {"rows": [], "coverage": [], "quality": []}
    ranks = np.arange(1, table.num_rows + 1)
    shown = np.unique(np.linspace(0, table.num_rows - 1, CURVE_POINTS).round().astype(int))
    mean = np.cumsum(table["quality"].to_numpy()) / ranks
    return {
        "rows": ranks[shown].tolist(),
        "coverage": np.round(table["coverage"].to_numpy()[shown], 5).tolist(),
        "quality": np.round(mean[shown], 5).tolist(),
    }


def _stored_diff(folder: Path) -> dict[str, Any]:
    """Read what a version has written down of its difference to the one before it."""
    try:
        found: dict[str, Any] = json.loads((folder / DIFF).read_bytes())
    except (OSError, ValueError) as error:
        raise Corrupt(f"{folder / DIFF}: {error}") from error
    return found


@lru_cache(_KEPT)
def _diff(old: str, new: str, old_sha256: str, new_sha256: str) -> dict[str, Any]:  # noqa: ARG001
    return diff_folders(Path(old), Path(new))


def _line(services: Services, row: SnapshotRow) -> dict[str, Any]:
    counts, parameters = row.facts.get("counts", {}), row.facts.get("parameters", {})
    line = {
        "version": row.version,
        "name": f"v{row.version:04d}",
        "parent": None if row.parent is None else f"v{row.parent:04d}",
        "after": row.parent,
        "day": row.day,
        "pool": counts.get("pool", 0),
        "selected": counts.get("selected", 0),
        "alpha": parameters.get("selection", {}).get("alpha"),
        "path": row.path,
        "manifest_sha256": row.manifest_sha256,
    }
    try:
        found = curve(str(version_folder(services, row)), row.manifest_sha256)
    except Corrupt as trouble:
        return line | {"coverage": None, "quality": None, "trouble": str(trouble)}
    coverage, quality = (
        found[name][-1] if found[name] else None for name in ("coverage", "quality")
    )
    return line | {"coverage": coverage, "quality": quality, "trouble": ""}


def _state(folder: Path, manifest_sha256: str) -> dict[str, Any]:
    """Tell whether the manifest is the recorded one, and each file there in its size."""
    manifest = read_manifest(folder)
    wrong = sorted(
        name for name, entry in manifest.files.items() if _size(folder, name) != entry.bytes
    )
    return {
        "manifest": manifest.sha256 == manifest_sha256,
        "files": len(manifest.files),
        "wrong": wrong,
        "table": _files(manifest),
    }


def _size(folder: Path, name: str) -> int:
    path = folder / name
    return path.stat().st_size if path.is_file() else -1


def _files(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {"name": name, "rows": entry.rows, "bytes": entry.bytes, "sha256": entry.sha256}
        for name, entry in sorted(manifest.files.items())
    ]
