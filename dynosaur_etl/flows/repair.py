"""Making again what is lost or damaged in the storage, by the steps that made it."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow.parquet as pq

from dynosaur_etl.domain.errors import DynosaurError, StoreUnavailable
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.flows.fill.fill import fill
from dynosaur_etl.flows.poll.examine import sample_again
from dynosaur_etl.flows.prepare.embed import embed
from dynosaur_etl.flows.prepare.score import score
from dynosaur_etl.flows.runtime.services import Progress, Replay, Services, silent
from dynosaur_etl.flows.select.selection import select
from dynosaur_etl.flows.snapshot.versions import restore_version, version_folder
from dynosaur_etl.flows.upkeep.store_audit import VERSION, Damage, audit_store
from dynosaur_etl.snapshots.layout import REJECTS, SELECTION, SOURCES_TABLE, TASKS
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts.named_files import (
    NamedPath,
    datasets_of_samples,
    forget_index,
    forget_parts_with,
    mark_unfinished,
    named_paths,
)
from dynosaur_etl.store.facts.snapshot_versions import newest_versions
from dynosaur_etl.store.kinds import FileKind

log = logging.getLogger(__name__)

_AGAIN: Mapping[StepName, Callable[[GrowthDay, Services], object]] = {
    StepName.FILL: fill,
    StepName.SCORE: score,
    StepName.EMBED: embed,
    StepName.SELECT: select,
}
"""The steps that make files from what the store and the ledger hold, in their order."""


@dataclass(frozen=True)
class Repaired:
    """What a repair did.

    Attributes:
        made: paths of what is as it was again.
        left: what could not be made as it was, with what that means.
        parts: finished parts of steps under way that were dropped; their next run makes them.
        anew: steps of days that the next run makes anew, as `day step`.
        errors: why steps could not make their files, in words.
    """

    made: Sequence[str]
    left: Sequence[Damage]
    parts: int
    anew: Sequence[str]
    errors: Sequence[str]


def repair(services: Services, progress: Progress = silent, *, give_up: bool = False) -> Repaired:
    """Make again what the storage has lost: the same bytes, or nothing; no row changes.

    Args:
        services: the process's services.
        progress: is called with (files looked at, all).
        give_up: let the next `poll` and `grow` make the days anew whose files cannot be made as
            they were.

    Raises:
        StoreUnavailable: the database or the storage does not answer.
        Busy: another repair is at it.
    """
    with locked(services.engine, "repair", wait=False):
        before = audit_store(services, progress)
        lost = frozenset(item.path for item in before.damage)
        parts = forget_parts_with(services.engine, lost)
        forget_index(services.engine, lost)
        rows = [row for row in named_paths(services.engine) if row.path in lost and not row.open]
        errors = list(_make_again(services, rows, lost))
        left = audit_store(services).damage
        anew = _give_up(services, rows, left) if give_up else []
    still = {item.path for item in left}
    return Repaired(sorted(lost - still), left, parts, anew, errors)


def _make_again(
    services: Services, rows: Sequence[NamedPath], lost: frozenset[str]
) -> Iterator[str]:
    """Run what makes the files, in the order in which they build on each other; yield errors."""
    for day, names in sorted(datasets_of_samples(services.engine, lost).items()):
        sample = partial(sample_again, GrowthDay.parse(day), services, names)
        yield from _tried(f"samples of {day}", sample)
    for step in _AGAIN:
        for day in sorted({row.day for row in rows if row.step == step}):
            yield from _tried(f"{step} of {day}", partial(_replay, services, day, step, lost))
    yield from _from_versions(services)
    for record in newest_versions(services.engine):
        if record.path in lost and record.same_as is None:
            yield from _tried(record.name, partial(restore_version, record.version, services))


def _replay(services: Services, day: str, step: StepName, lost: frozenset[str]) -> None:
    services.replay = Replay(day, step, lost)
    try:
        _AGAIN[step](GrowthDay.parse(day), services)
    finally:
        services.replay = None


def _from_versions(services: Services) -> Iterator[str]:
    """Write again, from the files of whole versions, the tables that those were made from."""
    for record in newest_versions(services.engine):
        if record.recipe is not None and record.same_as is None:
            tables = partial(_tables_of, services, record.version)
            yield from _tried(f"tables of {record.name}", tables)


def _tables_of(services: Services, version: int) -> None:
    record = next(x for x in newest_versions(services.engine) if x.version == version)
    wanted = record.recipe or {}
    files = {"selection": SELECTION, "tasks": TASKS, "rejects": REJECTS, "sources": SOURCES_TABLE}
    for part, name in files.items():
        if _is_sound(services, str(wanted[part])):
            continue
        table = pq.read_table(version_folder(services, record) / name, partitioning=None)
        kind = FileKind(str(wanted[part]).partition("/")[0])
        services.storage.write_table(kind, table.replace_schema_metadata(None))


def _is_sound(services: Services, path: str) -> bool:
    try:
        services.storage.require_sound(path)
    except StoreUnavailable:
        raise
    except DynosaurError:
        return False
    return True


def _tried(what: str, again: Callable[[], object]) -> Iterator[str]:
    """Run it; what it cannot do is told, as other things can be made all the same."""
    try:
        again()
    except StoreUnavailable:
        raise
    except (DynosaurError, OSError, ValueError) as error:
        log.warning("%s cannot be made again: %s", what, error)
        yield f"{what}: {error}"


def _give_up(services: Services, rows: Sequence[NamedPath], left: Sequence[Damage]) -> list[str]:
    paths = {item.path for item in left if item.kind != VERSION}
    steps = sorted({(row.day, row.step) for row in rows if row.path in paths and row.step})
    for day, step in steps:
        mark_unfinished(services.engine, day, step)
    return [f"{day} {step}" for day, step in steps]
