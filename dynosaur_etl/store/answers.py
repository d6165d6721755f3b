"""What the ledger has for a set of requests, read without claiming anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.chat import Answer
from dynosaur_etl.domain.ledger import RequestStatus
from dynosaur_etl.store.ledger_transaction import read_answer
from dynosaur_etl.store.tables import LlmRequestRow


@dataclass(frozen=True)
class StoredAnswers:
    """Answers and refusals by request key; a key in neither has to be asked again."""

    answered: Mapping[str, Answer]
    refused: Mapping[str, str]


def stored_answers(engine: Engine, keys: Sequence[str]) -> StoredAnswers:
    """Look up what became of requests."""
    query = select(LlmRequestRow).where(LlmRequestRow.key.in_(keys))
    answered: dict[str, Answer] = {}
    refused: dict[str, str] = {}
    with Session(engine) as session:
        for row in session.scalars(query):
            if row.status == RequestStatus.ANSWERED:
                answered[row.key] = read_answer(row)
            elif row.status == RequestStatus.REFUSED:
                refused[row.key] = row.error or ""
    return StoredAnswers(answered, refused)
