"""The tables of the product's database.

Keys are names of content or of the Hub, never counters, so that the same day gives the same rows.
The columns named in `CLOCK_COLUMNS` tell when something happened here; all others depend on the
inputs alone, but for the tables in `INDEX_TABLES`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Numeric,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

CLOCK_COLUMNS = frozenset(
    {
        "seen_at", "last_seen_at", "sent_at", "finished_at", "created_here_at", "owner_run",
        "found_on", "lifted_on", "pace", "server_id", "published_at", "server", "answered_at",
        "learnt_at", "listed_at", "tried_at", "failed_at",
    }
)  # fmt: skip
INDEX_TABLES = frozenset({"indexed_files", "content_keys", "task_failures"})
"""Tables that can be made anew from files and grow as files are looked into, or tell of runs."""

Utc = DateTime(timezone=True)
Money = Numeric(20, 10)

PROPOSAL_WORDS = (
    "to_tsvector('simple'::regconfig, \"left\"((payload -> 0) ->> 'instruction'::text, 2000))"
)
"""What a search by words looks at, in PostgreSQL's own writing."""


class Base(DeclarativeBase):
    """Root of all tables; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own protocol
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        datetime: Utc,
        Decimal: Money,
        int: BigInteger,
    }


class DatasetRow(Base):
    """The catalogue: every dataset repository seen, as the Hub tells of it today."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    last_modified: Mapped[datetime] = mapped_column(index=True)
    sha: Mapped[str | None]
    tags: Mapped[list[Any]]
    gated: Mapped[bool]
    private: Mapped[bool]
    disabled: Mapped[bool]
    downloads: Mapped[int]
    likes: Mapped[int]
    licences: Mapped[list[Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="as the YAML of the card at sha names them; null: only the card can tell",
    )
    languages: Mapped[list[Any] | None] = mapped_column(
        JSONB(none_as_null=True), comment="as licences"
    )
    licence_name: Mapped[str | None] = mapped_column(comment="of a licence without an identifier")
    renamed_to: Mapped[str | None] = mapped_column(
        comment="the id under which the Hub has it now; null: not known to be another"
    )
    commits_of: Mapped[str | None] = mapped_column(
        comment="head of the branch when its commits were read; null where they were not"
    )
    commits_refused: Mapped[str | None] = mapped_column(
        comment="reason for which the Hub showed none at commits_of; null: it showed them"
    )
    seen_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="for the first time"
    )
    last_seen_at: Mapped[datetime | None] = mapped_column(
        comment="when the Hub's list showed it last; null: known from a file of statistics alone"
    )


class CommitRow(Base):
    """The commits of a dataset's main branch, read once a head."""

    __tablename__ = "commits"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    sha: Mapped[str] = mapped_column(primary_key=True)
    date: Mapped[datetime] = mapped_column(index=True)
    position: Mapped[int] = mapped_column(comment="0 is the newest")
    title: Mapped[str]


class CatalogueRow(Base):
    """How far the catalogue follows the Hub."""

    __tablename__ = "catalogue"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(comment="start of the last complete listing")


class CandidateRow(Base):
    """A dataset that was created or changed on a growth day, pinned to a commit."""

    __tablename__ = "candidates"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str | None] = mapped_column(comment="null: no commit is old enough")
    committed_at: Mapped[datetime | None]
    change: Mapped[str] = mapped_column(comment="created or changed")
    deferred_from: Mapped[str | None] = mapped_column(
        comment="the earlier day that had too many of its owner or family; null: found on this day"
    )


class DeferredRow(Base):
    """A candidate that a cap kept out of its day; a later day takes it."""

    __tablename__ = "deferred_candidates"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str | None]
    committed_at: Mapped[datetime | None]
    change: Mapped[str]
    cap: Mapped[str] = mapped_column(comment="owner or family")


class VerdictRow(Base):
    """The one verdict of a candidate."""

    __tablename__ = "verdicts"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str]
    reason: Mapped[str | None] = mapped_column(comment="null: kept")
    detail: Mapped[str]
    licences: Mapped[list[Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="that hold at the revision; null: no card was read, or before they were kept here",
    )
    earlier: Mapped[str | None] = mapped_column(
        comment="what becomes of rows of earlier revisions; null: as the reason tells"
    )

    __table_args__ = (Index("ix_verdicts_dataset_id", "dataset_id", text("day desc")),)


class RevisionRow(Base):
    """What the card of a kept candidate says at its revision."""

    __tablename__ = "revisions"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    sha: Mapped[str]
    licences: Mapped[list[Any]]
    languages: Mapped[list[Any]]
    pretty_name: Mapped[str]
    summary: Mapped[str]
    card_sha256: Mapped[str]
    licence_conflict: Mapped[str] = mapped_column(
        default="", comment="where the text names a stricter licence than the YAML; else empty"
    )

    __table_args__ = (Index("ix_revisions_licences", "licences", postgresql_using="gin"),)


class ConfigRow(Base):
    """A kept config of a kept candidate; its sampled rows are a file of the kind `samples`."""

    __tablename__ = "configs"

    day: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[str]
    features: Mapped[dict[str, Any]]
    splits: Mapped[dict[str, Any]]
    sample_path: Mapped[str]
    sample_seed: Mapped[int]
    reading: Mapped[dict[str, Any]] = mapped_column(
        server_default="{}",
        comment="by split: files in all, and where not all was read the files read with their rows",
    )
    form: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="of an instruction set, with the fields of its roles; null: it is none",
    )
    row_marks: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), server_default="{}", comment="the smallest hashes of its sampled rows"
    )
    file_marks: Mapped[list[int]] = mapped_column(
        ARRAY(BigInteger), server_default="{}", comment="the smallest hashes of the files read"
    )

    __table_args__ = (
        Index("ix_configs_row_marks", "row_marks", postgresql_using="gin"),
        Index("ix_configs_file_marks", "file_marks", postgresql_using="gin"),
    )


class CheckpointRow(Base):
    """The finished part of a step that has not been committed yet; gone once it is."""

    __tablename__ = "checkpoints"

    day: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    result: Mapped[dict[str, Any]]


class PlanRow(Base):
    """The requests of a day's step in their order: built once, read by each part and rerun."""

    __tablename__ = "plans"

    day: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(comment="of what the requests are built from")
    asked: Mapped[str] = mapped_column(comment="digest of the keys")
    keys: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="of the requests")
    about: Mapped[list[Any]] = mapped_column(comment="dataset, config and mode of each")


class LlmBatchRow(Base):
    """A batch of requests that the server answers by itself, in its own time."""

    __tablename__ = "llm_batches"

    key: Mapped[str] = mapped_column(primary_key=True, comment="the server is told it")
    day: Mapped[str] = mapped_column(index=True, comment="of the run that pays")
    purpose: Mapped[str]
    model: Mapped[str]
    server: Mapped[str] = mapped_column(comment="base URL it was made for")
    status: Mapped[str] = mapped_column(comment="intended, submitting, submitted or closed")
    server_id: Mapped[str | None] = mapped_column(comment="null: not known yet")
    server_status: Mapped[str | None] = mapped_column(comment="when it was last looked at")
    requests: Mapped[int]
    completed: Mapped[int] = mapped_column(
        "worked_off", comment="by the server, when it was last looked at"
    )
    error: Mapped[str | None] = mapped_column(comment="why not every line has an answer")
    trouble: Mapped[str | None] = mapped_column(comment="see domain.batch.BatchTrouble; null: none")
    trouble_since: Mapped[datetime | None]
    created_here_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class LlmRequestRow(Base):
    """The ledger: one row a request, whatever number of times it was sent."""

    __tablename__ = "llm_requests"

    key: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    day: Mapped[str] = mapped_column(index=True, comment="of the run that pays")
    subject: Mapped[str]
    model: Mapped[str]
    prompt_version: Mapped[str]
    request: Mapped[dict[str, Any]] = mapped_column(comment="the body that is sent")
    status: Mapped[str] = mapped_column(index=True, comment="sent, answered, failed or refused")
    attempts: Mapped[int]
    response: Mapped[dict[str, Any] | None] = mapped_column(
        comment="content, refusal, finish_reason and model of the answer"
    )
    error: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    written_tokens: Mapped[int | None]
    reasoning_tokens: Mapped[int | None]
    cost_usd: Mapped[Decimal | None] = mapped_column(comment="null where the price is unknown")
    reserved_usd: Mapped[Decimal] = mapped_column(comment="held for the answer; 0 once settled")
    price_version: Mapped[str | None]
    owner_run: Mapped[int | None] = mapped_column(comment="who is sending it; null: nobody")
    batch: Mapped[str | None] = mapped_column(
        ForeignKey("llm_batches.key"), index=True, comment="that it is in now; null: in none"
    )
    sent_at: Mapped[datetime | None]
    server: Mapped[str | None] = mapped_column(comment="base URL; null: from before")
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_llm_requests_costs",
            "day",
            "purpose",
            "model",
            postgresql_include=[
                "cost_usd", "reserved_usd", "prompt_tokens", "completion_tokens",
            ],
        ),
    )  # fmt: skip


class LlmAttemptRow(Base):
    """One sending of a request, written before it leaves."""

    __tablename__ = "llm_attempts"

    key: Mapped[str] = mapped_column(ForeignKey("llm_requests.key"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(index=True, comment="of the run that pays for this sending")
    purpose: Mapped[str] = mapped_column(comment="what this sending was paid for")
    outcome: Mapped[str] = mapped_column(comment="sent, answered, failed, refused or lost")
    batch: Mapped[str | None] = mapped_column(
        ForeignKey("llm_batches.key"), index=True, comment="null: it was sent by itself"
    )
    error: Mapped[str | None]
    cost_usd: Mapped[Decimal | None] = mapped_column(comment="null: unknown or nothing was paid")
    reserved_usd: Mapped[Decimal] = mapped_column(
        comment="held while in flight; stays where the answer may have been paid, its cost unseen"
    )
    price_source: Mapped[str | None]
    price_version: Mapped[str | None]
    sent_at: Mapped[datetime] = mapped_column(index=True, server_default=func.now())


class LlmModelRow(Base):
    """What is known of a model of a server: the form of its requests, and when it ends."""

    __tablename__ = "llm_models"

    server: Mapped[str] = mapped_column(primary_key=True, comment="base URL")
    model: Mapped[str] = mapped_column(primary_key=True)
    form: Mapped[dict[str, Any]] = mapped_column(comment="fields of domain.request_form")
    accepted: Mapped[list[Any]] = mapped_column(comment="features that were taken once")
    refusals: Mapped[list[Any]] = mapped_column(comment="the server's words, in order")
    learnt_at: Mapped[datetime | None] = mapped_column(comment="null: never asked")
    ends_on: Mapped[str | None] = mapped_column(comment="as the server says; null: open")
    listed_at: Mapped[datetime | None]


class LlmTrialRow(Base):
    """A model that was tried beside the one in use."""

    __tablename__ = "llm_trials"

    key: Mapped[str] = mapped_column(primary_key=True, comment="digest of what was asked")
    model: Mapped[str] = mapped_column(comment="that was tried")
    server: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(comment="of domain.trials.Trial")
    tried_at: Mapped[datetime]


class LlmBudgetRow(Base):
    """What is used of a cap, kept as a running total: costs and reservations of its attempts."""

    __tablename__ = "llm_budgets"

    scope: Mapped[str] = mapped_column(primary_key=True, comment="a run or a calendar month")
    used_usd: Mapped[Decimal]


class LlmRateLimitRow(Base):
    """How far the rate limit of a server's model is used, by all processes together."""

    __tablename__ = "llm_paces"

    server: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    pace: Mapped[dict[str, Any]] = mapped_column(comment="fields of domain.rate_limit.RateLimit")


class ProposalRow(Base):
    """One task as the LLM wrote it, with its verdict."""

    __tablename__ = "proposals"

    day: Mapped[str] = mapped_column(primary_key=True)
    request_key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[str]
    revision: Mapped[str]
    config: Mapped[str]
    mode: Mapped[str]
    payload: Mapped[list[Any]] = mapped_column(comment="one element: the proposal as it was read")
    reason: Mapped[str | None] = mapped_column(comment="null: kept")
    detail: Mapped[str]
    task_key: Mapped[str | None] = mapped_column(index=True)

    __table_args__ = (
        Index("ix_proposals_list", text("day desc"), "dataset_id", "request_key", "position"),
        Index(
            "ix_proposals_source",
            "dataset_id",
            text("day desc"),
            postgresql_ops={"dataset_id": "text_pattern_ops"},
        ),
        Index(
            "ix_proposals_reason",
            "reason",
            text("day desc"),
            postgresql_where=text("reason is not null"),
        ),
        Index("ix_proposals_words", text(PROPOSAL_WORDS), postgresql_using="gin"),
    )


class TaskRow(Base):
    """A valid instruction task of a growth day."""

    __tablename__ = "tasks"

    day: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(index=True)
    revision: Mapped[str]
    config: Mapped[str]
    instruction: Mapped[str]
    input_fields: Mapped[list[Any]]
    output_field: Mapped[str]
    label_space: Mapped[list[Any]]
    mode: Mapped[str]
    prompt_version: Mapped[str]
    licence: Mapped[str]
    request_key: Mapped[str]
    form: Mapped[str] = mapped_column(
        server_default="",
        comment="of the instruction set that the task is native to; empty: it was proposed",
    )


class RejectionRow(Base):
    """A thing that was left out; instances that are left out are counted by task and reason."""

    __tablename__ = "rejections"

    day: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(comment="how many things the row stands for")
    detail: Mapped[str]

    __table_args__ = (
        Index("ix_rejections_stage_reason", "stage", "reason"),
        Index("ix_rejections_list", text("day desc"), "stage", "subject", "reason"),
        Index("ix_rejections_reason", "reason", text("day desc"), "stage", "subject"),
        Index("ix_rejections_subject", "subject", postgresql_ops={"subject": "text_pattern_ops"}),
    )


class WithdrawalRow(Base):
    """A source that is to be used no more, and why; several reasons may stand side by side."""

    __tablename__ = "withdrawals"

    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    found_on: Mapped[str] = mapped_column(primary_key=True, comment="UTC day, YYYY-MM-DD")
    detail: Mapped[str]
    lifted_on: Mapped[str | None] = mapped_column(comment="null: in force")


class CardCheckRow(Base):
    """The card of a source's head as an audit judged it, so that a head is asked for once."""

    __tablename__ = "card_checks"

    dataset_id: Mapped[str] = mapped_column(primary_key=True)
    sha: Mapped[str] = mapped_column(comment="of the head whose card it was")
    rules: Mapped[str] = mapped_column(comment="digest of what it was judged by")
    reason: Mapped[str | None] = mapped_column(comment="null: it may be used")
    detail: Mapped[str]


class FileRow(Base):
    """A file of the storage; a file without a row is garbage, a row without a file cannot be."""

    __tablename__ = "files"

    kind: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(index=True)
    path: Mapped[str] = mapped_column(comment="below the storage URL")
    rows: Mapped[int]
    bytes: Mapped[int]


class IndexedFileRow(Base):
    """A file whose content keys stand in `content_keys`."""

    __tablename__ = "indexed_files"

    path: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    number: Mapped[int] = mapped_column(unique=True, comment="64 bits of the hash of the path")


class ContentKeyRow(Base):
    """Which indexed file holds which content key; both as 64 bits of their hashes."""

    __tablename__ = "content_keys"

    key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    file: Mapped[int] = mapped_column(
        ForeignKey("indexed_files.number", ondelete="cascade"), primary_key=True, index=True
    )


class GrowthRunRow(Base):
    """What a step of a growth day did, written with its output in one transaction."""

    __tablename__ = "growth_runs"

    day: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(comment="of the rules and inputs of the step")
    taken: Mapped[int]
    kept: Mapped[int]
    rejected: Mapped[int]
    deferred: Mapped[int]
    reasons: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    output: Mapped[str] = mapped_column(comment="digest of what the step wrote")
    held_back: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        comment="a later attempt that replaced nothing, as it was not whole; null: none",
    )
    finished_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class SnapshotRow(Base):
    """A numbered, immutable training set. The newest that is no trial is the head."""

    __tablename__ = "snapshots"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent: Mapped[int | None] = mapped_column(comment="the head before it")
    day: Mapped[str] = mapped_column(index=True)
    fingerprint: Mapped[str] = mapped_column(index=True, comment="of all that it is made from")
    path: Mapped[str]
    manifest_sha256: Mapped[str]
    same_as: Mapped[int | None] = mapped_column(
        comment="the version whose files it points at; null: it has its own"
    )
    trial: Mapped[bool] = mapped_column(server_default=false(), comment="it never is the head")
    facts: Mapped[dict[str, Any]]
    created_here_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PublicationRow(Base):
    """A version that a target holds, written once the target has given it back."""

    __tablename__ = "publications"

    version: Mapped[int] = mapped_column(ForeignKey("snapshots.version"), primary_key=True)
    target: Mapped[str] = mapped_column(
        primary_key=True, comment="a dataset's address at the Hub, or a folder or URL without login"
    )
    place: Mapped[str] = mapped_column(comment="commit at the Hub, or path below the folder")
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())


class TaskFailureRow(Base):
    """The newest failure of an Airflow task of a run, in the words of its error."""

    __tablename__ = "task_failures"

    dag_id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(primary_key=True)
    task_id: Mapped[str] = mapped_column(primary_key=True)
    map_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    try_number: Mapped[int]
    day: Mapped[str | None] = mapped_column(comment="growth day; null: the run has none")
    kind: Mapped[str] = mapped_column(comment="name of the error's class")
    error: Mapped[str] = mapped_column(comment="its last line")
    retried: Mapped[bool] = mapped_column(comment="whether another try follows")
    failed_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
