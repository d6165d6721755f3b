"""Everything that was rejected, found by stage, reason, day and name."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from dynosaur_etl.domain.reasons import Reason, Stage, words_of
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.paging import (
    Day,
    ListSearch,
    Part,
    PlaceText,
    Text,
    counted,
    part_of,
    read_cursor,
)
from dynosaur_etl.store.facts.rejections import (
    RejectionFilter,
    RejectionPlace,
    RejectionRecord,
    count_rejections,
    list_rejections,
)

_PLACES: TypeAdapter[RejectionPlace] = TypeAdapter(
    tuple[PlaceText, PlaceText, PlaceText, PlaceText]
)


_TASK_KEY = re.compile(r"[0-9a-f]{32,64}")
_DATASET = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class RejectLine(RejectionRecord):
    """A thing that was rejected, with the reason's words."""

    words: str

    @property
    def place(self) -> RejectionPlace:
        return self.day, self.stage, self.subject, self.reason

    @property
    def address(self) -> str:
        """Where the pages tell of its subject, below their root; empty where nowhere."""
        return subject_address(self.subject, self.day, self.reason)


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
    part = part_of([reject_line(record) for record in found], search.size)
    return counted(part, search, lambda most: count_rejections(services.engine, wanted, most))


def reject_line(record: RejectionRecord) -> RejectLine:
    """Return a rejection with the words of its reason."""
    return RejectLine(**vars(record), words=words_of(record.reason))


def subject_address(subject: str, day: str, reason: str) -> str:
    """Return the page of what was rejected: a task, a proposal, or a dataset.

    Subjects are keys of tasks, `owner/name@revision/config#proposal`, or begin with a dataset.
    """
    if _TASK_KEY.fullmatch(subject):
        return f"/tasks/of/{subject}"
    dataset = _DATASET.match(subject)
    if dataset is None:
        return ""
    if "#" in subject:
        filters = {"source": dataset[0], "day": day, "reason": reason}
        return f"/tasks?{urlencode(filters)}"
    return f"/datasets/{quote(dataset[0])}"
