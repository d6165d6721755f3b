"""What a DAG reads and writes, as the names, versions and sizes that a lineage tool knows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.snapshot.versions import version_row
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.tables import ConfigRow, FileRow, RevisionRow


@dataclass(frozen=True)
class LineageDataset:
    """A dataset as OpenLineage names it; a version or size that is not known is None."""

    namespace: str
    name: str
    version: str | None = None
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None


@dataclass(frozen=True)
class Lineage:
    """What was read, and what was written."""

    inputs: tuple[LineageDataset, ...]
    outputs: tuple[LineageDataset, ...]


def polled(day: str, services: Services) -> Lineage:
    """Give the datasets of the Hub that a day kept, at their revisions, and the samples of them."""
    hub = str(services.settings.hf_endpoint).rstrip("/")
    query = select(RevisionRow.dataset_id, RevisionRow.sha).where(RevisionRow.day == day)
    with reading(services.engine) as session:
        kept = session.execute(query.order_by(RevisionRow.dataset_id)).all()
    inputs = tuple(LineageDataset(hub, f"datasets/{name}", sha) for name, sha in kept)
    return Lineage(inputs, (_samples(day, services),))


def grown(day: str, services: Services) -> Lineage:
    """Give the samples that a day's tasks were made from, and the instances and vectors of it."""
    outputs = (_stored(kind, day, services) for kind in (FileKind.INSTANCES, FileKind.EMBEDDINGS))
    return Lineage((_samples(day, services),), tuple(outputs))


def selected(version: str, services: Services) -> Lineage:
    """Give the pool's instances and vectors, and the version that was selected from them."""
    row = version_row(int(version), services)
    written = LineageDataset(
        *place(services.storage.url, row.path), row.manifest_sha256, row.facts["counts"]["selected"]
    )
    inputs = (_stored(kind, None, services) for kind in (FileKind.INSTANCES, FileKind.EMBEDDINGS))
    return Lineage(tuple(inputs), (written,))


LINEAGES: Mapping[str, Callable[[str, Services], Lineage]] = {
    "hub_revisions": polled,
    "instruction_tasks": grown,
    "training_set": selected,
}
"""By the asset that the DAG updates."""


def place(url: str, path: str) -> tuple[str, str]:
    """Give the namespace and name of a path below a storage URL, without any login in it."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return "file", f"{parts.path.rstrip('/')}/{path}"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}", f"{parts.path.strip('/')}/{path}".lstrip("/")


def _samples(day: str, services: Services) -> LineageDataset:
    with reading(services.engine) as session:
        files = session.scalar(select(func.count()).where(ConfigRow.day == day))
    return LineageDataset(*place(services.storage.url, FileKind.SAMPLES), version=day, files=files)


def _stored(kind: str, day: str | None, services: Services) -> LineageDataset:
    """Sum up the files of a kind, of one day or of all."""
    sums: Any = select(func.count(), func.sum(FileRow.rows), func.sum(FileRow.bytes)).where(
        FileRow.kind.startswith(kind)
    )
    if day is not None:
        sums = sums.where(FileRow.day == day)
    with reading(services.engine) as session:
        files, rows, size = session.execute(sums).one()
    at = place(services.storage.url, kind)
    return LineageDataset(*at, day, int(rows or 0), int(size or 0), files)
