"""A map of a snapshot's pool and picks: their vectors on the two directions that tell most."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.version_figures import required_version, version_folder
from dynosaur_etl.snapshots.layout import SELECTION
from dynosaur_etl.snapshots.manifest import read_manifest
from dynosaur_etl.store.facts.stored_files import paths_by_version
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.vectors import vector_matrix

POINTS = 2_000
_FILES_READ = 10
_SUBSPACE, _ITERATIONS = 4, 15
_KEPT = 16
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class MapPoints:
    """Points of the plane, by both coordinates."""

    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class PoolMap:
    """A sample of the pool: what was picked of it, and what was left in the pool."""

    picked: MapPoints
    left: MapPoints

    @property
    def points(self) -> int:
        """How many points there are."""
        return len(self.picked.x) + len(self.left.x)


_drawn: dict[str, PoolMap] = {}


def pool_map(services: Services, version: int) -> PoolMap:
    """Return up to 2,000 points of the pool that a version was selected from.

    The points are an even sample of up to 10 files of its days' vectors, on the first two principal
    components of the sample. A map is kept by the checksum of its version's manifest, as a version
    never changes.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: its files are missing or cannot be read.
    """
    record = required_version(services, version)
    folder = version_folder(services, record)
    found = _drawn.get(record.manifest_sha256)
    if found is None:
        keys, vectors = _sample(services, _vector_files(services, read_manifest(folder).days))
        found = _laid_out(keys, vectors, _picked(folder / SELECTION))
        while len(_drawn) >= _KEPT:
            _drawn.pop(next(iter(_drawn)))
        _drawn[record.manifest_sha256] = found
    return found


def _vector_files(services: Services, days: Sequence[str]) -> list[str]:
    """Read the paths of the days' vectors by day; of several models, that of the most days."""
    by_model = paths_by_version(services.engine, FileKind.EMBEDDINGS, days)
    return max(by_model.values(), key=len, default=[])


def _sample(services: Services, paths: Sequence[str]) -> tuple[pa.Array, NDArray[np.float32]]:
    chosen = _evenly(paths, _FILES_READ)
    tables = [_rows(services, path, -(-POINTS // len(chosen))) for path in chosen]
    if not tables:
        return pa.array([], pa.string()), np.zeros((0, 2), np.float32)
    table = pa.concat_tables(tables)
    keys = table["instance_key"].combine_chunks()
    _, first = np.unique(keys.to_numpy(zero_copy_only=False), return_index=True)
    return keys.take(pa.array(first)), vector_matrix(table).astype(np.float32)[first]


def _rows(services: Services, path: str, number: int) -> pa.Table:
    """Read an even sample of a file's first row group."""
    with services.storage.open(path) as file:
        try:
            table = pq.ParquetFile(file).read_row_group(0, ["instance_key", "vector"])
        except (pa.ArrowException, OSError) as error:
            raise Corrupt(f"{path}: {error}") from error
    return table.take(pa.array(_evenly(range(table.num_rows), number), pa.int64()))


def _evenly(items: Sequence[_Item], number: int) -> list[_Item]:
    if len(items) <= number:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, number).round().astype(int)]


def _picked(path: Path) -> pa.Array:
    try:
        return pq.read_table(path, columns=["instance_key"])["instance_key"].combine_chunks()
    except (pa.ArrowException, OSError) as error:
        raise Corrupt(f"{path}: {error}") from error


def _laid_out(keys: pa.Array, vectors: NDArray[np.float32], picked: pa.Array) -> PoolMap:
    points = np.round(_flattened(vectors), 4)
    chosen = np.asarray(pc.is_in(keys, value_set=picked).to_numpy(zero_copy_only=False), bool)
    return PoolMap(MapPoints(*points[chosen].T.tolist()), MapPoints(*points[~chosen].T.tolist()))


def _flattened(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Project on the two directions of most variance, found by iterating a subspace of four."""
    if len(vectors) <= _SUBSPACE:
        return np.zeros((len(vectors), 2), np.float32)
    centred = vectors - vectors.mean(axis=0)
    spread = centred.T @ centred
    basis = centred[:_SUBSPACE].T
    for _ in range(_ITERATIONS):
        basis, _ = np.linalg.qr(spread @ basis)
    plane: NDArray[np.float32] = centred @ basis[:, :2]
    return plane
