"""Proposals and the tasks that they became: found by filters, and one with all that is known."""

from typing import Any, Literal
from urllib.parse import quote

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, tuple_
from sqlalchemy.orm import Session

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.models import Mode
from dynosaur_etl.domain.money import write_dollars
from dynosaur_etl.domain.reasons import REASON_WORDS, Reason, Stage
from dynosaur_etl.flows.fill.shards import INSTANCE_FILES
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.paging import Day, Part, Search, Text, part_of, place
from dynosaur_etl.llm.providers import provider_of
from dynosaur_etl.proposals.validity import FILTERS
from dynosaur_etl.store.steps import files_of
from dynosaur_etl.store.tables import (
    PROPOSAL_WORDS,
    LlmRequestRow,
    ProposalRow,
    RejectionRow,
    RevisionRow,
    TaskRow,
)

EXAMPLES = 5
_ORDER = ("day", "dataset", "request_key", "position")
_SIMPLE: ColumnElement[str] = literal_column("'simple'")


class TaskSearch(Search):
    """By what proposals are found; what is empty does not matter.

    Attributes:
        words: of the instruction, all of which it must hold.
        source: a dataset, or an owner with `/` at the end.
    """

    words: Text = ""
    source: Text = ""
    licence: Text = ""
    mode: Mode | Literal[""] = ""
    verdict: Literal["", "kept", "rejected"] = ""
    reason: Reason | Literal[""] = ""
    day: Day = ""


def find_tasks(services: Services, search: TaskSearch) -> Part:
    """Give proposals, the newest day first; within a day by dataset and request."""
    query = _listed().where(*_conditions(search), *_after(search.after))
    order = (
        ProposalRow.day.desc(),
        ProposalRow.dataset_id,
        ProposalRow.request_key,
        ProposalRow.position,
    )
    with Session(services.engine) as session:
        found = session.execute(query.order_by(*order).limit(search.size + 1)).mappings().all()
    return part_of([_line(dict(row)) for row in found], search.size, _ORDER)


def task_report(services: Services, day: str, request_key: str, position: int) -> dict[str, Any]:
    """Give one proposal: what was asked and answered, its verdicts, and what it was filled to.

    Raises:
        InvalidInput: there is no such proposal.
    """
    with Session(services.engine) as session:
        proposal = session.get(ProposalRow, (day, request_key, position))
        if proposal is None:
            raise InvalidInput(not_allowed("proposal", f"{day} {request_key}", "one of the list"))
        task = session.get(TaskRow, (day, proposal.task_key)) if proposal.task_key else None
        card = session.get(RevisionRow, (day, proposal.dataset_id))
        request = session.get(LlmRequestRow, request_key)
        lost = _lost_rows(session, day, proposal.task_key)
    return {
        "proposal": _proposal(proposal),
        "task": None if task is None else _task(task),
        "licences": ", ".join(card.licences) if card is not None else "",
        "pretty_name": card.pretty_name if card is not None else "",
        "request": None if request is None else _request(request),
        "filters": filter_verdicts(proposal.reason),
        "lost_rows": lost,
        "examples": [] if task is None else _examples(services, task),
        "links": _links(services, proposal),
    }


def filter_verdicts(reason: str | None) -> list[dict[str, str]]:
    """Give each validity filter's verdict: `passed`, `rejected`, or `not asked` after a reject."""
    names = [str(found.reason) for found in FILTERS]
    if reason is not None and reason not in names:
        names.append(reason)  # the critic's, which comes after all filters
    end = len(names) if reason is None else names.index(reason)
    return [
        {"reason": name, "words": REASON_WORDS[Reason(name)], "verdict": _verdict(number, end)}
        for number, name in enumerate(names)
    ]


def _verdict(number: int, end: int) -> str:
    if number == end:
        return "rejected"
    return "passed" if number < end else "not asked"


def _listed() -> Any:
    card = and_(
        RevisionRow.day == ProposalRow.day, RevisionRow.dataset_id == ProposalRow.dataset_id
    )
    return select(
        ProposalRow.day,
        ProposalRow.dataset_id.label("dataset"),
        ProposalRow.request_key,
        ProposalRow.position,
        ProposalRow.revision,
        ProposalRow.config,
        ProposalRow.mode,
        ProposalRow.reason,
        ProposalRow.detail,
        ProposalRow.task_key,
        ProposalRow.payload,
        RevisionRow.licences,
    ).outerjoin(RevisionRow, card)


def _conditions(search: TaskSearch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if search.words:
        asked = func.plainto_tsquery(_SIMPLE, search.words)
        found.append(literal_column(PROPOSAL_WORDS).op("@@")(asked))
    if search.source.endswith("/"):
        found.append(ProposalRow.dataset_id.startswith(search.source, autoescape=True))
    elif search.source:
        found.append(ProposalRow.dataset_id == search.source)
    if search.licence:
        found.append(_under_licence(search.licence))
    if search.mode:
        found.append(ProposalRow.mode == str(search.mode))
    if search.verdict:
        kept = ProposalRow.reason.is_(None)
        found.append(kept if search.verdict == "kept" else ~kept)
    if search.reason:
        found.append(ProposalRow.reason == str(search.reason))
    if search.day:
        found.append(ProposalRow.day == search.day)
    return found


def _under_licence(licence: str) -> ColumnElement[bool]:
    cards = select(RevisionRow.day, RevisionRow.dataset_id).where(
        RevisionRow.licences.contains([licence.lower()])
    )
    return tuple_(ProposalRow.day, ProposalRow.dataset_id).in_(cards)


def _after(text: str) -> list[ColumnElement[bool]]:
    key = place(text, (str, str, str, int))
    if key is None:
        return []
    day, *rest = key
    within = tuple_(ProposalRow.dataset_id, ProposalRow.request_key, ProposalRow.position)
    return [ProposalRow.day <= day, or_(ProposalRow.day < day, within > tuple_(*rest))]


def _line(row: dict[str, Any]) -> dict[str, Any]:
    payload, licences = row.pop("payload"), row.pop("licences")
    return row | {
        "instruction": _instruction(payload),
        "licence": ", ".join(licences or ()),
        "verdict": "kept" if row["reason"] is None else "rejected",
        "words": words_of(row["reason"]),
    }


def words_of(reason: str | None) -> str:
    """Give a reason's sentence; nothing for what was kept."""
    return "" if reason is None else REASON_WORDS[Reason(reason)]


def _instruction(payload: list[Any]) -> str:
    first = payload[0] if payload else None
    text = first.get("instruction") if isinstance(first, dict) else None
    return text if isinstance(text, str) else ""


def _proposal(row: ProposalRow) -> dict[str, Any]:
    return {
        "day": row.day,
        "request_key": row.request_key,
        "position": row.position,
        "dataset": row.dataset_id,
        "revision": row.revision,
        "config": row.config,
        "mode": row.mode,
        "payload": row.payload[0] if row.payload else None,
        "instruction": _instruction(row.payload),
        "reason": row.reason,
        "words": words_of(row.reason),
        "detail": row.detail,
        "task_key": row.task_key,
    }


def _task(row: TaskRow) -> dict[str, Any]:
    return {
        "day": row.day,
        "key": row.key,
        "instruction": row.instruction,
        "input_fields": row.input_fields,
        "output_field": row.output_field,
        "label_space": row.label_space,
        "prompt_version": row.prompt_version,
        "licence": row.licence,
    }


def _request(row: LlmRequestRow) -> dict[str, Any]:
    return {
        "model": (row.response or {}).get("model") or row.model,
        "asked_model": row.model,
        "provider": "unknown" if row.server is None else provider_of(row.server),
        "answered_on": "unknown" if row.answered_at is None else f"{row.answered_at:%Y-%m-%d}",
        "reasoning_tokens": row.reasoning_tokens,
        "prompt_version": row.prompt_version,
        "status": row.status,
        "attempts": row.attempts,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "cost_usd": None if row.cost_usd is None else write_dollars(row.cost_usd),
        "messages": row.request.get("messages") or [],
        "response": row.response or {},
        "error": row.error,
    }


def _lost_rows(session: Session, day: str, task_key: str | None) -> list[dict[str, Any]]:
    """Count what filling left out of a task, by reason."""
    query = select(RejectionRow.reason, RejectionRow.number).where(
        RejectionRow.day == day,
        RejectionRow.stage == Stage.FILL,
        RejectionRow.subject == task_key,
    )
    return [
        {"reason": reason, "words": words_of(reason), "number": number}
        for reason, number in session.execute(query.order_by(RejectionRow.number.desc()))
    ]


def _examples(services: Services, task: TaskRow) -> list[dict[str, Any]]:
    """Give the first instances of a task, from the files of its day."""
    columns = ["task_key", "input", "output", "split", "row"]
    found: list[dict[str, Any]] = []
    for file in files_of(services.engine, INSTANCE_FILES, task.day):
        with services.storage.batches(file.path, columns) as (_, batches):
            for batch in batches:
                rows = batch.to_pylist() if task.key in batch["task_key"].to_pylist() else []
                found += [row for row in rows if row["task_key"] == task.key]
                if len(found) >= EXAMPLES:
                    return found[:EXAMPLES]
    return found


def _links(services: Services, row: ProposalRow) -> dict[str, str]:
    return source_links(services, row.dataset_id, row.revision)


def source_links(services: Services, dataset: str, revision: str) -> dict[str, str]:
    """Give where the Hub shows a dataset at a revision: its files and its card."""
    root = f"{str(services.settings.hf_endpoint).rstrip('/')}/datasets/{quote(dataset)}"
    at = quote(revision, safe="")
    return {"files": f"{root}/tree/{at}", "card": f"{root}/blob/{at}/README.md"}
