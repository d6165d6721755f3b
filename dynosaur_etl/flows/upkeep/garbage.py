"""Collecting garbage: files of the store that no row points at and no version is made from."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from dynosaur_etl.domain.identity import canonical_json
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.snapshots.recipe import Recipe
from dynosaur_etl.store.content_index import forget_unused_files
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts.growth_steps import open_results
from dynosaur_etl.store.facts.hub_datasets import sample_paths
from dynosaur_etl.store.facts.named_files import CONTENT_NAME
from dynosaur_etl.store.facts.snapshot_versions import newest_versions
from dynosaur_etl.store.facts.stored_files import all_paths
from dynosaur_etl.store.file_systems import FoundFile
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.storage import UNFINISHED

_PART_OF_A_FILE = re.compile(r".+/[0-9a-f]{64}\.[a-z0-9]+\.[0-9a-f]{32}")
_OF_POOLS = frozenset(
    {
        FileKind.INSTANCES, FileKind.CONVERSATIONS, FileKind.SCORES, FileKind.EMBEDDINGS,
        FileKind.SELECTIONS, FileKind.POOLS, FileKind.GRAPHS, FileKind.SELECTION_PARTS,
        FileKind.SOLVED_PARTS,
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
    found = [file for file in services.storage.list_files() if file.is_older(before)]
    needed = _needed(services)
    return list(_garbage(found, needed))


def collect(services: Services, older_than: timedelta, now: datetime) -> list[Garbage]:
    """Remove what `find_garbage` finds, and give it; no version is built meanwhile.

    What a step writes anew since then is young again, and stays.
    """
    with locked(services.engine, "snapshots"):
        found = find_garbage(services, older_than, now)
        garbage = [
            item for item in found if services.storage.remove_older(item.path, now - older_than)
        ]
        forget_unused_files(services.engine)
    return garbage


def _needed(services: Services) -> frozenset[str]:
    engine = services.engine
    recipes = [
        Recipe(**record.recipe).files
        for record in newest_versions(engine)
        if record.recipe is not None
    ]
    open_parts = canonical_json(open_results(engine))
    unfinished = {found[0] for found in CONTENT_NAME.finditer(open_parts)}
    return all_paths(engine) | sample_paths(engine) | frozenset(unfinished).union(*recipes)


def _garbage(found: Collection[FoundFile], needed: Collection[str]) -> Iterator[Garbage]:
    for file in found:
        named = CONTENT_NAME.fullmatch(file.path)
        if f"/{UNFINISHED}" in f"/{file.path}" or _PART_OF_A_FILE.fullmatch(file.path):
            yield Garbage(file.path, file.bytes, "unfinished")
        elif named is not None and file.path not in needed:
            why = "old pool" if named[1] in _OF_POOLS else "orphan"
            yield Garbage(file.path, file.bytes, why)
