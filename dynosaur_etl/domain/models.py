"""The things that flow from the Hub to a snapshot, as plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from dynosaur_etl.domain.features import Field, fields_of
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.jsonable import Inlined
from dynosaur_etl.domain.reasons import Reason, Stage


@dataclass(frozen=True)
class Told:
    """What the Hub's list tells of a card's YAML, in the words in which `Card` has it."""

    licences: tuple[str, ...]
    languages: tuple[str, ...]
    licence_name: str = ""


@dataclass(frozen=True)
class Listing:
    """What one line of the Hub's list says of a dataset today.

    Attributes:
        told: of the card at `sha`; None where only the card itself can tell.
    """

    id: str
    created_at: datetime
    last_modified: datetime
    sha: str | None
    tags: tuple[str, ...] = ()
    gated: bool = False
    private: bool = False
    disabled: bool = False
    downloads: int = 0
    likes: int = 0
    told: Told | None = None

    @property
    def owner(self) -> str:
        return self.id.partition("/")[0] if "/" in self.id else ""


@dataclass(frozen=True)
class Commit:
    """One commit of a dataset's main branch."""

    sha: str
    date: datetime
    title: str


@dataclass(frozen=True)
class Revision:
    """A dataset pinned to the newest commit at or before a growth day's end."""

    dataset_id: str
    sha: str
    committed_at: datetime


@dataclass(frozen=True)
class Statement:
    """A sentence of a card, and the heading or the key of the YAML that it stands under."""

    place: str
    text: str


@dataclass(frozen=True)
class Card:
    """What is used of a dataset card.

    Attributes:
        licences: of the YAML, in one spelling (`domain.licences`), in the card's order; empty
            where none is given.
        licence_name: what the card calls a licence that has no identifier (`license_name`).
        languages: codes in lower case; empty where none is given.
        summary: the description as plain text, without HTML, code and boilerplate.
        statements: the sentences, of YAML and text, that may speak of rights.
        configs: the `configs` entry of the YAML, as it stands there.
        sha256: of the card's bytes.
        infos: the `dataset_info` of the YAML, an entry a config, as it stands there.
    """

    licences: tuple[str, ...]
    languages: tuple[str, ...]
    tags: tuple[str, ...]
    pretty_name: str
    summary: str
    statements: tuple[Statement, ...]
    configs: tuple[Mapping[str, Any], ...]
    sha256: str
    licence_name: str = ""
    infos: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Keep, or drop with a reason and a detail that tells what was found."""

    reason: Reason | None = None
    detail: str = ""

    @property
    def keep(self) -> bool:
        return self.reason is None


KEEP = Verdict()


@dataclass(frozen=True)
class Reject:
    """A thing that was left out: where, what, why, and what was found."""

    stage: Stage
    subject: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True)
class Config:
    """A named subset of a dataset at a revision, with its features and where its rows are.

    Attributes:
        features: the JSON form of the features.
        splits: rows of each split where known, else -1.
    """

    dataset_id: str
    revision: str
    name: str
    features: Mapping[str, Any]
    splits: Mapping[str, int]

    @property
    def fields(self) -> tuple[Field, ...]:
        return fields_of(self.features)

    @property
    def subject(self) -> str:
        return f"{self.dataset_id}@{self.revision[:12]}/{self.name}"


class Mode(StrEnum):
    """How a task came about.

    Two prompts are those of Dynosaur (section 3.1): with and without the card's description. A
    native task is what an instruction set is, without a prompt.
    """

    AWARE = "aware"
    UNAWARE = "unaware"
    NATIVE = "native"


NO_MODEL = "none"
"""Stands where an author would: no model wrote the wording of a native task."""


class PromptPreset(StrEnum):
    """The wording of the request for tasks."""

    TIGHT = "tight"
    PAPER = "paper"


class TurnUse(StrEnum):
    """How many instances a conversation of an instruction set gives."""

    CONVERSATION = "conversation"
    TURN = "turn"


class ReasoningUse(StrEnum):
    """What becomes of the thoughts of an instruction set: `inline` puts them before the answer."""

    APART = "apart"
    INLINE = "inline"
    DROP = "drop"


class Strictness(StrEnum):
    """How much is asked of a proposal; each level asks for all that the one before it does.

    `lenient` asks for what rows can fill and repairs what it can, `paper` for what the released
    code of Dynosaur asks for, `strict` for everything that the sampled rows can show.
    """

    LENIENT = "lenient"
    PAPER = "paper"
    STRICT = "strict"

    def includes(self, other: "Strictness") -> bool:
        """Return whether this level asks for all that the other one does."""
        levels = list(Strictness)
        return levels.index(self) >= levels.index(other)


@dataclass(frozen=True)
class Task:
    """A proposal that passed every validity filter.

    Attributes:
        label_space: the closed list of outputs, sorted; empty where the output is open.
        licence: the licences of the source, joined by `, `.
        request_key: the ledger's key of the request that proposed it; of a native task, its own.
        form: of the instruction set that a native task is; empty for a proposed one.
    """

    dataset_id: str
    revision: str
    config: str
    instruction: str
    input_fields: tuple[str, ...]
    output_field: str
    label_space: tuple[str, ...]
    mode: Mode
    prompt_version: str
    licence: str
    request_key: str
    form: str = ""

    @property
    def key(self) -> str:
        """The same task of the same config has the same key at any revision and on any day."""
        return digest(
            "task",
            self.dataset_id,
            self.config,
            self.instruction,
            self.input_fields,
            self.output_field,
            self.label_space,
        )


@dataclass(frozen=True)
class Counts:
    """What went into a step and what became of it; the parts sum up to `taken`."""

    taken: int
    kept: int
    rejected: int
    deferred: int = 0


OVER_CAP = "over_cap"
"""The fact of a step that counts what it deferred to another day: a rerun does not take it."""


class StepName(StrEnum):
    """The steps in the order of the data; the value stands in the table `growth_runs`."""

    SYNC = "sync"
    IMPORT = "import"
    CANDIDATES = "candidates"
    EXAMINE = "examine"
    PROPOSE = "propose"
    CRITICISE = "criticise"
    VALIDATE = "validate"
    FILL = "fill"
    SCORE = "score"
    EMBED = "embed"
    SELECT = "select"
    SNAPSHOT = "snapshot"
    VERIFY = "verify"
    TRAIN = "train"
    EVALUATE = "evaluate"
    PUBLISH = "publish"
    AUDIT = "audit"


WAITING = "waiting"
"""The fact of a step that counts what it deferred by reason, where it knows the reasons."""

STANDS = "stands"
"""The fact of an attempt that replaced nothing, as it was not whole: how much stands instead."""


@dataclass(frozen=True)
class StepReport:
    """What a step did.

    Attributes:
        reasons: rejects by reason code.
        facts: further numbers and paths that the step's readers want, JSON-able.
    """

    step: StepName
    day: str
    counts: Inlined[Counts]
    reasons: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def replaced_nothing(self) -> bool:
        """Whether an earlier output stands, as this one lacks what is deferred of it."""
        return STANDS in self.facts

    @property
    def unfinished(self) -> int:
        """How much a rerun of the step would take up."""
        if self.replaced_nothing:
            return max(self.counts.deferred, 1)
        return self.counts.deferred - int(self.facts.get(OVER_CAP, 0))
