"""The third DAG's steps: select from the pool up to a day, snapshot it, verify the snapshot."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import StepName, StepReport
from dynosaur_etl.flows.runtime.embeddings import EmbeddingFacts, embedding_facts
from dynosaur_etl.flows.runtime.scorers import chosen_scorer
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import require_step
from dynosaur_etl.flows.select.selection import SELECTION_FILES, select
from dynosaur_etl.flows.snapshot.heads import (
    is_set_aside,
    point_at,
    version_report,
    with_same_content,
)
from dynosaur_etl.flows.snapshot.versions import (
    VersionDraft,
    build_version,
    recipe_of,
    verify_snapshot,
)
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.facts import growth_steps
from dynosaur_etl.store.facts.snapshot_versions import VersionRecord, head_version
from dynosaur_etl.store.steps import files_of

__all__ = ["build_snapshot", "newest_grown_day", "select", "verify_snapshot"]


def newest_grown_day(services: Services) -> str | None:
    """Return the newest day that can be selected from; None before the first instance.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    return growth_steps.newest_grown_day(services.engine)


def build_snapshot(
    day: GrowthDay,
    services: Services,
    k: int | None = None,
    alpha: float | None = None,
    progress: Progress = silent,
    *,
    trial: bool = False,
) -> StepReport:
    """Select, and make the selection the head: as it is, by a new number, or as the next version.

    Content that is the head's already, or that somebody has rolled back, makes no version; content
    of an earlier version gets a new number that points at its files. A trial is a version that
    never is the head.

    The report's facts hold `version`, `path`, `rows`, `asked`, `pool`, whether the version is
    `new`, and the version that was `set_aside` where a rollback holds.

    Raises:
        InvalidInput: as for `select`.
        StoreUnavailable: the storage has no room; no version is left behind.
    """
    selected = select(day, services, k, alpha, progress)
    trainable = selected.counts.kept - selected.facts["held_out"]
    about = {"asked": selected.facts["asked"], "pool": trainable}
    done = require_step(services, str(day), StepName.SELECT)
    settings = services.settings
    form = (settings.snapshot_full, settings.snapshot_messages)
    fingerprint = digest("snapshot", done.fingerprint, done.output, form)
    with locked(services.engine, "snapshots"):
        head = head_version(services.engine)
        if head is not None and head.fingerprint == fingerprint:
            return version_report(head, new=False, **about)
        files = {
            kind: files_of(services.engine, kind, str(day))[0].path for kind in SELECTION_FILES
        }
        parameters = _parameters(services, selected)
        recipe, scan = recipe_of(services, selected, files, asdict(parameters))
        same = with_same_content(recipe, services)
        if same is not None:
            return _known_content(same, head, services, fingerprint, about, trial=trial)
        draft = VersionDraft(
            parent=None if head is None else head.version,
            day=selected.day,
            fingerprint=fingerprint,
            trial=trial,
            facts={
                "inputs": selected.facts["inputs"],
                "base": selected.facts["base"],
                "tradeoff": selected.facts.get("tradeoff", []),
            },
        )
        return version_report(build_version(services, recipe, scan, draft), new=True, **about)


def _known_content(
    same: VersionRecord,
    head: VersionRecord | None,
    services: Services,
    fingerprint: str,
    about: Mapping[str, Any],
    *,
    trial: bool,
) -> StepReport:
    """Report content that a version has; where it is to be the head, by a new number."""
    if trial or (head is not None and head.path == same.path):
        return version_report(same if trial or head is None else head, new=False, **about)
    if head is not None and is_set_aside(head, same.version):
        return version_report(head, new=False, set_aside=same.version, **about)
    return version_report(point_at(same, services, {}, fingerprint), new=True, **about)


@dataclass(frozen=True)
class _Parameters:
    """What a version's manifest says of how it was selected; its field names are keys there."""

    selection: Mapping[str, Any]
    method: str
    growth: str
    base: Any
    kept: Any
    held_out_share: float
    held_out_task_share: float
    asked: int
    scorer: str
    scorer_version: str
    embedding: EmbeddingFacts
    instances_per_task: int
    instructions_per_row: int
    seed: int


def _parameters(services: Services, selected: StepReport) -> _Parameters:
    scorer = chosen_scorer(services)
    return _Parameters(
        selection=selected.facts["parameters"],
        method=selected.facts["method"],
        growth=services.settings.selection_growth,
        base=selected.facts["base"],
        kept=selected.facts["kept"],
        held_out_share=selected.facts["held_out_share"],
        held_out_task_share=selected.facts.get("held_out_task_share", 0),
        asked=selected.facts["asked"],
        scorer=scorer.name,
        scorer_version=scorer.version,
        embedding=embedding_facts(services),
        instances_per_task=services.settings.instances_per_task,
        instructions_per_row=services.settings.instructions_per_row,
        seed=services.settings.seed,
    )
