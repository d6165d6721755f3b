"""The head: which version the next ones follow and publishing takes, and how it is moved.

A version never changes and its number is never given again. Making an older content the head is
therefore a new version, which points at the files that are there.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.version_records import version_record
from dynosaur_etl.flows.snapshot.versions import verify_snapshot
from dynosaur_etl.settings import Settings
from dynosaur_etl.snapshots.recipe import Recipe
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts.snapshot_versions import (
    ROLLED_BACK,
    VersionRecord,
    head_version,
    newest_versions,
)
from dynosaur_etl.store.steps import empty_files
from dynosaur_etl.store.versions import add_version, next_number

log = logging.getLogger(__name__)

_OF_THE_METHOD = frozenset({"selection", "method", "base", "kept"})
"""Parameters that tell how the picks were found, not what was asked for."""


def is_trial(settings: Settings, k: int | None) -> bool:
    """Tell whether a run by hand only tries something: it selects fewer rows than are set."""
    return k is not None and k < settings.selection_size


def rollback(version: int, services: Services) -> StepReport:
    """Make a chosen version the head again: a new version that points at its files.

    Where its files are those of the head, nothing is done. Runs leave the head as it is until they
    select something else than what was rolled back.

    Returns:
        The report of `build_snapshot`, of the version that is the head now.

    Raises:
        InvalidInput: there is no such version.
        Corrupt: its files are missing, or are not what was written.
    """
    with locked(services.engine, "snapshots"):
        target = version_record(version, services)
        verify_snapshot(version, services)
        head = head_version(services.engine)
        if head is not None and head.path == target.path:
            return version_report(head, new=False)
        moved = point_at(target, services, {ROLLED_BACK: {"over": _gone_over(version, head)}})
        log.warning("%s is the head now, with the files of %s", moved.name, target.path)
        return version_report(moved, new=True)


def point_at(
    target: VersionRecord,
    services: Services,
    facts: dict[str, Any],
    fingerprint: str | None = None,
) -> VersionRecord:
    """Give a version's files the next number, as the head; the caller holds the lock `snapshots`.

    Args:
        target: the version whose files they are.
        services: the process's services.
        facts: what its record is to hold beside the target's.
        fingerprint: of what it is made from, where that is not the target's.
    """
    head = head_version(services.engine)
    moved = replace(
        target,
        version=next_number(services.engine),
        parent=None if head is None else head.version,
        fingerprint=fingerprint or target.fingerprint,
        same_as=target.same_as or target.version,
        trial=False,
        facts={name: v for name, v in target.facts.items() if name != ROLLED_BACK} | facts,
    )
    add_version(services.engine, moved)
    return moved


def with_same_content(recipe: Recipe, services: Services) -> VersionRecord | None:
    """Find the newest version with the content of a recipe, whatever days have brought it.

    Content is what a reader trains on and is told of it: picks, pool, tasks, sources, form and what
    was asked for. A day that brings no instance adds its rejects and its counts alone, and more
    than the whole pool is the whole pool.
    """
    wanted = None
    for record, other in _of_like_files(recipe, services):
        wanted = wanted or _content_id(recipe, services)
        if _content_id(other, services) == wanted:
            return record
    return None


def is_set_aside(head: VersionRecord, version: int) -> bool:
    """Tell whether somebody rolled the head back over a version, and nothing new came since."""
    return version in head.gone_over


def version_report(record: VersionRecord, *, new: bool, **facts: Any) -> StepReport:
    """Report a version as the step `snapshot` does."""
    rows = record.counts["selected"]
    about = {
        "version": record.version,
        "path": record.path,
        "rows": rows,
        "new": new,
        "trial": record.trial,
        "same_as": record.same_as,
    }
    counts = Counts(rows, rows, 0)
    return StepReport(StepName.SNAPSHOT, record.day, counts, facts=about | facts)


def _gone_over(target: int, head: VersionRecord | None) -> list[int]:
    """List the head, what came between it and the target, and what earlier rollbacks went over."""
    if head is None:
        return []
    return sorted({*head.gone_over, *range(target + 1, head.version), head.version} - {target})


def _of_like_files(recipe: Recipe, services: Services) -> Iterator[tuple[VersionRecord, Recipe]]:
    wanted = (recipe.pool, recipe.tasks, recipe.sources, recipe.full, recipe.messages)
    for record in newest_versions(services.engine):
        if record.recipe is not None:
            other = Recipe(**record.recipe)
            if wanted == (other.pool, other.tasks, other.sources, other.full, other.messages):
                yield record, other


def _content_id(recipe: Recipe, services: Services) -> str:
    picks = services.storage.read_table(recipe.selection, ["instance_key"])
    asked = {name: v for name, v in recipe.parameters.items() if name not in _OF_THE_METHOD}
    asked |= {"asked": min(recipe.parameters.get("asked", picks.num_rows), picks.num_rows)}
    empty = empty_files(services.engine, recipe.instances)
    return digest(
        picks["instance_key"].to_pylist(),
        [path for path in recipe.instances if path not in empty],
        [recipe.pool, recipe.tasks, recipe.sources, recipe.full, recipe.messages],
        asked,
        recipe.parameters.get("selection", {}).get("alpha"),
    )
