"""The versions of the training set, as the database knows them: which is the head, and where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, Select, select

from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import PublicationRow, SnapshotRow

ROLLED_BACK = "rolled_back"
"""The fact of a version that a rollback made the head: which versions it went over."""


@dataclass(frozen=True)
class TradeoffPoint:
    """What a selection with that alpha reaches on a sample of the pool."""

    alpha: float
    quality: float
    coverage: float


@dataclass(frozen=True)
class Publication:
    """A target that holds a version, what it is found by there, and since when (ISO 8601, UTC)."""

    target: str
    place: str
    published_at: str


@dataclass(frozen=True)
class VersionRecord:
    """A numbered, immutable training set.

    Attributes:
        parent: the version that it followed.
        fingerprint: of what it is made from.
        path: of its folder, below the storage URL.
        same_as: the version whose files it points at; None where it has files of its own.
        trial: whether it is never the head.
        facts: as they are stored.
    """

    version: int
    parent: int | None
    day: str
    fingerprint: str
    path: str
    manifest_sha256: str
    same_as: int | None
    trial: bool
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its number as people write it, such as v0007."""
        return f"v{self.version:04d}"

    @property
    def counts(self) -> Mapping[str, int]:
        """The funnel, from datasets seen to instances selected."""
        counts: Mapping[str, int] = self.facts.get("counts", {})
        return counts

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters as the manifest shows them."""
        parameters: Mapping[str, Any] = self.facts.get("parameters", {})
        return parameters

    @property
    def recipe(self) -> Mapping[str, Any] | None:
        """The files and facts that it is made from; None where it was made without a recipe."""
        return self.facts.get("recipe")

    @property
    def tradeoff(self) -> Sequence[TradeoffPoint]:
        """Quality against coverage over alpha; empty where it was not measured."""
        return [TradeoffPoint(**point) for point in self.facts.get("tradeoff", [])]

    @property
    def alpha(self) -> float | None:
        """The weight of quality in its selection; None where it is not recorded."""
        alpha: float | None = self.parameters.get("selection", {}).get("alpha")
        return alpha

    @property
    def is_rolled_back(self) -> bool:
        """Whether a rollback made it the head."""
        return ROLLED_BACK in self.facts

    @property
    def gone_over(self) -> Sequence[int]:
        """The versions that the rollback which made it the head went over."""
        over: Sequence[int] = self.facts.get(ROLLED_BACK, {}).get("over", ())
        return over


_COLUMNS = (
    SnapshotRow.version, SnapshotRow.parent, SnapshotRow.day, SnapshotRow.fingerprint,
    SnapshotRow.path, SnapshotRow.manifest_sha256, SnapshotRow.same_as, SnapshotRow.trial,
    SnapshotRow.facts,
)  # fmt: skip


def find_version(engine: Engine, version: int) -> VersionRecord | None:
    """Read one version; None where there is no such one."""
    return _first(engine, select(*_COLUMNS).where(SnapshotRow.version == version))


def head_version(engine: Engine) -> VersionRecord | None:
    """Read the head: the newest version that is no trial; None where there is none."""
    query = select(*_COLUMNS).where(SnapshotRow.trial.is_(False))
    return _first(engine, query.order_by(SnapshotRow.version.desc()).limit(1))


def newest_versions(engine: Engine, most: int | None = None) -> list[VersionRecord]:
    """Read the newest versions, or all of them, the newest first."""
    query = select(*_COLUMNS).order_by(SnapshotRow.version.desc()).limit(most)
    with reading(engine) as session:
        return [_record(row) for row in session.execute(query)]


def versions_made(engine: Engine, since: datetime, until: datetime | None) -> list[VersionRecord]:
    """Read the versions that were made here between two moments, in their order."""
    query = select(*_COLUMNS).where(SnapshotRow.created_here_at >= since)
    if until is not None:
        query = query.where(SnapshotRow.created_here_at <= until)
    with reading(engine) as session:
        return [_record(row) for row in session.execute(query.order_by(SnapshotRow.version))]


def publications(engine: Engine, versions: Sequence[int]) -> Mapping[int, list[Publication]]:
    """Read where versions were published, by version, in the order of time."""
    query = (
        select(PublicationRow)
        .where(PublicationRow.version.in_(versions))
        .order_by(PublicationRow.published_at, PublicationRow.target)
    )
    found: dict[int, list[Publication]] = {}
    with reading(engine) as session:
        for row in session.scalars(query):
            at = f"{row.published_at:%Y-%m-%dT%H:%M:%SZ}"
            found.setdefault(row.version, []).append(Publication(row.target, row.place, at))
    return found


def _first(engine: Engine, query: Select[Any]) -> VersionRecord | None:
    with reading(engine) as session:
        row = session.execute(query).one_or_none()
    return None if row is None else _record(row)


def _record(row: Row[Any]) -> VersionRecord:
    return VersionRecord(**row._asdict())
