"""One proposal with all that is known of it: prompt, answer, verdicts, examples and source."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.reasons import words_of
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.hub_links import HubLinks, hub_links, row_link
from dynosaur_etl.flows.views.reason_counts import ReasonCount, reason_counts
from dynosaur_etl.flows.views.task_list import ProposalLine, proposal_line
from dynosaur_etl.llm.providers import provider_or_unknown
from dynosaur_etl.proposals.validity import FILTERS
from dynosaur_etl.store.facts.hub_datasets import pretty_name
from dynosaur_etl.store.facts.llm_requests import RequestRecord, find_request
from dynosaur_etl.store.facts.proposed_tasks import (
    TaskRecord,
    find_proposal,
    find_task,
    proposals_of_tasks,
)
from dynosaur_etl.store.facts.rejections import count_rows_of_task
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import files_of

EXAMPLES = 5


@dataclass(frozen=True)
class FilterVerdict:
    """What a validity filter says: `passed`, `rejected`, or `not asked` after a reject."""

    reason: str
    words: str
    verdict: str


@dataclass(frozen=True)
class FilledExample:
    """An instance of a task, and the row of the dataset that it was made from.

    Attributes:
        link: where the Hub shows the row, of the newest revision.
    """

    task_key: str
    input: str
    output: str
    split: str
    row: int
    link: str


@dataclass(frozen=True)
class TaskReport:
    """A proposal, and what became of it.

    Attributes:
        task: that it became; None where it was rejected.
        request: that was sent; None where the ledger no longer holds it.
        provider: of the server that it was sent to.
        answer: what the LLM said, as text.
        payload: the proposal as it was read, as indented JSON.
        lost_rows: rows that filling rejected.
    """

    proposal: ProposalLine
    task: TaskRecord | None
    pretty_name: str
    request: RequestRecord | None
    provider: str
    answer: str
    payload: str
    filters: Sequence[FilterVerdict]
    lost_rows: Sequence[ReasonCount]
    examples: Sequence[FilledExample]
    links: HubLinks


def task_report(services: Services, day: str, request_key: str, position: int) -> TaskReport:
    """Return one proposal: what was asked and answered, its verdicts, and what it was filled to.

    Raises:
        InvalidInput: there is no such proposal.
    """
    engine = services.engine
    proposal = find_proposal(engine, day, request_key, position)
    if proposal is None:
        raise InvalidInput(not_allowed("proposal", f"{day} {request_key}", "one of the list"))
    task = find_task(engine, day, proposal.task_key) if proposal.task_key else None
    request = find_request(engine, request_key)
    lost = count_rows_of_task(engine, day, proposal.task_key) if proposal.task_key else {}
    return TaskReport(
        proposal=proposal_line(proposal),
        task=task,
        pretty_name=pretty_name(engine, day, proposal.dataset),
        request=request,
        provider=provider_or_unknown(None if request is None else request.server),
        answer="" if request is None else _answer(request),
        payload=json.dumps(proposal.payload, indent=2, ensure_ascii=False),
        filters=[] if proposal.form else filter_verdicts(proposal.reason),
        lost_rows=reason_counts(lost),
        examples=[] if task is None else _examples(services, task),
        links=hub_links(services, proposal.dataset, proposal.revision),
    )


def task_address(services: Services, key: str) -> str:
    """Return the place of a task below the list of tasks: day, request and position.

    Raises:
        InvalidInput: there is no task of that key.
    """
    found = proposals_of_tasks(services.engine, [key]).get(key)
    if found is None:
        raise InvalidInput(not_allowed("task", key, "the key of one of the list"))
    day, _, request, position = found
    return f"{day}/{request}/{position}"


def filter_verdicts(reason: str | None) -> list[FilterVerdict]:
    """Return each validity filter's verdict, in the order in which they are asked."""
    names = [str(found.reason) for found in FILTERS]
    if reason is not None and reason not in names:
        names.append(reason)  # the critic's, which comes after all filters
    end = len(names) if reason is None else names.index(reason)
    return [
        FilterVerdict(name, words_of(name), _verdict(number, end))
        for number, name in enumerate(names)
    ]


def _verdict(number: int, end: int) -> str:
    if number == end:
        return "rejected"
    return "passed" if number < end else "not asked"


def _answer(request: RequestRecord) -> str:
    return str(request.response.get("content") or request.response.get("refusal") or "")


def _examples(services: Services, task: TaskRecord) -> list[FilledExample]:
    """Read the first instances of a task from the files of its day."""
    columns = ["task_key", "input", "output", "split", "row", "dataset", "config"]
    found: list[FilledExample] = []
    for file in files_of(services.engine, FileKind.INSTANCES, task.day):
        with services.storage.batches(file.path, columns) as (_, batches):
            for batch in batches:
                rows = batch.to_pylist() if task.key in batch["task_key"].to_pylist() else []
                found += [_example(services, row) for row in rows if row["task_key"] == task.key]
                if len(found) >= EXAMPLES:
                    return found[:EXAMPLES]
    return found


def _example(services: Services, row: dict[str, Any]) -> FilledExample:
    endpoint = str(services.settings.hf_endpoint)
    dataset, config = row.pop("dataset"), row.pop("config")
    return FilledExample(**row, link=row_link(endpoint, dataset, config, row["split"], row["row"]))
