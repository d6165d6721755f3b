"""What a DAG reads and writes, as the names, versions and sizes that a lineage tool knows."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from dynosaur_etl.domain.redaction import without_login
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.version_figures import required_version
from dynosaur_etl.store.facts.hub_datasets import count_samples, kept_datasets
from dynosaur_etl.store.facts.stored_files import sum_files
from dynosaur_etl.store.kinds import FileKind


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
    """Return the datasets of the Hub that a day kept, at their revisions, and their samples."""
    hub = without_login(services.settings.hf_endpoint).rstrip("/")
    inputs = (
        LineageDataset(hub, f"datasets/{kept.dataset_id}", kept.revision)
        for kept in kept_datasets(services.engine, day)
    )
    return Lineage(tuple(inputs), (_samples(day, services),))


def grown(day: str, services: Services) -> Lineage:
    """Return the samples that a day's tasks were made from, and the instances and vectors of it."""
    outputs = (_stored(kind, day, services) for kind in (FileKind.INSTANCES, FileKind.EMBEDDINGS))
    return Lineage((_samples(day, services),), tuple(outputs))


def selected(version: int, services: Services) -> Lineage:
    """Return the pool's instances and vectors, and the version that was selected from them."""
    record = required_version(services, version)
    at = place(services.storage.url, record.path)
    written = LineageDataset(*at, record.manifest_sha256, record.counts["selected"])
    inputs = (_stored(kind, None, services) for kind in (FileKind.INSTANCES, FileKind.EMBEDDINGS))
    return Lineage(tuple(inputs), (written,))


def place(url: str, path: str) -> tuple[str, str]:
    """Return the namespace and name of a path below a storage URL, without any login in it."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return "file", f"{parts.path.rstrip('/')}/{path}"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}", f"{parts.path.strip('/')}/{path}".lstrip("/")


def _samples(day: str, services: Services) -> LineageDataset:
    at = place(services.storage.url, FileKind.SAMPLES)
    return LineageDataset(*at, version=day, files=count_samples(services.engine, day))


def _stored(kind: FileKind, day: str | None, services: Services) -> LineageDataset:
    """Sum up the files of a kind, of one day or of all."""
    sums = sum_files(services.engine, kind, day)
    at = place(services.storage.url, kind)
    return LineageDataset(*at, day, sums.rows, sums.bytes, sums.files)
