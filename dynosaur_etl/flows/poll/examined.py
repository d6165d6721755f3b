"""What the examination of a candidate came to, and the rows that tell of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Card, Counts, Reject, Verdict
from dynosaur_etl.domain.reasons import EarlierRows, Reason, Stage, earlier_rows
from dynosaur_etl.domain.text import clean_json, shorten
from dynosaur_etl.flows.runtime.compartments import alarm_of
from dynosaur_etl.forms.form import FoundForm
from dynosaur_etl.hub.configs import listed_splits
from dynosaur_etl.hub.filters import binding_of, known_languages
from dynosaur_etl.hub.generators import (
    generators_of,
    tags_of_generation,
    words_of_generation,
)
from dynosaur_etl.hub.rights.binding import Binding
from dynosaur_etl.hub.rows import ConfigSample
from dynosaur_etl.hub.same_rows import Marks
from dynosaur_etl.hub.sources import ConfigOutcome
from dynosaur_etl.store.facts.mirrors import MIRRORS
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import CountedReject, NamedFile, StepOutput
from dynosaur_etl.store.storage import StoredFile
from dynosaur_etl.store.tables import ConfigRow, RevisionRow, VerdictRow

_LONGEST_DETAIL = 500
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
        licences: that hold, whatever becomes of the rows; None: no card was found in order.
        mirrors: the older datasets that have the rows of one of its configs.
        notes: what the kept configs are, who wrote them, and what of them was not read.
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
    licences: list[str] | None = None
    notes: list[str] = field(default_factory=list)
    mirrors: list[str] = field(default_factory=list)

    def drop(self, verdict: Verdict) -> "Examined":
        self.reason, self.detail = verdict.reason, verdict.detail
        self.card, self.configs, self.files, self.sources, self.notes = None, [], [], {}, []
        return self

    def keep_card(self, card: Card) -> None:
        self.card = _card_row(card)
        self.notes += words_of_generation((), tags_of_generation(card.tags))
        self.licences = self.card["licences"]

    def add_languages(self, languages: Sequence[str]) -> None:
        """Add languages that rows show where the card leaves them open."""
        if languages and self.card is not None:
            self.card["languages"] = sorted({*languages, *self.card["languages"]})

    def keep_config(
        self,
        outcome: ConfigOutcome,
        sample: ConfigSample,
        stored: StoredFile,
        marks: Marks,
        form: FoundForm | None = None,
    ) -> None:
        config, splits = sample.config, outcome.splits
        self.files.append({"name": config.subject, **asdict(stored)})
        if outcome.source != "repository":
            self.sources[config.name] = outcome.source
        if splits.held_back:
            names = listed_splits(splits.held_back)
            self.reject_part(config.name, Reason.SPLIT_HELD_BACK, names, len(splits.held_back))
        for values in sample.unreadable:
            part = f"{config.name}/{values.field}"
            self.reject_part(part, Reason.VALUE_UNREADABLE, values.why, values.number)
        if form is not None:
            self.notes.append(f"{config.name} is {form.words}")
        writers = words_of_generation(generators_of(sample.table, form is not None), ())
        self.notes += [f"{config.name} {words}" for words in writers]
        self.notes += _unread(sample, splits.of_other_formats)
        self.configs.append(
            {
                "name": config.name,
                "features": dict(config.features),
                "splits": dict(config.splits),
                "sample_path": stored.path,
                "reading": {name: read.as_json() for name, read in sample.reading.items()},
                "form": None if form is None else form.to_json(),
                "row_marks": list(marks.rows),
                "file_marks": list(marks.files),
            }
        )

    def reject_part(self, part: str, reason: Reason, detail: str, number: int = 1) -> None:
        subject = f"{self.dataset_id}@{self.revision[:12]}/{part}"
        row = {"subject": subject, "reason": str(reason), "detail": detail, "number": number}
        self.rejects.append(row)

    def drop_without_config(self) -> "Examined":
        """Drop a dataset none of whose configs is left; one shared reason becomes its own."""
        reasons = sorted({str(row["reason"]) for row in self.rejects} - {Reason.ROW_TOO_LARGE})
        if len(reasons) == 1:
            return self.drop(Verdict(Reason(reasons[0]), str(self.rejects[0]["detail"])))
        return self.drop(Verdict(Reason.NO_USABLE_CONFIG, ", ".join(reasons)))


def output_of(
    day: GrowthDay, taken: int, examined: Sequence[Examined], seed: int, lost: int
) -> StepOutput:
    """Word what the day's candidates came to; those of `taken` that are missing are deferred.

    `lost` of them have a verdict that stands.
    """
    kept = [item for item in examined if item.reason is None]
    dropped = [_dropped(item) for item in examined if item.reason is not None]
    parts = [_part(row) for item in examined for row in item.rejects]
    return StepOutput(
        counts=Counts(
            taken=taken,
            kept=len(kept),
            rejected=len(dropped),
            deferred=taken - len(examined),
        ),
        rejects=dropped,
        further_rejects=parts,
        stages=(Stage.EXAMINE, Stage.CONFIGS),
        tables={
            VerdictRow: [_verdict_row(day, item) for item in examined],
            RevisionRow: [_revision_row(day, item) for item in kept],
            ConfigRow: [_config_row(day, item, row, seed) for item in kept for row in item.configs],
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
            MIRRORS: {item.dataset_id: item.mirrors for item in examined if item.mirrors},
            "alarm": alarm_of([*dropped, *parts]),
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
        "detail": item.detail or _told(item),
        "licences": item.licences,
        "earlier": str(_earlier(item)),
    }


def _earlier(item: Examined) -> EarlierRows:
    reason = None if item.reason is None else Reason(item.reason)
    if reason is Reason.UNFORESEEN_ERROR and item.licences is None:  # nothing is known of its card
        return EarlierRows.AS_BEFORE
    return earlier_rows(reason, (Reason(row["reason"]) for row in item.rejects))


def _configs_by_source(kept: Sequence[Examined]) -> dict[str, int]:
    used = Counter(source for item in kept for source in item.sources.values())
    return {f"configs_from_{source}": used[source] for source in _SOURCE_WORDS}


def _told(item: Examined) -> str:
    """Tell of a kept dataset which configs came from elsewhere than files, and what is unread."""
    told = []
    for source, words in _SOURCE_WORDS.items():
        names = sorted(name for name, used in item.sources.items() if used == source)
        if names:
            told.append(f"from {words}: {', '.join(names)}")
    return shorten("; ".join([*told, *item.notes]), _LONGEST_DETAIL)


def _unread(sample: ConfigSample, of_other_formats: int) -> Iterator[str]:
    """Yield what was not read of a config, in words."""
    name = sample.config.name
    for split, reading in sample.reading.items():
        if reading.unread:
            yield f"{name}, {split}: {reading.unread}"
    if of_other_formats:
        yield f"{name}: {of_other_formats} files of other formats not read"


def _revision_row(day: GrowthDay, item: Examined) -> dict[str, Any]:
    return {
        "day": str(day),
        "dataset_id": item.dataset_id,
        "sha": item.revision,
        **(item.card or {}),
    }


def _config_row(
    day: GrowthDay, item: Examined, config: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    return {
        "day": str(day),
        "dataset_id": item.dataset_id,
        "revision": item.revision,
        "sample_seed": seed,
        **config,
    }


def _card_row(card: Card) -> dict[str, Any]:
    binding = binding_of(card)
    row = {
        "licences": list(binding.licences),
        "languages": known_languages(card),
        "pretty_name": card.pretty_name,
        "summary": card.summary,
        "card_sha256": card.sha256,
        "licence_conflict": _conflict(card, binding),
    }
    return dict(clean_json(row))


def _conflict(card: Card, binding: Binding) -> str:
    """Word a conflict of text and YAML that leaves the dataset in use."""
    if not binding.named:
        return ""
    return f"{', '.join(card.licences)} in the YAML, but the text says: {binding.sentence}"


def _stored_file(row: Mapping[str, Any]) -> StoredFile:
    return StoredFile(row["path"], row["sha256"], row["rows"], row["bytes"])
