"""The sources of the head: whose they are, their licences, their share, withdrawals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from dynosaur_etl.domain.reasons import words_of
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.hub_links import hub_links
from dynosaur_etl.flows.views.paging import (
    ListSearch,
    Part,
    PlaceNumber,
    PlaceText,
    Text,
    part_of,
    read_cursor,
)
from dynosaur_etl.flows.views.version_figures import version_folder
from dynosaur_etl.snapshots.sources import VersionSource, read_sources
from dynosaur_etl.store.facts.snapshot_versions import head_version
from dynosaur_etl.store.facts.withdrawals import withdrawals_in_force

SourcePlace = tuple[int, str, str]
_PLACES: TypeAdapter[SourcePlace] = TypeAdapter(tuple[PlaceNumber, PlaceText, PlaceText])
_GROUPS_SHOWN = 30


@dataclass(frozen=True)
class SourceShare(VersionSource):
    """A source of a version, with its shares of the pool and of the selection, 0 to 1."""

    owner: str
    share: float
    selected_share: float

    @property
    def place(self) -> SourcePlace:
        """Where it stands in the list: the largest first, then by name."""
        return -self.pool_instances, self.dataset, self.revision


@dataclass(frozen=True)
class WithdrawnSource:
    """A source that is used no more, and why."""

    dataset: str
    reason: str
    words: str
    found_on: str
    detail: str


@dataclass(frozen=True)
class SourceLine(SourceShare):
    """A source in the list; `withdrawn` is None where it is in use, `link` its place at the Hub."""

    withdrawn: WithdrawnSource | None
    link: str


@dataclass(frozen=True)
class SourceGroup:
    """The sources of an owner or of a licence together."""

    name: str
    sources: int
    instances: int
    share: float
    selected: float


@dataclass(frozen=True)
class SourceList:
    """A part of the sources of the head, and their sums.

    Attributes:
        version: None where there is none.
        number_of: how many sources it has.
        withdrawn: every source that is withdrawn, of the version or not.
    """

    version: int | None
    number_of: int
    part: Part[SourceLine]
    owners: Sequence[SourceGroup]
    licences: Sequence[SourceGroup]
    withdrawn: Sequence[WithdrawnSource]


@dataclass(frozen=True)
class _Sources:
    """The sources of a version, the largest first, and their sums."""

    rows: Sequence[SourceShare]
    owners: Sequence[SourceGroup]
    licences: Sequence[SourceGroup]


class SourceSearch(ListSearch):
    """By what sources are found; what is empty does not matter."""

    owner: Text = ""
    licence: Text = ""
    withdrawn: Literal["", "yes", "no"] = ""


def find_sources(services: Services, search: SourceSearch) -> SourceList:
    """Return the head's sources, the largest first, and sums by owner and licence.

    Shares are of the pool's instances, 0 to 1.
    """
    withdrawn = withdrawn_sources(services)
    head = head_version(services.engine)
    if head is None:
        return SourceList(None, 0, Part(), [], [], list(withdrawn.values()))
    pool = _sources(str(version_folder(services, head)), head.manifest_sha256)
    chosen = [row for row in pool.rows if _matches(row, search, row.dataset in withdrawn)]
    after = read_cursor(search.after, _PLACES)
    if after is not None:
        chosen = [row for row in chosen if row.place > after]
    lines = [_line(services, row, withdrawn) for row in chosen[: search.size + 1]]
    return SourceList(
        version=head.version,
        number_of=len(pool.rows),
        part=part_of(lines, search.size),
        owners=pool.owners,
        licences=pool.licences,
        withdrawn=list(withdrawn.values()),
    )


def withdrawn_sources(services: Services) -> dict[str, WithdrawnSource]:
    """Return the withdrawals in force, by dataset."""
    return {
        found.dataset_id: WithdrawnSource(
            dataset=found.dataset_id,
            reason=found.reason,
            words=words_of(found.reason),
            found_on=found.found_on,
            detail=found.detail,
        )
        for found in withdrawals_in_force(services.engine)
    }


def _line(
    services: Services, row: SourceShare, withdrawn: Mapping[str, WithdrawnSource]
) -> SourceLine:
    link = hub_links(services, row.dataset, row.revision).files
    return SourceLine(**vars(row), withdrawn=withdrawn.get(row.dataset), link=link)


@lru_cache(4)
def _sources(folder: str, manifest_sha256: str) -> _Sources:  # noqa: ARG001
    found = read_sources(Path(folder)).to_pylist()
    whole = sum(row["pool_instances"] for row in found) or 1
    picked = sum(row["selected_instances"] for row in found) or 1
    rows = [
        SourceShare(
            **row,
            owner=row["dataset"].partition("/")[0],
            share=row["pool_instances"] / whole,
            selected_share=row["selected_instances"] / picked,
        )
        for row in found
    ]
    rows.sort(key=lambda row: row.place)
    return _Sources(
        rows, _grouped(rows, lambda row: row.owner), _grouped(rows, lambda row: row.licence)
    )


def _matches(row: SourceShare, search: SourceSearch, withdrawn: bool) -> bool:
    return (
        search.owner in ("", row.owner)
        and (not search.licence or search.licence.lower() in row.licence.split(", "))
        and search.withdrawn in ("", "yes" if withdrawn else "no")
    )


def _grouped(
    rows: Sequence[SourceShare], name_of: Callable[[SourceShare], str]
) -> list[SourceGroup]:
    """Sum up by owner or licence, the largest first; the smallest are left out."""
    parts: dict[str, list[SourceShare]] = {}
    for row in rows:
        parts.setdefault(name_of(row), []).append(row)
    groups = [
        SourceGroup(
            name=name,
            sources=len(part),
            instances=sum(row.pool_instances for row in part),
            share=sum(row.share for row in part),
            selected=sum(row.selected_share for row in part),
        )
        for name, part in parts.items()
    ]
    return sorted(groups, key=lambda group: (-group.instances, group.name))[:_GROUPS_SHOWN]
