"""Batches in PostgreSQL: the ledger, with batches as owners of claims."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, Row, func, select, update
from sqlalchemy.orm import Session

from dynosaur_etl.domain.batch import (
    Batch,
    BatchStatus,
    BatchTrouble,
    Line,
    LineAnswer,
    LineFailure,
)
from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.ledger import AttemptOutcome, Claimed, ClaimResult, InBatch, RequestStatus
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.store.database import locked, transaction
from dynosaur_etl.store.ledger import PostgresLedger
from dynosaur_etl.store.ledger_transaction import LedgerTransaction, attempt_id, open_transaction
from dynosaur_etl.store.tables import LlmAttemptRow, LlmBatchRow, LlmRequestRow

NO_LINE = "no line came back for it"
SHORTEST_NAME = 6
ROWS_AT_ONCE = 5000

_UNSEEN = {"synchronize_session": False}


class PostgresBatchLedger(PostgresLedger):
    """The ledger of those who send batches; see `dynosaur_etl.domain.batch.BatchLedger`."""

    def open(self, requests: Sequence[ChatRequest], day: str, server: str) -> list[ClaimResult]:
        """Claim requests into one new batch, in the transaction that reserves their money."""
        self._prove_alive()
        with self._claiming() as claiming:
            results = self._claim_all(claiming, requests, day)
            claims = [result for result in results if isinstance(result, Claimed)]
            if not claims:
                return results
            key = digest("batch", [attempt_id(claim) for claim in claims])
            claiming.tx.write()  # the batch takes over rows that have to be there
            claiming.tx.session.add(_new_batch(key, claims, day, server))
            claiming.tx.session.flush()
            asked = [claim.request.key for claim in claims]
            _hand_over(claiming.tx.session, key, asked, server)
        return [
            InBatch(result.request, key) if isinstance(result, Claimed) else result
            for result in results
        ]

    def locked(self, key: str) -> AbstractContextManager[None]:
        """Hold the lock of the batch across all processes."""
        return locked(self._engine, "batch", key)

    def batch(self, key: str) -> Batch:
        """Return a batch as it is now."""
        with transaction(self._engine) as session:
            return _batch(session.get_one(LlmBatchRow, key), _outcomes(session, [key]))

    def requests_of(self, key: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return key and body of the requests that are in the batch, by key."""
        query = select(LlmRequestRow.key, LlmRequestRow.request).where(LlmRequestRow.batch == key)
        with transaction(self._engine) as session:
            found = session.execute(query.order_by(LlmRequestRow.key))
            return [(request_key, body) for request_key, body in found]

    def sending(self, key: str) -> None:
        """Note that from now on the batch may be on the server."""
        self._note(key, status=BatchStatus.SUBMITTING, sent_at=func.now())

    def not_sent(self, key: str) -> None:
        """Note that the server has certainly not made the batch."""
        self._note(key, status=BatchStatus.INTENDED)

    def submitted(self, key: str, server_id: str) -> None:
        """Note the server's id of the batch."""
        self._note(key, status=BatchStatus.SUBMITTED, server_id=server_id)

    def seen(self, key: str, server_status: str, completed: int) -> None:
        """Note what the server says of the batch."""
        self._note(key, server_status=server_status, completed=completed)

    def troubled(self, key: str, trouble: BatchTrouble | None) -> None:
        """Note what keeps the batch from ending; the moment of the first trouble stays."""
        since = None if trouble is None else func.coalesce(LlmBatchRow.trouble_since, func.now())
        self._note(key, trouble=trouble, trouble_since=since)

    def settle_lines(self, key: str, lines: Sequence[Line]) -> None:
        """Store answers and failures; the first line of a request counts."""
        first = {line.key: line for line in reversed(lines)}
        with open_transaction(self._engine, alone=False) as tx:
            rows = tx.lock_requests(sorted(first))
            found = [row for row in rows.values() if row.batch == key]
            answers, failures = [], []
            for row in found:
                line = first[row.key]
                if isinstance(line, LineAnswer):
                    answers.append(((row.key, row.attempts), line.answer))
                else:
                    failures.append((row, line))
            self._settle_in(tx, rows, answers)
            _fail(tx, failures)
            tx.change_requests([{"key": row.key, "batch": None} for row in found])

    def finish(self, key: str, outcome: AttemptOutcome, error: str | None) -> None:
        """Release the requests that are left in the batch, and end it."""
        words = clean_text(error or NO_LINE)
        with open_transaction(self._engine, alone=False) as tx:
            left = select(LlmRequestRow.key).where(LlmRequestRow.batch == key)
            keys = list(tx.session.scalars(left.order_by(LlmRequestRow.key)))
            for start in range(0, len(keys), ROWS_AT_ONCE):
                rows = tx.lock_requests(keys[start : start + ROWS_AT_ONCE]).values()
                _fail(
                    tx,
                    [
                        (row, LineFailure(row.key, outcome, RequestStatus.FAILED, words))
                        for row in rows
                        if row.batch == key
                    ],
                )
            ended = update(LlmRequestRow).where(LlmRequestRow.batch == key).values(batch=None)
            tx.session.execute(ended, execution_options=_UNSEEN)
            batch = tx.session.get_one(LlmBatchRow, key)
            batch.status, batch.error = BatchStatus.CLOSED, error and words
            batch.finished_at = tx.now

    def _note(self, key: str, **values: Any) -> None:
        with transaction(self._engine) as session:
            session.execute(update(LlmBatchRow).where(LlmBatchRow.key == key).values(**values))


def all_batches(engine: Engine) -> list[Batch]:
    """Return every batch, the newest first."""
    with transaction(engine) as session:
        rows = list(
            session.scalars(
                select(LlmBatchRow).order_by(LlmBatchRow.created_here_at.desc(), LlmBatchRow.key)
            )
        )
        outcomes = _outcomes(session, [row.key for row in rows])
        return [_batch(row, outcomes) for row in rows]


def batch_named(engine: Engine, name: str) -> Batch:
    """Return the batch of the server's id, or of a key that begins with the name.

    Raises:
        InvalidInput: there is none, or more than one.
    """
    batches = all_batches(engine)
    found = [
        batch
        for batch in batches
        if name == batch.server_id or (len(name) >= SHORTEST_NAME and batch.key.startswith(name))
    ]
    if len(found) != 1:
        names = ", ".join(batch.name for batch in batches[:10]) or "there is no batch yet"
        raise InvalidInput(not_allowed("batch", name, names))
    return found[0]


def _new_batch(key: str, claims: Sequence[Claimed], day: str, server: str) -> LlmBatchRow:
    first = claims[0].request
    return LlmBatchRow(
        key=key,
        day=day,
        purpose=first.purpose,
        model=first.model,
        server=server,
        status=BatchStatus.INTENDED,
        requests=len(claims),
        completed=0,
    )


def _hand_over(session: Session, key: str, request_keys: Sequence[str], server: str) -> None:
    """Make the batch the owner of the requests, and name it in their attempts."""
    mine = update(LlmRequestRow).where(LlmRequestRow.key.in_(request_keys))
    owned = mine.values(batch=key, owner_run=None, server=server)
    session.execute(owned, execution_options=_UNSEEN)
    current = (LlmAttemptRow.key == LlmRequestRow.key) & (
        LlmAttemptRow.number == LlmRequestRow.attempts
    )
    named = update(LlmAttemptRow).where(current & (LlmRequestRow.batch == key)).values(batch=key)
    session.execute(named, execution_options=_UNSEEN)


def _fail(tx: LedgerTransaction, failures: Sequence[tuple[Row[Any], LineFailure]]) -> None:
    """Close attempts without an answer; a lost one may have been paid, and stays reserved."""
    attempts = tx.attempts([(row.key, row.attempts) for row, _ in failures])
    closings, ended = [], []
    for row, line in failures:
        attempt = attempts[row.key, row.attempts]
        words, lost = clean_text(line.error), line.outcome == AttemptOutcome.LOST
        held = attempt.reserved_usd if lost else Decimal(0)
        values = {"outcome": line.outcome, "error": words, "cost_usd": None, "reserved_usd": held}
        closings.append((attempt, values))
        change = {"key": row.key, "status": line.status, "error": words}
        ended.append(change | {"reserved_usd": Decimal(0)})
    tx.close_attempts(closings)
    tx.change_requests(ended)


def _outcomes(session: Session, keys: Sequence[str]) -> dict[str, dict[str, int]]:
    columns = (LlmAttemptRow.batch, LlmAttemptRow.outcome)
    query = select(*columns, func.count()).where(LlmAttemptRow.batch.in_(keys)).group_by(*columns)
    found: dict[str, dict[str, int]] = {}
    for key, outcome, number in session.execute(query.order_by(*columns)):
        found.setdefault(str(key), {})[outcome] = number
    return found


def _batch(row: LlmBatchRow, outcomes: Mapping[str, Mapping[str, int]]) -> Batch:
    return Batch(
        key=row.key,
        day=row.day,
        purpose=row.purpose,
        model=row.model,
        server=row.server,
        status=BatchStatus(row.status),
        server_id=row.server_id,
        server_status=row.server_status,
        requests=row.requests,
        completed=row.completed,
        error=row.error,
        sent_at=row.sent_at,
        outcomes=outcomes.get(row.key, {}),
        trouble=None if row.trouble is None else BatchTrouble(row.trouble),
        trouble_since=row.trouble_since,
    )
