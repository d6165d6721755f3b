"""What the examination of a candidate came to, and the rows that tell of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Card, Counts, Reject, Verdict
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.hub.filters import stated_languages
from dynosaur_etl.hub.rows import ConfigSample
from dynosaur_etl.hub.sources import SourceName
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput
from dynosaur_etl.store.storage import StoredFile
from dynosaur_etl.store.tables import ConfigRow, RevisionRow, VerdictRow

_SOURCE_WORDS = {
    "viewer": "the dataset viewer",
    "converted": "converted Parquet",
    "streaming": "streaming",
}


@dataclass
class Examined:
    """What one candidate came to, in the form in which it is checkpointed.

    Attributes:
        sources: of the configs whose rows did not come from the repository, where they came from.
    """

    dataset_id: str
    revision: str
    reason: str | None = None
    detail: str = ""
    card: dict[str, Any] | None = None
    configs: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    def drop(self, verdict: Verdict) -> "Examined":
        self.reason, self.detail = verdict.reason, verdict.detail
        self.card, self.configs, self.files, self.sources = None, [], [], {}
        return self

    def keep_card(self, card: Card) -> None:
        self.card = _card_row(card)

    def keep_config(
        self, sample: ConfigSample, source: SourceName, stored: StoredFile, seed: int
    ) -> None:
        config = sample.config
        self.files.append({"name": config.subject, **asdict(stored)})
        if source != "repository":
            self.sources[config.name] = source
        self.configs.append(
            {
                "name": config.name,
                "features": dict(config.features),
                "splits": dict(config.splits),
                "sample_path": stored.path,
                "sample_seed": seed,
            }
        )

    def reject_part(self, part: str, reason: Reason, detail: str, number: int = 1) -> None:
        subject = f"{self.dataset_id}@{self.revision[:12]}/{part}"
        row = {"subject": subject, "reason": str(reason), "detail": detail, "number": number}
        self.rejects.append(row)

    def drop_without_config(self) -> "Examined":
        """Drop a dataset none of whose configs is left; one shared reason becomes its own."""
        reasons = sorted({str(reject["reason"]) for reject in self.rejects})
        if len(reasons) == 1:
            return self.drop(Verdict(Reason(reasons[0]), str(self.rejects[0]["detail"])))
        return self.drop(Verdict(Reason.NO_USABLE_CONFIG, ", ".join(reasons)))


def output_of(day: GrowthDay, taken: int, examined: Sequence[Examined], lost: int) -> StepOutput:
    """Word what the day's candidates came to; those of `taken` that are missing are deferred.

    `lost` of them have a verdict that stands.
    """
    kept = [item for item in examined if item.reason is None]
    dropped = [_dropped(item) for item in examined if item.reason is not None]
    return StepOutput(
        counts=Counts(
            taken=taken,
            kept=len(kept),
            rejected=len(dropped),
            deferred=taken - len(examined),
        ),
        rejects=dropped,
        further_rejects=[_part(row) for item in examined for row in item.rejects],
        stages=(Stage.EXAMINE, Stage.CONFIGS),
        tables={
            VerdictRow: [_verdict_row(day, item) for item in examined],
            RevisionRow: [_revision_row(day, item) for item in kept],
            ConfigRow: [_config_row(day, item, row) for item in kept for row in item.configs],
        },
        files=[
            NamedFile(FileKind.SAMPLES, row["name"], _stored_file(row))
            for item in kept
            for row in item.files
        ],
        file_kinds=(FileKind.SAMPLES,),
        facts={
            "configs": sum(len(item.configs) for item in kept),
            **_configs_by_source(kept),
        },
        lost=lost,
    )


def _dropped(item: Examined) -> CountedReject:
    reason = Reason(item.reason or "")
    return CountedReject(Reject(Stage.EXAMINE, item.dataset_id, reason, item.detail))


def _part(row: Mapping[str, Any]) -> CountedReject:
    reject = Reject(Stage.CONFIGS, row["subject"], Reason(row["reason"]), row["detail"])
    return CountedReject(reject, row["number"])


def _verdict_row(day: GrowthDay, item: Examined) -> dict[str, Any]:
    return {
        "day": str(day),
        "dataset_id": item.dataset_id,
        "revision": item.revision,
        "reason": item.reason,
        "detail": item.detail or _sources(item.sources),
    }


def _configs_by_source(kept: Sequence[Examined]) -> dict[str, int]:
    used = Counter(source for item in kept for source in item.sources.values())
    return {f"configs_from_{source}": used[source] for source in _SOURCE_WORDS}


def _sources(sources: Mapping[str, str]) -> str:
    """Tell of a kept dataset which configs did not come from files that are read here."""
    told = []
    for source, words in _SOURCE_WORDS.items():
        names = sorted(name for name, used in sources.items() if used == source)
        if names:
            told.append(f"from {words}: {', '.join(names)}")
    return "; ".join(told)[:500]


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
