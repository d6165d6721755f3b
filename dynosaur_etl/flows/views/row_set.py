"""Sets of instances that can be looked at row by row: a version's pool, the store, a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.version_figures import required_version, version_folder
from dynosaur_etl.snapshots.layout import SELECTION, TEST, TRAIN
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, head_version
from dynosaur_etl.store.facts.stored_files import paths_of_kind
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.storage import Storage

EVERYTHING = 0
"""Stands in the place of a version's number for all instances that the store holds."""


@dataclass(frozen=True)
class RowSet:
    """Files of instances, and which of their rows belong to the set; none of it ever changes.

    Attributes:
        name: as people call it.
        version: its number; `EVERYTHING` for the store, None for a folder alone.
        paths: of the files, in the order in which their rows are numbered.
        pool: path of the record of live rows; empty where all rows are meant.
        selection: path of the picks; empty where nothing was picked.
        conversations: paths of the conversations of native instances.
        licences: by dataset, where another one holds now than was written down.
    """

    name: str
    version: int | None
    storage: Storage
    paths: tuple[str, ...]
    pool: str = ""
    selection: str = ""
    conversations: tuple[str, ...] = ()
    licences: Mapping[str, str] = field(default_factory=dict, compare=False)


def row_set(services: Services, version: int | None) -> RowSet:
    """Return the pool of a version; of the head where none is named.

    All instances of the store are meant by `EVERYTHING`, and where there is no version yet.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: it was made without a recipe, and its files are missing.
    """
    if version is None:
        head = head_version(services.engine)
        return _everything(services) if head is None else _pool_of(services, head)
    if version == EVERYTHING:
        return _everything(services)
    return _pool_of(services, required_version(services, version))


def folder_rows(folder: Path, name: str, version: int | None = None) -> RowSet:
    """Return the rows of a version's folder, which need neither its store nor a database.

    Raises:
        Corrupt: it has no manifest that can be read.
        InvalidInput: it holds no rows.
    """
    files = sorted(read_manifest(folder).files)
    shards = [file for part in (TRAIN, TEST) for file in files if file.startswith(f"{part}-")]
    if not shards:
        raise InvalidInput(not_allowed("folder", folder, "the folder of a version"))
    return RowSet(name, version, Storage(str(folder)), tuple(shards), selection=SELECTION)


def _everything(services: Services) -> RowSet:
    return RowSet(
        name="everything in the store",
        version=EVERYTHING,
        storage=services.storage,
        paths=paths_of_kind(services.engine, FileKind.INSTANCES),
        conversations=paths_of_kind(services.engine, FileKind.CONVERSATIONS),
    )


def _pool_of(services: Services, record: VersionRecord) -> RowSet:
    recipe = record.recipe
    if recipe is None:
        return folder_rows(version_folder(services, record), record.name, record.version)
    return RowSet(
        name=f"the pool of {record.name}",
        version=record.version,
        storage=services.storage,
        paths=tuple(recipe["instances"]),
        pool=recipe["pool"],
        selection=recipe["selection"],
        conversations=tuple(recipe.get("conversations", ())),
        licences=recipe.get("licences", {}),
    )
