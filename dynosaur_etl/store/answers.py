"""What the ledger has for a set of requests, read without claiming anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, Engine, Text, any_, literal, select

from dynosaur_etl.domain.chat import Answer
from dynosaur_etl.domain.ledger import RequestStatus
from dynosaur_etl.store.database import reading
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
    with reading(engine) as session:
        for row in session.scalars(query):
            if row.status == RequestStatus.ANSWERED:
                answered[row.key] = read_answer(row)
            elif row.status == RequestStatus.REFUSED:
                refused[row.key] = row.error or ""
    return StoredAnswers(answered, refused)


@dataclass(frozen=True)
class AnswerStates:
    """Keys that have an answer, and keys that the server refused, without what was said."""

    answered: frozenset[str]
    refused: frozenset[str]


def answer_states(engine: Engine, keys: Sequence[str]) -> AnswerStates:
    """Read where requests stand; a key in neither set has to be asked again.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    columns = (LlmRequestRow.key, LlmRequestRow.status)
    query = select(*columns).where(LlmRequestRow.key == any_(literal(list(keys), ARRAY(Text))))
    found: dict[str, set[str]] = {RequestStatus.ANSWERED: set(), RequestStatus.REFUSED: set()}
    with reading(engine) as session:
        for key, status in session.execute(query):
            if status in found:
                found[status].add(key)
    return AnswerStates(
        frozenset(found[RequestStatus.ANSWERED]), frozenset(found[RequestStatus.REFUSED])
    )
