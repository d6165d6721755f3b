"""The versions of the training set, as the database knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import SnapshotRow


@dataclass(frozen=True)
class TradeoffPoint:
    """What a selection with that alpha reaches on a sample of the pool."""

    alpha: float
    quality: float
    coverage: float


@dataclass(frozen=True)
class VersionRecord:
    """A numbered, immutable training set.

    Attributes:
        parent: the version that it followed.
        path: of its folder, below the storage URL.
        counts: the funnel, from datasets seen to instances selected.
        parameters: as the manifest shows them.
        recipe: the files and facts that it is made from; None where it was made without one.
        tradeoff: quality against coverage over alpha; empty where it was not measured.
    """

    version: int
    parent: int | None
    day: str
    path: str
    manifest_sha256: str
    counts: Mapping[str, int]
    parameters: Mapping[str, Any]
    recipe: Mapping[str, Any] | None
    tradeoff: Sequence[TradeoffPoint]

    @property
    def alpha(self) -> float | None:
        """The weight of quality in its selection; None where it is not recorded."""
        alpha: float | None = self.parameters.get("selection", {}).get("alpha")
        return alpha


def find_version(engine: Engine, version: int) -> VersionRecord | None:
    """Read one version; None where there is no such one."""
    with reading(engine) as session:
        row = session.get(SnapshotRow, version)
    return None if row is None else _record(row)


def newest_version(engine: Engine) -> VersionRecord | None:
    """Read the newest version; None before the first."""
    return next(iter(newest_versions(engine, 1)), None)


def newest_versions(engine: Engine, most: int | None = None) -> list[VersionRecord]:
    """Read the newest versions, or all of them, the newest first."""
    query = select(SnapshotRow).order_by(SnapshotRow.version.desc()).limit(most)
    with reading(engine) as session:
        return [_record(row) for row in session.scalars(query)]


def _record(row: SnapshotRow) -> VersionRecord:
    facts = row.facts
    return VersionRecord(
        version=row.version,
        parent=row.parent,
        day=row.day,
        path=row.path,
        manifest_sha256=row.manifest_sha256,
        counts=facts.get("counts", {}),
        parameters=facts.get("parameters", {}),
        recipe=facts.get("recipe"),
        tradeoff=[TradeoffPoint(**point) for point in facts.get("tradeoff", [])],
    )
