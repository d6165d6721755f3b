"""Everything that was rejected, found by stage, reason, day and name."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from dynosaur_etl.domain.reasons import Reason, Stage, words_of
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.paging import (
    Day,
    ListSearch,
    Part,
    PlaceText,
    Text,
    part_of,
    read_cursor,
)
from dynosaur_etl.store.facts.rejections import (
    RejectionFilter,
    RejectionPlace,
    RejectionRecord,
    list_rejections,
)

_PLACES: TypeAdapter[RejectionPlace] = TypeAdapter(
    tuple[PlaceText, PlaceText, PlaceText, PlaceText]
)


@dataclass(frozen=True)
class RejectLine(RejectionRecord):
    """A thing that was rejected, with the reason's words."""

    words: str

    @property
    def place(self) -> RejectionPlace:
        return self.day, self.stage, self.subject, self.reason


class RejectSearch(ListSearch):
    """By what rejects are found; what is empty does not matter.

    Attributes:
        subject: what the subject's name begins with.
    """

    stage: Stage | Literal[""] = ""
    reason: Reason | Literal[""] = ""
    day: Day = ""
    subject: Text = ""


def find_rejects(services: Services, search: RejectSearch) -> Part[RejectLine]:
    """Return rejects, the newest day first; within a day by stage and subject."""
    wanted = RejectionFilter(search.stage, search.reason, search.day, search.subject)
    after = read_cursor(search.after, _PLACES)
    found = list_rejections(services.engine, wanted, after, search.size + 1)
    return part_of([reject_line(record) for record in found], search.size)


def reject_line(record: RejectionRecord) -> RejectLine:
    """Return a rejection with the words of its reason."""
    return RejectLine(**vars(record), words=words_of(record.reason))
