"""What was learnt of the forms in which a server takes requests, in PostgreSQL."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dynosaur_etl.domain.forms import KnownForm
from dynosaur_etl.domain.request_form import FIRST_FORM, RequestForm, read_form
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.store.database import locked, transaction
from dynosaur_etl.store.tables import LlmModelRow

LEARNT_FOR = timedelta(days=7)
_REFUSALS_KEPT = 12


@dataclass(frozen=True)
class LearntModel:
    """What is known of a model of a server, for people.

    Attributes:
        refusals: of the server, in its words.
        learnt_at: when the first request of this form was sent; None: none was.
        ends_on: the day on which the server says that the model ends, as it writes it.
    """

    server: str
    model: str
    known: KnownForm
    refusals: tuple[str, ...]
    learnt_at: datetime | None
    ends_on: str | None


class PostgresForms:
    """The forms of one server's models; see `dynosaur_etl.domain.forms.FormStore`."""

    def __init__(self, engine: Engine, server: str) -> None:
        self._engine = engine
        self._server = server

    def known(self, model: str) -> KnownForm:
        """Return what is known; where nothing is, or for too long, the first form."""
        with transaction(self._engine) as session:
            row = session.scalar(select(LlmModelRow).where(self._of(model)))
            is_known = row is not None and _is_fresh(row, _now(session))
            return _read(row) if row is not None and is_known else KnownForm()

    def accept(self, model: str, features: Collection[str]) -> None:
        """Note that the server has taken a request with these features."""
        with transaction(self._engine) as session:
            row = self._locked(session, model)
            row.accepted = sorted({*row.accepted, *features})

    def adapt(self, model: str, before: RequestForm, after: RequestForm, words: str) -> RequestForm:
        """Note the form that follows from a refusal, and return the one that holds now."""
        with transaction(self._engine) as session:
            row = self._locked(session, model)
            now = _read(row).form
            if replace(now, thinks=before.thinks) != before:
                return now
            row.form = asdict(after)
            row.refusals = [*row.refusals, clean_text(words)][-_REFUSALS_KEPT:]
            return after

    def thinks(self, model: str) -> None:
        """Note that the model was seen to think without being asked to."""
        with transaction(self._engine) as session:
            row = self._locked(session, model)
            row.form = asdict(replace(_read(row).form, thinks=True))

    def learning(self, model: str) -> AbstractContextManager[None]:
        """Let no other process find out the model's form for the length of a block."""
        return locked(self._engine, "form", self._server, model, wait=False)

    def _of(self, model: str) -> ColumnElement[bool]:
        return (LlmModelRow.server == self._server) & (LlmModelRow.model == model)

    def _locked(self, session: Session, model: str) -> LlmModelRow:
        """Return the model's row to be changed; what was learnt too long ago is forgotten."""
        first: dict[str, Any] = {"form": asdict(FIRST_FORM), "accepted": [], "refusals": []}
        new = insert(LlmModelRow).values(server=self._server, model=model, **first)
        session.execute(new.on_conflict_do_nothing())
        row = session.scalars(select(LlmModelRow).where(self._of(model)).with_for_update()).one()
        now = _now(session)
        if not _is_fresh(row, now):
            row.form, row.accepted, row.refusals = first["form"], [], []
            row.learnt_at = now
        return row


def learnt_models(engine: Engine) -> list[LearntModel]:
    """Return what is known of every model, by server and name."""
    with transaction(engine) as session:
        rows = session.scalars(select(LlmModelRow).order_by(LlmModelRow.server, LlmModelRow.model))
        return [
            LearntModel(
                row.server, row.model, _read(row), tuple(map(str, row.refusals)), row.learnt_at,
                row.ends_on,
            )
            for row in rows
        ]  # fmt: skip


def note_end(engine: Engine, server: str, model: str, ends_on: str | None) -> None:
    """Note the day on which a server says that a model ends; None: it names none."""
    values: dict[str, Any] = {"ends_on": ends_on, "listed_at": datetime.now(UTC)}
    nothing = {"form": asdict(FIRST_FORM), "accepted": [], "refusals": []}
    new = insert(LlmModelRow).values(server=server, model=model, **nothing, **values)
    with transaction(engine) as session:
        session.execute(new.on_conflict_do_update(constraint="pk_llm_models", set_=values))


def _now(session: Session) -> datetime:
    now: Any = session.scalar(select(func.clock_timestamp()))
    found: datetime = now
    return found


def _is_fresh(row: LlmModelRow, now: datetime) -> bool:
    return row.learnt_at is not None and row.learnt_at > now - LEARNT_FOR


def _read(row: LlmModelRow) -> KnownForm:
    return KnownForm(read_form(row.form), frozenset(map(str, row.accepted)))
