"""The ledger's rows within one transaction: read and locked together, written together.

Rows are locked in one order everywhere (the ledger's lock, requests by key, totals by scope), so
that no two transactions wait for each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, Row, text
from sqlalchemy.orm import Session

from dynosaur_etl.domain.chat import Answer, ChatRequest
from dynosaur_etl.domain.ledger import AttemptOutcome, Claimed, PriceOrigin, RequestStatus
from dynosaur_etl.store.budget import Totals
from dynosaur_etl.store.bulk import change_rows, insert_rows, put_rows
from dynosaur_etl.store.database import lock_number, transaction
from dynosaur_etl.store.tables import LlmAttemptRow, LlmRequestRow

AttemptId = tuple[str, int]

_LOCK_REQUESTS = text(
    "select key, model, status, attempts, response, prompt_tokens, cached_tokens,"
    " completion_tokens, written_tokens, reasoning_tokens, cost_usd, owner_run, batch"
    " from llm_requests"
    " where key = any(cast(:keys as text[])) order by key for update"
)
_LOCK_ATTEMPTS = text(
    "select key, number, day, purpose, outcome, cost_usd, reserved_usd, sent_at from llm_attempts"
    " join unnest(cast(:keys as text[]), cast(:numbers as int[])) as asked (key, number)"
    " using (key, number)"
    " order by key, number for update of llm_attempts"
)
LEDGER_LOCK = lock_number("ledger")
_NOW = text("select clock_timestamp()")
_NOW_ALONE = text(
    "with alone as materialized (select pg_advisory_xact_lock(:lock))"
    " select clock_timestamp() from alone"
)


@dataclass(frozen=True)
class NewAttempt:
    """A sending that a process is about to make, with its growth day and what is held for it."""

    request: ChatRequest
    day: str
    attempt: int
    reserved: Decimal
    price: PriceOrigin | None
    owner: int
    server: str | None


class LedgerTransaction:
    """One transaction's view of the ledger; what it changes is written at the end."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session = session
        self.now = now
        self.totals = Totals()
        self._requests: list[dict[str, Any]] = []
        self._attempts: list[dict[str, Any]] = []

    def lock_requests(self, keys: Sequence[str]) -> Mapping[str, Row[Any]]:
        """Read rows and lock them, so that no answer slips in between reading and writing."""
        rows = self.session.execute(_LOCK_REQUESTS, {"keys": list(keys)})
        return {row.key: row for row in rows}

    def attempts(self, ids: Sequence[AttemptId]) -> Mapping[AttemptId, Row[Any]]:
        """Read attempts and lock them; their requests are locked already."""
        asked = {"keys": [key for key, _ in ids], "numbers": [number for _, number in ids]}
        rows = self.session.execute(_LOCK_ATTEMPTS, asked)
        return {(row.key, row.number): row for row in rows}

    def open_attempt(self, new: NewAttempt) -> None:
        """Make the request the owner's, and open its attempt."""
        request = new.request
        self._requests.append(
            {
                "key": request.key,
                "model": request.model,
                "prompt_version": request.prompt_version,
                "request": request.body(),
                "purpose": request.purpose,
                "day": new.day,
                "subject": request.subject,
                "status": RequestStatus.SENT,
                "attempts": new.attempt,
                "error": None,
                "reserved_usd": new.reserved,
                "price_version": None if new.price is None else new.price.version,
                "owner_run": new.owner,
                "server": new.server,
                "sent_at": self.now,
            }
        )
        self._attempts.append(
            {
                "key": request.key,
                "number": new.attempt,
                "day": new.day,
                "purpose": request.purpose,
                "outcome": AttemptOutcome.SENT,
                "reserved_usd": new.reserved,
                "sent_at": self.now,
                "price_source": None if new.price is None else new.price.source,
                "price_version": None if new.price is None else new.price.version,
            }
        )

    def close_attempts(self, closings: Sequence[tuple[Row[Any], dict[str, Any]]]) -> None:
        """Change attempts, and the totals by what each costs and holds from now on."""
        changes = []
        for row, values in closings:
            held = values["reserved_usd"] + (values["cost_usd"] or 0)
            before = row.reserved_usd + (row.cost_usd or 0)
            self.totals.add(row.day, row.purpose, row.sent_at, held - before)
            changes.append({"key": row.key, "number": row.number, **values})
        change_rows(self.session, LlmAttemptRow, changes)

    def change_requests(self, changes: Sequence[dict[str, Any]]) -> None:
        """Change requests; each of the changes names its `key` and the same columns."""
        change_rows(self.session, LlmRequestRow, changes)

    def write(self) -> None:
        """Write what was opened, then the totals."""
        put_rows(self.session, LlmRequestRow, self._requests)
        insert_rows(self.session, LlmAttemptRow, self._attempts)
        self._requests, self._attempts = [], []
        self.totals.write(self.session)


@contextmanager
def open_transaction(engine: Engine, *, alone: bool) -> Iterator[LedgerTransaction]:
    """Open a transaction of the ledger; `alone` holds the ledger's lock until its end.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with transaction(engine) as session:
        statement, values = (_NOW_ALONE, {"lock": LEDGER_LOCK}) if alone else (_NOW, {})
        now: Any = session.scalar(statement, values)
        tx = LedgerTransaction(session, now)
        yield tx
        tx.write()


def answer_values(answer: Answer) -> dict[str, Any]:
    """Return the columns of a request that hold its answer."""
    return {
        "status": RequestStatus.ANSWERED,
        "response": {
            "content": answer.content,
            "refusal": answer.refusal,
            "finish_reason": answer.finish_reason,
            "model": answer.model,
        },
        "prompt_tokens": answer.prompt_tokens,
        "cached_tokens": answer.cached_tokens,
        "completion_tokens": answer.completion_tokens,
        "written_tokens": answer.written_tokens,
        "reasoning_tokens": answer.reasoning_tokens,
    }


def read_answer(row: LlmRequestRow | Row[Any]) -> Answer:
    """Return a request's stored answer."""
    response = row.response or {}
    return Answer(
        content=response.get("content"),
        refusal=response.get("refusal"),
        finish_reason=response.get("finish_reason"),
        model=response.get("model") or row.model,
        prompt_tokens=row.prompt_tokens,
        cached_tokens=row.cached_tokens,
        completion_tokens=row.completion_tokens,
        written_tokens=row.written_tokens,
        reasoning_tokens=row.reasoning_tokens,
    )


def attempt_id(claim: Claimed) -> AttemptId:
    return claim.request.key, claim.attempt
