"""Proposals and the tasks that they became: listed by filters, or one by its key."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, literal_column, or_, select, tuple_

from dynosaur_etl.domain.models import Mode
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import PROPOSAL_WORDS, ProposalRow, RevisionRow, TaskRow

ProposalPlace = tuple[str, str, str, int]
"""Day, dataset, key of the request and position: the place of a proposal in the list."""

_SIMPLE: ColumnElement[str] = literal_column("'simple'")


@dataclass(frozen=True)
class ProposalRecord:
    """One task as the LLM wrote it, with its verdict.

    Attributes:
        payload: the proposal as it was read; None where the answer held none.
        reason: why it was rejected; None where it was kept.
        task_key: of the task that it became.
        licences: of the dataset's card; empty where the day holds no card of it.
    """

    day: str
    dataset: str
    request_key: str
    position: int
    revision: str
    config: str
    mode: str
    reason: str | None
    detail: str
    task_key: str | None
    payload: Any
    licences: tuple[str, ...]

    @property
    def instruction(self) -> str:
        """The instruction as it was proposed; empty where it is no text."""
        text = self.payload.get("instruction") if isinstance(self.payload, dict) else None
        return text if isinstance(text, str) else ""

    @property
    def form(self) -> str:
        """The form of a native task; empty for what an LLM proposed."""
        form = self.payload.get("form") if self.mode == Mode.NATIVE else None
        return form if isinstance(form, str) else ""


@dataclass(frozen=True)
class TaskRecord:
    """A valid task of a growth day, under the key that its instances name."""

    day: str
    key: str
    instruction: str
    input_fields: Sequence[str]
    output_field: str
    label_space: Sequence[str]
    prompt_version: str
    licence: str


@dataclass(frozen=True)
class ProposalFilter:
    """What proposals are wanted; what is empty or None does not matter.

    Attributes:
        words: of the instruction, all of which it must hold.
        source: a dataset, an owner with `/` at the end, or the beginning of a name with `*`.
        kept: whether it was kept.
        form: of the instruction set that its task is native to.
    """

    words: str = ""
    source: str = ""
    licence: str = ""
    mode: str = ""
    kept: bool | None = None
    reason: str = ""
    day: str = ""
    form: str = ""


_RECORD = (
    ProposalRow.day, ProposalRow.dataset_id, ProposalRow.request_key, ProposalRow.position,
    ProposalRow.revision, ProposalRow.config, ProposalRow.mode, ProposalRow.reason,
    ProposalRow.detail, ProposalRow.task_key, ProposalRow.payload, RevisionRow.licences,
)  # fmt: skip
_WITHIN_A_DAY = (ProposalRow.dataset_id, ProposalRow.request_key, ProposalRow.position)
_WITH_CARD = select(*_RECORD).outerjoin(
    RevisionRow,
    and_(RevisionRow.day == ProposalRow.day, RevisionRow.dataset_id == ProposalRow.dataset_id),
)


def list_proposals(
    engine: Engine, wanted: ProposalFilter, after: ProposalPlace | None, most: int
) -> list[ProposalRecord]:
    """List proposals, the newest day first; within a day by dataset, request and position.

    Args:
        engine: of the product's database.
        wanted: which ones.
        after: the place of the last one that is not wanted again.
        most: how many at most.
    """
    query = (
        _WITH_CARD.where(*_conditions(wanted), *_following(after))
        .order_by(ProposalRow.day.desc(), *_WITHIN_A_DAY)
        .limit(most)
    )
    with reading(engine) as session:
        return [_proposal(row) for row in session.execute(query)]


def count_proposals(engine: Engine, wanted: ProposalFilter, most: int) -> int:
    """Count proposals, up to `most` of them."""
    found = select(ProposalRow.day).where(*_conditions(wanted)).limit(most).subquery()
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(found)) or 0


def find_proposal(
    engine: Engine, day: str, request_key: str, position: int
) -> ProposalRecord | None:
    """Read one proposal; None where there is no such one."""
    query = _WITH_CARD.where(
        ProposalRow.day == day,
        ProposalRow.request_key == request_key,
        ProposalRow.position == position,
    )
    with reading(engine) as session:
        row = session.execute(query).one_or_none()
    return None if row is None else _proposal(row)


def find_task(engine: Engine, day: str, key: str) -> TaskRecord | None:
    """Read one task of a day; None where the day has no such one."""
    with reading(engine) as session:
        row = session.get(TaskRow, (day, key))
    if row is None:
        return None
    return TaskRecord(
        day=row.day,
        key=row.key,
        instruction=row.instruction,
        input_fields=tuple(row.input_fields),
        output_field=row.output_field,
        label_space=tuple(row.label_space),
        prompt_version=row.prompt_version,
        licence=row.licence,
    )


def task_sources(engine: Engine) -> frozenset[str]:
    """Name the datasets that have a task."""
    with reading(engine) as session:
        return frozenset(session.scalars(select(TaskRow.dataset_id).distinct()))


def _proposal(row: Sequence[Any]) -> ProposalRecord:
    *facts, payload, licences = row
    proposed = payload[0] if payload else None
    return ProposalRecord(*[*facts, proposed, tuple(licences or ())])


def _conditions(wanted: ProposalFilter) -> list[ColumnElement[bool]]:
    equal = (
        (ProposalRow.mode, wanted.mode),
        (ProposalRow.reason, wanted.reason),
        (ProposalRow.day, wanted.day),
    )
    found: list[ColumnElement[bool]] = [column == value for column, value in equal if value]
    if wanted.words:
        asked = func.plainto_tsquery(_SIMPLE, wanted.words)
        found.append(literal_column(PROPOSAL_WORDS).op("@@")(asked))
    if wanted.source:
        found.append(_of_source(wanted.source))
    if wanted.form:
        native = select(TaskRow.day, TaskRow.key).where(TaskRow.form == wanted.form)
        found.append(tuple_(ProposalRow.day, ProposalRow.task_key).in_(native))
    if wanted.licence:
        found.append(_under_licence(wanted.licence))
    if wanted.kept is not None:
        is_kept = ProposalRow.reason.is_(None)
        found.append(is_kept if wanted.kept else ~is_kept)
    return found


def _of_source(source: str) -> ColumnElement[bool]:
    if source.endswith(("/", "*")):
        return ProposalRow.dataset_id.startswith(source.removesuffix("*"), autoescape=True)
    return ProposalRow.dataset_id == source


def _under_licence(licence: str) -> ColumnElement[bool]:
    cards = select(RevisionRow.day, RevisionRow.dataset_id).where(
        RevisionRow.licences.contains([licence.lower()])
    )
    return tuple_(ProposalRow.day, ProposalRow.dataset_id).in_(cards)


def _following(after: ProposalPlace | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    day, *rest = after
    within = tuple_(*_WITHIN_A_DAY)
    return [ProposalRow.day <= day, or_(ProposalRow.day < day, within > tuple_(*rest))]


def tasks_of_form(engine: Engine, form: str) -> frozenset[str]:
    """Read the keys of the tasks that are native to instruction sets of a form."""
    with reading(engine) as session:
        return frozenset(session.scalars(select(TaskRow.key).where(TaskRow.form == form)))


def proposals_of_tasks(engine: Engine, keys: Collection[str]) -> dict[str, ProposalPlace]:
    """Read the place of the newest proposal that became each of those tasks, by the task's key."""
    query = (
        select(
            ProposalRow.task_key, ProposalRow.day, ProposalRow.dataset_id,
            ProposalRow.request_key, ProposalRow.position,
        )
        .where(ProposalRow.task_key.in_(keys), ProposalRow.reason.is_(None))
        .order_by(ProposalRow.day)
    )  # fmt: skip
    with reading(engine) as session:
        return {str(key): (day, name, request, at) for key, day, name, request, at in
                session.execute(query)}  # fmt: skip
