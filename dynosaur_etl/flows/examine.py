"""Examining a day's candidates: card, filters, configs, features and sampled rows.

Each candidate is examined at its pinned revision and ends in one verdict. What is done is kept
candidate by candidate, so that a killed run goes on where it was.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import (
    Card,
    Counts,
    Listing,
    Reject,
    Revision,
    StepReport,
    Verdict,
)
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.services import Progress, Services, silent
from dynosaur_etl.flows.step import require_step, run_step
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.configs import ConfigFiles, plan_configs
from dynosaur_etl.hub.filters import examine_card, examine_config, examine_listing
from dynosaur_etl.hub.rows import sample_config
from dynosaur_etl.store.steps import (
    CountedReject,
    NamedFile,
    StepOutput,
    load_checkpoints,
    save_checkpoint,
    storable,
)
from dynosaur_etl.store.storage import StoredFile
from dynosaur_etl.store.tables import (
    CandidateRow,
    ConfigRow,
    DatasetRow,
    RevisionRow,
    VerdictRow,
)

EXAMINE_VERSION = "examine-1"
SAMPLES = "samples"
_MOST_DEFERRED = 0.2


@dataclass
class Examined:
    """What one candidate came to, in the form in which it is checkpointed."""

    dataset_id: str
    revision: str
    reason: str | None = None
    detail: str = ""
    card: dict[str, Any] | None = None
    configs: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)

    def drop(self, verdict: Verdict) -> "Examined":
        self.reason, self.detail = verdict.reason, verdict.detail
        self.card, self.configs, self.files = None, [], []
        return self


def examine_candidates(
    day: GrowthDay, services: Services, progress: Progress = silent
) -> StepReport:
    """Give every candidate of the day its verdict, and sample the rows of what is kept.

    Candidates for which the Hub gave no usable answer are deferred to the next run.

    Raises:
        HubUnavailable: more than a fifth of the candidates would have to be deferred; what was
            examined is kept for the next run.
    """
    settings = services.settings
    rules = {
        "version": EXAMINE_VERSION,
        "candidates": require_step(services, str(day), "candidates").output,
        "licences": settings.licences,
        "languages": settings.languages,
        "configs_per_dataset": settings.configs_per_dataset,
        "sample_rows": settings.sample_rows,
        "seed": settings.seed,
    }

    def work() -> StepOutput:
        candidates = _candidates(services, day)
        examined = _examine_all(services, day, candidates, digest(rules), progress)
        return _output(day, candidates, examined)

    return run_step(services, str(day), "examine", rules, work)


def _candidates(services: Services, day: GrowthDay) -> list[tuple[CandidateRow, Listing]]:
    query = (
        select(CandidateRow, DatasetRow)
        .join(DatasetRow, DatasetRow.id == CandidateRow.dataset_id)
        .where(CandidateRow.day == str(day))
        .order_by(CandidateRow.dataset_id)
    )
    with Session(services.engine, expire_on_commit=False) as session:
        return [(candidate, _listing(dataset)) for candidate, dataset in session.execute(query)]


def _examine_all(
    services: Services,
    day: GrowthDay,
    candidates: Sequence[tuple[CandidateRow, Listing]],
    fingerprint: str,
    progress: Progress,
) -> list[Examined]:
    stored = load_checkpoints(services.engine, str(day), "examine", fingerprint)
    done = {item: Examined(**result) for item, result in stored.items()}
    todo = [(row, listing) for row, listing in candidates if row.dataset_id not in done]
    failures: list[str] = []

    def examine(pair: tuple[CandidateRow, Listing]) -> Examined | None:
        if len(failures) > _MOST_DEFERRED * len(candidates):
            return None  # the Hub is down: do not knock on for every candidate left
        try:
            return _examine(services, *pair)
        except HubUnavailable as error:
            failures.append(f"{pair[0].dataset_id}: {error}")
            return None

    with ThreadPoolExecutor(services.settings.hub_concurrency) as pool:
        for result in pool.map(examine, todo):
            if result is not None:
                done[result.dataset_id] = result
                save_checkpoint(
                    services.engine, str(day), "examine", result.dataset_id, fingerprint,
                    asdict(result),
                )  # fmt: skip
            progress(len(done), len(candidates))
    if len(failures) > _MOST_DEFERRED * len(candidates):
        raise HubUnavailable(
            f"{len(failures)} of {len(candidates)} candidates of {day} had no usable answer; "
            f"{len(done)} are examined and kept for the next run; the first: {failures[0]}"
        )
    return [done[name] for name in sorted(done)]


def _examine(services: Services, candidate: CandidateRow, listing: Listing) -> Examined:
    if candidate.revision is None or candidate.committed_at is None:
        return Examined(listing.id, "").drop(
            Verdict(Reason.NO_REVISION, "the Hub shows no commit of it")
        )
    examined = Examined(listing.id, candidate.revision)
    revision = Revision(listing.id, candidate.revision, candidate.committed_at)
    try:
        return _examine_revision(services, listing, revision, examined)
    except HubRefused as error:
        return examined.drop(Verdict(error.reason, str(error)))


def _examine_revision(
    services: Services, listing: Listing, revision: Revision, examined: Examined
) -> Examined:
    verdict = examine_listing(listing)
    if not verdict.keep:
        return examined.drop(verdict)
    data = services.hub.card_bytes(revision.dataset_id, revision.sha)
    if data is None:
        return examined.drop(Verdict(Reason.NO_CARD, "README.md is missing"))
    card = parse_card(data)
    verdict = examine_card(card, services.settings.licences, services.settings.languages)
    if not verdict.keep:
        return examined.drop(verdict)
    examined.card = _card_row(card)
    return _examine_configs(services, revision, card, examined)


def _examine_configs(
    services: Services, revision: Revision, card: Card, examined: Examined
) -> Examined:
    files = services.hub.files(revision.dataset_id, revision.sha)
    planned, rejects = plan_configs(card, files, services.settings.configs_per_dataset)
    for reject in rejects:
        _reject_part(examined, reject.subject, reject.reason, reject.detail)
    if not planned and not rejects:
        return examined.drop(Verdict(Reason.NO_DATA_FILES, f"{len(files)} files"))
    for config_files in planned:
        verdict = _sample(services, revision, config_files, examined)
        if not verdict.keep and verdict.reason is not None:
            _reject_part(examined, config_files.name, verdict.reason, verdict.detail)
    if not examined.configs:
        return examined.drop(_no_config(examined.rejects))
    return examined


def _sample(
    services: Services, revision: Revision, files: ConfigFiles, examined: Examined
) -> Verdict:
    settings = services.settings
    try:
        sample = sample_config(services.hub, revision, files, settings.sample_rows, settings.seed)
    except HubRefused as error:
        return Verdict(error.reason, str(error))
    verdict = examine_config(sample.config)
    if not verdict.keep:
        return verdict
    if sample.oversized:
        _reject_part(examined, files.name, Reason.ROW_TOO_LARGE, "rows", sample.oversized)
    if not sample.table.num_rows:
        return Verdict(Reason.NO_ROWS, "its files hold no rows")
    stored = services.storage.write_table(SAMPLES, sample.table)
    config = sample.config
    examined.files.append({"name": config.subject, **asdict(stored)})
    examined.configs.append(
        {
            "name": config.name,
            "features": dict(config.features),
            "splits": dict(config.splits),
            "sample_path": stored.path,
            "sample_seed": settings.seed,
        }
    )
    return verdict


def _reject_part(
    examined: Examined, part: str, reason: Reason, detail: str, number: int = 1
) -> None:
    subject = f"{examined.dataset_id}@{examined.revision[:12]}/{part}"
    row = {"subject": subject, "reason": str(reason), "detail": detail, "number": number}
    examined.rejects.append(row)


def _no_config(rejects: Sequence[Mapping[str, Any]]) -> Verdict:
    """Word the verdict of a dataset none of whose configs is left; one shared reason is its own."""
    reasons = sorted({str(reject["reason"]) for reject in rejects})
    if len(reasons) == 1:
        return Verdict(Reason(reasons[0]), str(rejects[0]["detail"]))
    return Verdict(Reason.NO_USABLE_CONFIG, ", ".join(reasons))


def _output(day: GrowthDay, candidates: Sequence[Any], examined: Sequence[Examined]) -> StepOutput:
    kept = [item for item in examined if item.reason is None]
    dropped = [
        CountedReject(Reject(Stage.EXAMINE, item.dataset_id, Reason(item.reason), item.detail))
        for item in examined
        if item.reason is not None
    ]
    parts = [
        CountedReject(
            Reject(Stage.CONFIGS, row["subject"], Reason(row["reason"]), row["detail"]),
            row["number"],
        )
        for item in examined
        for row in item.rejects
    ]
    return StepOutput(
        counts=Counts(
            taken=len(candidates),
            kept=len(kept),
            rejected=len(dropped),
            deferred=len(candidates) - len(examined),
        ),
        rejects=dropped,
        further_rejects=parts,
        stages=(Stage.EXAMINE, Stage.CONFIGS),
        tables={
            VerdictRow: [_verdict_row(day, item) for item in examined],
            RevisionRow: [_revision_row(day, item) for item in kept],
            ConfigRow: [_config_row(day, item, row) for item in kept for row in item.configs],
        },
        files=[
            NamedFile(SAMPLES, row["name"], _stored_file(row))
            for item in kept
            for row in item.files
        ],
        file_kinds=(SAMPLES,),
        facts={"configs": sum(len(item.configs) for item in kept)},
    )


def _verdict_row(day: GrowthDay, item: Examined) -> dict[str, Any]:
    return {
        "day": str(day),
        "dataset_id": item.dataset_id,
        "revision": item.revision,
        "reason": item.reason,
        "detail": item.detail,
    }


def _revision_row(day: GrowthDay, item: Examined) -> dict[str, Any]:
    return {
        "day": str(day),
        "dataset_id": item.dataset_id,
        "sha": item.revision,
        **(item.card or {}),
    }


def _config_row(day: GrowthDay, item: Examined, config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "day": str(day),
        "dataset_id": item.dataset_id,
        "revision": item.revision,
        **config,
    }


def _card_row(card: Card) -> dict[str, Any]:
    row = {
        "licences": list(card.licences),
        "languages": list(card.languages),
        "pretty_name": card.pretty_name,
        "summary": card.summary,
        "card_sha256": card.sha256,
    }
    return dict(storable(row))


def _stored_file(row: Mapping[str, Any]) -> StoredFile:
    return StoredFile(row["path"], row["sha256"], row["rows"], row["bytes"])


def _listing(row: DatasetRow) -> Listing:
    return Listing(
        id=row.id,
        created_at=row.created_at.astimezone(UTC),
        last_modified=row.last_modified.astimezone(UTC),
        sha=row.sha,
        tags=tuple(row.tags),
        gated=row.gated,
        private=row.private,
        disabled=row.disabled,
        downloads=row.downloads,
        likes=row.likes,
    )
