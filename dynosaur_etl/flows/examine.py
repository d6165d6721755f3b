"""Examining a day's candidates: card, filters, configs, features and sampled rows.

Each candidate is examined at its pinned revision and ends in one verdict. What is done is kept
candidate by candidate, so that a killed run goes on where it was.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import HubRefused, HubUnavailable
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import (
    KEEP,
    Card,
    Counts,
    Listing,
    Reject,
    Revision,
    StepReport,
    Verdict,
)
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.flows.services import Progress, Services, silent
from dynosaur_etl.flows.step import require_step, run_step
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.filters import (
    examine_card,
    examine_language,
    examine_listing,
    leaves_language_open,
    stated_languages,
)
from dynosaur_etl.hub.ladder import SampleRules, Source, sample_dataset
from dynosaur_etl.hub.language import detect_language
from dynosaur_etl.hub.rows import ConfigSample
from dynosaur_etl.hub.tags import examine_tags
from dynosaur_etl.settings import Settings
from dynosaur_etl.store.steps import (
    CountedReject,
    NamedFile,
    StepOutput,
    load_checkpoints,
    save_checkpoint,
)
from dynosaur_etl.store.storage import StoredFile
from dynosaur_etl.store.tables import (
    CandidateRow,
    ConfigRow,
    DatasetRow,
    RevisionRow,
    VerdictRow,
)

EXAMINE_VERSION = "examine-2"
SAMPLES = "samples"
_MOST_DEFERRED = 0.2


@dataclass
class Examined:
    """What one candidate came to, in the form in which it is checkpointed.

    Attributes:
        viewed: the configs whose rows came from the dataset viewer, not from the repository.
    """

    dataset_id: str
    revision: str
    reason: str | None = None
    detail: str = ""
    card: dict[str, Any] | None = None
    configs: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    viewed: list[str] = field(default_factory=list)

    def drop(self, verdict: Verdict) -> "Examined":
        self.reason, self.detail = verdict.reason, verdict.detail
        self.card, self.configs, self.files, self.viewed = None, [], [], []
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
        "multilingual": settings.multilingual,
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
    for row, listing in candidates:
        told = _examine_listed(services, row, listing)
        if told is not None:
            done[row.dataset_id] = told
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


def _examine_listed(
    services: Services, candidate: CandidateRow, listing: Listing
) -> Examined | None:
    """Give what the Hub's list alone settles; None where the repository has to be asked."""
    if candidate.revision is None:
        return None
    verdict = examine_listing(listing)
    if verdict.keep and listing.sha == candidate.revision:  # the tags are those of the revision
        verdict = examine_tags(listing.tags, _card_filter(services.settings))
    return None if verdict.keep else Examined(listing.id, candidate.revision).drop(verdict)


def _card_filter(settings: Settings) -> Callable[[Card], Verdict]:
    return partial(
        examine_card,
        licences=settings.licences,
        languages=settings.languages,
        multilingual=settings.multilingual,
    )


def _examine(services: Services, candidate: CandidateRow, listing: Listing) -> Examined:
    if candidate.revision is None or candidate.committed_at is None:
        verdict = Verdict(Reason.NO_REVISION, "the Hub shows no commit of it")
        return Examined(listing.id, "").drop(verdict)
    revision = Revision(listing.id, candidate.revision, candidate.committed_at)
    examined = Examined(listing.id, revision.sha)
    try:
        return _examine_revision(services, listing, revision, examined)
    except HubRefused as error:
        return examined.drop(Verdict(error.reason, str(error)))


def _examine_revision(
    services: Services, listing: Listing, revision: Revision, examined: Examined
) -> Examined:
    data = services.hub.card_bytes(revision.dataset_id, revision.sha)
    if data is None:
        return examined.drop(Verdict(Reason.NO_CARD, "README.md is missing"))
    card = parse_card(data)
    verdict = _card_filter(services.settings)(card)
    if not verdict.keep:
        return examined.drop(verdict)
    examined.card = _card_row(card)
    return _examine_configs(services, listing, revision, card, examined)


def _examine_configs(
    services: Services, listing: Listing, revision: Revision, card: Card, examined: Examined
) -> Examined:
    settings = services.settings
    rules = SampleRules(settings.configs_per_dataset, settings.sample_rows, settings.seed)
    is_newest = listing.sha in (None, revision.sha)
    for outcome in sample_dataset(services.hub, revision, card, rules, is_newest):
        verdict = outcome.verdict
        if outcome.sample is not None and verdict.keep:
            verdict = _examine_text(card, outcome.sample, settings.languages, examined)
        if verdict.reason is not None:
            _reject_part(examined, outcome.name, verdict.reason, verdict.detail)
        if outcome.sample is not None and outcome.sample.oversized:
            number = outcome.sample.oversized
            _reject_part(examined, outcome.name, Reason.ROW_TOO_LARGE, "rows", number)
        if outcome.sample is not None and verdict.keep:
            _keep_config(services, outcome.sample, outcome.source, examined)
    if not examined.configs:
        return examined.drop(_no_config(examined.rejects))
    return examined


def _examine_text(
    card: Card, sample: ConfigSample, languages: Sequence[str], examined: Examined
) -> Verdict:
    """Judge a config by the language of its rows, which stands in for one that the card lacks."""
    if not leaves_language_open(card, languages):
        return KEEP
    detected = detect_language(sample)
    verdict = examine_language(card, detected, languages)
    if verdict.keep and detected is not None and examined.card is not None:
        examined.card["languages"] = sorted({detected, *examined.card["languages"]})
    return verdict


def _keep_config(
    services: Services, sample: ConfigSample, source: Source, examined: Examined
) -> None:
    stored = services.storage.write_table(SAMPLES, sample.table)
    config = sample.config
    examined.files.append({"name": config.subject, **asdict(stored)})
    if source == "viewer":
        examined.viewed.append(config.name)
    examined.configs.append(
        {
            "name": config.name,
            "features": dict(config.features),
            "splits": dict(config.splits),
            "sample_path": stored.path,
            "sample_seed": services.settings.seed,
        }
    )


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
        facts={
            "configs": sum(len(item.configs) for item in kept),
            "configs_from_viewer": sum(len(item.viewed) for item in kept),
        },
    )


def _verdict_row(day: GrowthDay, item: Examined) -> dict[str, Any]:
    return {
        "day": str(day),
        "dataset_id": item.dataset_id,
        "revision": item.revision,
        "reason": item.reason,
        "detail": item.detail or _sources(item.viewed),
    }


def _sources(viewed: Sequence[str]) -> str:
    """Tell of a kept dataset which configs did not come from the repository's own files."""
    return f"from the dataset viewer: {', '.join(sorted(viewed))}"[:500] if viewed else ""


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
        "languages": stated_languages(card),
        "pretty_name": card.pretty_name,
        "summary": card.summary,
        "card_sha256": card.sha256,
    }
    return dict(clean_json(row))


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
