"""Batches of requests that a server answers by itself, and the ledger that is kept of them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.ledger import AttemptOutcome, ClaimResult, RequestStatus
from dynosaur_etl.domain.request_form import ServerRefusal


class BatchStatus(StrEnum):
    """How far a batch is, as far as this side knows for certain.

    INTENDED: written down, and nothing of it is on the server. SUBMITTING: it may have reached the
    server. SUBMITTED: the server has given it an id. CLOSED: every request of it is accounted for.
    """

    INTENDED = "intended"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    CLOSED = "closed"


class BatchTrouble(StrEnum):
    """What keeps a batch from ending; see `dynosaur_etl.llm.batch_rules`."""

    UNKNOWN = "unknown"
    RESULTS_GONE = "results_gone"
    OVERDUE = "overdue"
    CANCELLING = "cancelling"


@dataclass(frozen=True)
class Batch:
    """A batch as the ledger has it.

    Attributes:
        key: digest of its requests and of which attempt each of them is on; the server is told it.
        server: base URL that it was made for.
        server_status: in the server's words, when it was last looked at.
        requests: lines of the batch.
        completed: lines that the server had answered or refused when it was last looked at.
        error: why it ended without an answer to every line.
        outcomes: attempts by outcome.
        trouble: what keeps it from ending, and since when; on a closed one, why it was closed.
    """

    key: str
    day: str
    purpose: str
    model: str
    server: str
    status: BatchStatus
    server_id: str | None
    server_status: str | None
    requests: int
    completed: int
    error: str | None
    sent_at: datetime | None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    trouble: BatchTrouble | None = None
    trouble_since: datetime | None = None

    @property
    def name(self) -> str:
        """What people know the batch by."""
        return self.server_id or self.key[:12]


@dataclass(frozen=True)
class LineAnswer:
    """A line of a batch that has its answer; `key` is the request's."""

    key: str
    answer: Answer


@dataclass(frozen=True)
class LineFailure:
    """A line of a batch without an answer.

    Attributes:
        outcome: of the attempt.
        status: REFUSED where this request is malformed for the server, else FAILED, which a later
            run takes up.
        refusal: of a parameter, where the line was refused for one.
    """

    key: str
    outcome: AttemptOutcome
    status: RequestStatus
    error: str
    refusal: ServerRefusal | None = None


Line = LineAnswer | LineFailure


class BatchLedger(Protocol):
    """The ledger of batches, shared by all processes.

    A batch and the claims of its requests are committed, with their reservations, before anything
    is sent. The batch owns its requests, so that they outlive the process, until it is closed.
    """

    def open(self, requests: Sequence[ChatRequest], day: str, server: str) -> list[ClaimResult]:
        """Claim requests of distinct keys and one model into one new batch.

        Returns:
            For each request, in their order, `InBatch` (of the new batch or of an earlier one),
            `Answered`, `Held` or `BudgetSpent`.
        """
        ...

    def locked(self, key: str) -> AbstractContextManager[None]:
        """Let no other process send or collect this batch for the length of a block."""
        ...

    def batch(self, key: str) -> Batch:
        """Return a batch as it is now."""
        ...

    def requests_of(self, key: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Return key and body of the requests that are in the batch, in their one order."""
        ...

    def sending(self, key: str) -> None:
        """Note that from now on the batch may be on the server."""
        ...

    def not_sent(self, key: str) -> None:
        """Note that the server has certainly not made the batch."""
        ...

    def submitted(self, key: str, server_id: str) -> None:
        """Note the server's id of the batch."""
        ...

    def seen(self, key: str, server_status: str, completed: int) -> None:
        """Note what the server says of the batch."""
        ...

    def troubled(self, key: str, trouble: BatchTrouble | None) -> None:
        """Note what keeps the batch from ending; the moment of the first trouble stays."""
        ...

    def settle_lines(self, key: str, lines: Sequence[Line]) -> None:
        """Store answers and failures; a request that is not in the batch any more is left alone."""
        ...

    def finish(self, key: str, outcome: AttemptOutcome, error: str | None) -> None:
        """Release the requests that are left in the batch, and end it."""
        ...
