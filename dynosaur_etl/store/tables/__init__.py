"""The tables of the product's database.

Keys are names of content or of the Hub, never counters, so that the same day gives the same rows.
The columns named in `CLOCK_COLUMNS` tell when something happened here; all others depend on the
inputs alone, but for the tables in `INDEX_TABLES`.
"""

from dynosaur_etl.store.tables.base import Base
from dynosaur_etl.store.tables.catalogue import (
    CardCheckRow,
    CatalogueRow,
    CommitRow,
    DatasetRow,
    WithdrawalRow,
)
from dynosaur_etl.store.tables.examination import (
    CandidateRow,
    ConfigRow,
    DeferredRow,
    RevisionRow,
    VerdictRow,
)
from dynosaur_etl.store.tables.files import ContentKeyRow, FileRow, IndexedFileRow
from dynosaur_etl.store.tables.requests import (
    LlmAttemptRow,
    LlmBatchRow,
    LlmBudgetRow,
    LlmModelRow,
    LlmRateLimitRow,
    LlmRequestRow,
    LlmTrialRow,
)
from dynosaur_etl.store.tables.steps import CheckpointRow, GrowthRunRow, PlanRow, TaskFailureRow
from dynosaur_etl.store.tables.tasks import PROPOSAL_WORDS, ProposalRow, RejectionRow, TaskRow
from dynosaur_etl.store.tables.versions import PublicationRow, SnapshotRow

__all__ = [
    "CLOCK_COLUMNS",
    "INDEX_TABLES",
    "PROPOSAL_WORDS",
    "Base",
    "CandidateRow",
    "CardCheckRow",
    "CatalogueRow",
    "CheckpointRow",
    "CommitRow",
    "ConfigRow",
    "ContentKeyRow",
    "DatasetRow",
    "DeferredRow",
    "FileRow",
    "GrowthRunRow",
    "IndexedFileRow",
    "LlmAttemptRow",
    "LlmBatchRow",
    "LlmBudgetRow",
    "LlmModelRow",
    "LlmRateLimitRow",
    "LlmRequestRow",
    "LlmTrialRow",
    "PlanRow",
    "ProposalRow",
    "PublicationRow",
    "RejectionRow",
    "RevisionRow",
    "SnapshotRow",
    "TaskFailureRow",
    "TaskRow",
    "VerdictRow",
    "WithdrawalRow",
]

CLOCK_COLUMNS = frozenset(
    {
        "seen_at", "last_seen_at", "sent_at", "finished_at", "created_here_at", "owner_run",
        "found_on", "lifted_on", "pace", "server_id", "published_at", "server", "answered_at",
        "learnt_at", "listed_at", "tried_at", "failed_at",
    }
)  # fmt: skip
INDEX_TABLES = frozenset({"indexed_files", "content_keys", "task_failures"})
"""Tables that can be made anew from files and grow as files are looked into, or tell of runs."""
