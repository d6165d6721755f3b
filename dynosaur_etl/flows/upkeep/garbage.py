"""Collecting garbage: files of the store that no row points at and no version is made from."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.flows.fill.shards import CONVERSATION_FILES, INSTANCE_FILES
from dynosaur_etl.flows.prepare.embed import EMBEDDING_FILES
from dynosaur_etl.flows.prepare.scorers import SCORE_FILES
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool_graph import GRAPHS
from dynosaur_etl.flows.select.selection_parts import PARTS, SOLVED
from dynosaur_etl.flows.select.training_set import POOL_FILES, SELECTION_FILES
from dynosaur_etl.flows.snapshot.recipe import Recipe
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.storage import UNFINISHED, FoundFile
from dynosaur_etl.store.tables import CheckpointRow, ConfigRow, FileRow, SnapshotRow

_CONTENT_NAME = re.compile(r"([a-z_]+)(?:/[^/\s\"]+)*/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]+")
_PART_OF_A_FILE = re.compile(r".+/[0-9a-f]{64}\.[a-z0-9]+\.[0-9a-f]{32}")
_OF_POOLS = frozenset(
    {
        INSTANCE_FILES, CONVERSATION_FILES, SCORE_FILES, EMBEDDING_FILES, SELECTION_FILES,
        POOL_FILES, GRAPHS,
        PARTS, SOLVED,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Garbage:
    """A file that nothing needs.

    Attributes:
        why: `unfinished` (a process died while it wrote), `old pool` (of a pool or selection that
            was made anew since) or `orphan` (of anything else).
    """

    path: str
    bytes: int
    why: str


def find_garbage(services: Services, older_than: timedelta, now: datetime) -> list[Garbage]:
    """Find the files that nothing needs, by path.

    Only names that the product itself gives are looked at; a folder of a version is never touched,
    nor is a file that a version could be rebuilt from. Files go before their row, so that a young
    file without one may belong to a step that is running.

    Args:
        services: the process's services.
        older_than: how long a file must have lain there.
        now: the moment, in UTC.

    Raises:
        StoreUnavailable: the database or the storage does not answer.
    """
    before = now - older_than
    found = [file for file in services.storage.list_files() if _is_older(file, before)]
    needed = _needed(services)
    return list(_garbage(found, needed))


def collect(services: Services, older_than: timedelta, now: datetime) -> list[Garbage]:
    """Remove what `find_garbage` finds, and give it; no version is built meanwhile."""
    with locked(services.engine, "snapshots"):
        garbage = find_garbage(services, older_than, now)
        for item in garbage:
            services.storage.remove_file(item.path)
    return garbage


def _is_older(file: FoundFile, moment: datetime) -> bool:
    """Tell the age; a file whose age the storage does not tell counts as young."""
    if file.modified is None:
        return False
    aware = file.modified if file.modified.tzinfo else file.modified.replace(tzinfo=UTC)
    return aware <= moment


def _needed(services: Services) -> frozenset[str]:
    with Session(services.engine) as session:
        rows = set(session.scalars(select(FileRow.path)))
        samples = set(session.scalars(select(ConfigRow.sample_path)))
        facts = list(session.scalars(select(SnapshotRow.facts)))
        unfinished = list(session.scalars(select(CheckpointRow.result)))
    recipes = [Recipe(**fact["recipe"]).files for fact in facts if "recipe" in fact]
    checkpoints = {found[0] for found in _CONTENT_NAME.finditer(canonical_json(unfinished))}
    return frozenset(rows | samples | checkpoints).union(*recipes)


def _garbage(found: Collection[FoundFile], needed: Collection[str]) -> Iterator[Garbage]:
    for file in found:
        named = _CONTENT_NAME.fullmatch(file.path)
        if f"/{UNFINISHED}" in f"/{file.path}" or _PART_OF_A_FILE.fullmatch(file.path):
            yield Garbage(file.path, file.bytes, "unfinished")
        elif named is not None and file.path not in needed:
            why = "old pool" if named[1] in _OF_POOLS else "orphan"
            yield Garbage(file.path, file.bytes, why)
