"""Proposals, and the tasks that some of them became, found by filters."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from dynosaur_etl.domain.models import Mode
from dynosaur_etl.domain.reasons import Reason, words_of
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.paging import (
    Day,
    ListSearch,
    Part,
    PlaceNumber,
    PlaceText,
    Text,
    counted,
    part_of,
    read_cursor,
)
from dynosaur_etl.forms.form import Form
from dynosaur_etl.store.facts.proposed_tasks import (
    ProposalFilter,
    ProposalPlace,
    ProposalRecord,
    count_proposals,
    list_proposals,
)

_PLACES: TypeAdapter[ProposalPlace] = TypeAdapter(
    tuple[PlaceText, PlaceText, PlaceText, PlaceNumber]
)
FORMS = tuple(str(form) for form in Form)
_KEPT = {"kept": True, "rejected": False}


@dataclass(frozen=True)
class ProposalLine:
    """A proposal with its verdict, `kept` or `rejected`, and the words of the reason."""

    day: str
    dataset: str
    request_key: str
    position: int
    revision: str
    config: str
    mode: str
    form: str
    reason: str | None
    detail: str
    task_key: str | None
    instruction: str
    licence: str
    verdict: str
    words: str

    @property
    def place(self) -> ProposalPlace:
        return self.day, self.dataset, self.request_key, self.position


class TaskSearch(ListSearch):
    """By what proposals are found; what is empty does not matter.

    Attributes:
        words: of the instruction, all of which it must hold.
        source: a dataset, or an owner with `/` at the end.
        form: of an instruction set, whose task is native.
    """

    words: Text = ""
    source: Text = ""
    licence: Text = ""
    mode: Mode | Literal[""] = ""
    form: Form | Literal[""] = ""
    verdict: Literal["", "kept", "rejected"] = ""
    reason: Reason | Literal[""] = ""
    day: Day = ""


def find_tasks(services: Services, search: TaskSearch) -> Part[ProposalLine]:
    """Return proposals, the newest day first; within a day by dataset and request."""
    wanted = ProposalFilter(
        words=search.words,
        source=search.source,
        licence=search.licence,
        mode=search.mode,
        form=search.form,
        kept=_KEPT.get(search.verdict),
        reason=search.reason,
        day=search.day,
    )
    after = read_cursor(search.after, _PLACES)
    found = list_proposals(services.engine, wanted, after, search.size + 1)
    part = part_of([proposal_line(record) for record in found], search.size)
    return counted(part, search, lambda most: count_proposals(services.engine, wanted, most))


def proposal_line(record: ProposalRecord) -> ProposalLine:
    """Return a proposal as lists and pages show it."""
    return ProposalLine(
        day=record.day,
        dataset=record.dataset,
        request_key=record.request_key,
        position=record.position,
        revision=record.revision,
        config=record.config,
        mode=record.mode,
        form=record.form,
        reason=record.reason,
        detail=record.detail,
        task_key=record.task_key,
        instruction=record.instruction,
        licence=", ".join(record.licences),
        verdict="kept" if record.reason is None else "rejected",
        words=words_of(record.reason),
    )
