"""Versions in a line each, with what may change about them: the head, and where they went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from dynosaur_etl.store.facts.snapshot_versions import (
    Publication,
    VersionRecord,
    head_version,
    publications,
)


@dataclass(frozen=True)
class VersionSummary:
    """A version in a line.

    Attributes:
        head: whether it is the head.
        trial: whether it never is.
        same_as: the version whose files it points at.
        rolled_back: whether a rollback made it the head.
        published: the targets that hold it.
        growth: how it follows its parent: `fresh` or `keep`.
        kept: how many of its picks were kept from its parent.
    """

    version: int
    parent: int | None
    day: str
    path: str
    manifest_sha256: str
    head: bool
    trial: bool
    same_as: int | None
    rolled_back: bool
    published: Sequence[Publication]
    counts: Mapping[str, int]
    growth: str
    kept: int


def summaries(engine: Engine, records: Sequence[VersionRecord]) -> list[VersionSummary]:
    """Return one line a version, in the order of the records."""
    head = head_version(engine)
    published = publications(engine, [record.version for record in records])
    return [_summary(record, head, published.get(record.version, [])) for record in records]


def _summary(
    record: VersionRecord, head: VersionRecord | None, published: Sequence[Publication]
) -> VersionSummary:
    return VersionSummary(
        version=record.version,
        parent=record.parent,
        day=record.day,
        path=record.path,
        manifest_sha256=record.manifest_sha256,
        head=head is not None and record.version == head.version,
        trial=record.trial,
        same_as=record.same_as,
        rolled_back=record.is_rolled_back,
        published=published,
        counts=record.counts,
        growth=record.parameters.get("growth", "fresh"),
        kept=record.parameters.get("kept", 0),
    )
