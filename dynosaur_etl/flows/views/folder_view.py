"""A version's folder alone, as pages show it: neither its store nor a database is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import Corrupt, InvalidInput, not_allowed
from dynosaur_etl.flows.views.instance_pages import InstanceList, InstancePage, RowChoices
from dynosaur_etl.flows.views.row_columns import row_columns
from dynosaur_etl.flows.views.row_report import row_report
from dynosaur_etl.flows.views.row_search import RowPart, RowSearch, find_rows
from dynosaur_etl.flows.views.row_set import RowSet, folder_rows
from dynosaur_etl.flows.views.row_statistics import RowStatistics, folder_statistics
from dynosaur_etl.flows.views.row_words import WordIndex
from dynosaur_etl.flows.views.version_figures import (
    FolderState,
    SizeCurve,
    card_text,
    folder_state,
    size_curve,
)
from dynosaur_etl.snapshots.layout import MANIFEST, TASKS
from dynosaur_etl.snapshots.manifest import Manifest, read_manifest
from dynosaur_etl.snapshots.publish import open_snapshot
from dynosaur_etl.snapshots.sources import VersionSource, read_sources
from dynosaur_etl.store.storage import Storage

HUB = "https://huggingface.co"
SOURCES_SHOWN = 500
_LISTS = ("label_space", "input_fields")


@dataclass(frozen=True)
class FolderReport:
    """What a folder says of itself."""

    parameters: Mapping[str, Any]
    counts: Mapping[str, int]
    curve: SizeCurve
    card: str
    state: FolderState


@dataclass(frozen=True)
class FolderSources:
    """Sources that were asked for, the largest first; `total` is how many there are of them."""

    shown: Sequence[VersionSource]
    total: int


class FolderView:
    """A version's folder, opened once.

    Attributes:
        path: of the folder.
        name: of the version, as `v0007`.
    """

    def __init__(self, path: Path, index_folder: Path) -> None:
        """Open a folder.

        Args:
            path: of a version, on a local disk.
            index_folder: where the index of words may be written.

        Raises:
            InvalidInput: it is no folder of a version.
            Corrupt: its manifest cannot be read.
        """
        if not (path / MANIFEST).is_file():
            allowed = f"the folder of a version, which has a {MANIFEST}"
            raise InvalidInput(not_allowed("folder", path, allowed))
        self.path = path
        self.manifest: Manifest = read_manifest(path)
        self.name = f"v{self.manifest.version:04d}"
        self._rows: RowSet = folder_rows(path, self.name, self.manifest.version)
        self._words = WordIndex(index_folder)

    def report(self) -> FolderReport:
        """Return its figures, curve and card, and whether its files are there.

        Raises:
            Corrupt: a file is missing or cannot be read.
        """
        return FolderReport(
            parameters=self.manifest.parameters,
            counts=self.manifest.counts,
            curve=size_curve(str(self.path), self.manifest.sha256),
            card=card_text(self.path),
            state=folder_state(self.path, self.manifest.sha256),
        )

    def find(self, search: RowSearch) -> RowPart:
        """Return the rows that are asked for.

        Raises:
            InvalidInput: another version is asked for, a form, or a place that is none of the list.
            Corrupt: a file is missing or cannot be read.
        """
        self._require_own(search.version)
        if search.form:
            allowed = "none, as a folder does not tell the forms of its tasks"
            raise InvalidInput(not_allowed("form", search.form, allowed))
        return find_rows(self._rows, search, self._words)

    def instances(self, search: RowSearch) -> InstanceList:
        """Return the same with what the page needs around it."""
        part = self.find(search)
        coded = row_columns(self._rows).coded
        return InstanceList(
            name=self.name,
            version=self.manifest.version,
            part=part,
            tasks={line.task_key: f"of/{line.task_key}" for line in part.rows},
            choices=RowChoices(
                versions={self.manifest.version: self.name},
                licences=sorted(coded["licence"].names),
                splits=sorted(coded["split"].names),
            ),
        )

    def instance(self, key: str, version: int | None) -> InstancePage:
        """Return one row.

        Raises:
            InvalidInput: the folder has no such row, or is of another version.
            Corrupt: a file is missing or cannot be read.
        """
        self._require_own(version)
        report = row_report(self._rows, key, HUB)
        task = f"of/{report.line.task_key}"
        return InstancePage(self.name, self.manifest.version, report, task)

    def statistics(self) -> RowStatistics:
        """Return each column's values, of all rows beside the picks."""
        return folder_statistics(self._rows, self.path)

    def sources(self, begins: str = "") -> FolderSources:
        """Return the sources whose names begin so, the largest first."""
        found = [row for row in self._sources if row.dataset.startswith(begins)]
        return FolderSources(found[:SOURCES_SHOWN], len(found))

    def source(self, dataset: str) -> Sequence[VersionSource]:
        """Return one dataset at each of its revisions.

        Raises:
            InvalidInput: the folder has no such dataset.
        """
        found = [row for row in self._sources if row.dataset == dataset]
        if not found:
            raise InvalidInput(not_allowed("dataset", dataset, "one of the list of sources"))
        return found

    def task(self, key: str) -> Mapping[str, str]:
        """Return a task, by the names of its columns.

        Raises:
            InvalidInput: the folder has no such task.
            Corrupt: the file of tasks is missing or cannot be read.
        """
        table = self._tasks
        at = pc.index(table["task_key"], key).as_py()
        if at < 0:
            raise InvalidInput(not_allowed("task", key, f"one of {self.name}"))
        [row] = table.slice(at, 1).to_pylist()
        joined = {name: ", ".join(row[name]) for name in _LISTS}
        return {name: str(value) for name, value in (row | joined).items()}

    def file(self, name: str) -> Path:
        """Return the path of a file, of those that the manifest lists.

        Raises:
            InvalidInput: it lists no such file.
            Corrupt: the file is missing.
        """
        if name not in {*self.manifest.files, MANIFEST}:
            raise InvalidInput(not_allowed("file", name, "one of the manifest"))
        if not (self.path / name).is_file():
            raise Corrupt(f"{self.path / name}: the file is missing")
        return self.path / name

    @cached_property
    def _sources(self) -> Sequence[VersionSource]:
        rows = [VersionSource(**row) for row in read_sources(self.path).to_pylist()]
        return sorted(rows, key=lambda row: (-row.pool_instances, row.dataset, row.revision))

    @cached_property
    def _tasks(self) -> pa.Table:
        path = self.path / TASKS
        try:
            return pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"{path}: {error}") from error

    def _require_own(self, version: int | None) -> None:
        if version not in (None, self.manifest.version):
            raise InvalidInput(not_allowed("version", version, f"{self.name}, which this is"))


def stored_folder(storage: str, version: int) -> Path:
    """Return the local folder of a version in a storage.

    Raises:
        InvalidInput: the storage has no such folder; a rollback has those of an older version.
        StoreUnavailable: the storage does not answer.
    """
    return open_snapshot(Storage(storage), version)
