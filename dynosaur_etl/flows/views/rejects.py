"""Everything that was left out, found by stage, reason, day and name."""

from typing import Literal

from sqlalchemy import ColumnElement, or_, select, tuple_

from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.paging import Day, Part, Search, Text, part_of, place
from dynosaur_etl.flows.views.tasks import words_of
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import RejectionRow

_ORDER = ("day", "stage", "subject", "reason")


class RejectSearch(Search):
    """By what rejects are found; what is empty does not matter.

    Attributes:
        subject: what the subject's name begins with.
    """

    stage: Stage | Literal[""] = ""
    reason: Reason | Literal[""] = ""
    day: Day = ""
    subject: Text = ""


def find_rejects(services: Services, search: RejectSearch) -> Part:
    """Give rejects, the newest day first; within a day by stage and subject."""
    columns = (RejectionRow.stage, RejectionRow.subject, RejectionRow.reason)
    query = (
        select(RejectionRow.day, *columns, RejectionRow.number, RejectionRow.detail)
        .where(*_conditions(search), *_after(search.after))
        .order_by(RejectionRow.day.desc(), *columns)
        .limit(search.size + 1)
    )
    with reading(services.engine) as session:
        found = session.execute(query).mappings().all()
    lines = [{**row, "words": words_of(row["reason"])} for row in found]
    return part_of(lines, search.size, _ORDER)


def _conditions(search: RejectSearch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if search.stage:
        found.append(RejectionRow.stage == str(search.stage))
    if search.reason:
        found.append(RejectionRow.reason == str(search.reason))
    if search.day:
        found.append(RejectionRow.day == search.day)
    if search.subject:
        found.append(RejectionRow.subject.startswith(search.subject, autoescape=True))
    return found


def _after(text: str) -> list[ColumnElement[bool]]:
    key = place(text, (str, str, str, str))
    if key is None:
        return []
    day, *rest = key
    within = tuple_(RejectionRow.stage, RejectionRow.subject, RejectionRow.reason)
    return [RejectionRow.day <= day, or_(RejectionRow.day < day, within > tuple_(*rest))]
