"""What the pages of instances show: rows with the addresses of their tasks, and the versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.row_columns import row_columns
from dynosaur_etl.flows.views.row_report import RowReport, row_report
from dynosaur_etl.flows.views.row_search import RowPart, RowSearch, find_rows
from dynosaur_etl.flows.views.row_set import EVERYTHING, RowSet, row_set
from dynosaur_etl.flows.views.row_words import WordIndex
from dynosaur_etl.store.facts.proposed_tasks import proposals_of_tasks, tasks_of_form
from dynosaur_etl.store.facts.snapshot_versions import newest_versions

_VERSIONS_OFFERED = 100


@dataclass(frozen=True)
class RowChoices:
    """What the filters of a set offer: its versions by number, and the values of its columns."""

    versions: Mapping[int, str]
    licences: Sequence[str]
    splits: Sequence[str]


@dataclass(frozen=True)
class InstanceList:
    """A part of the rows of a set.

    Attributes:
        version: of the set; 0 for everything in the store.
        tasks: address of each row's task below the list of tasks, by its key.
    """

    name: str
    version: int | None
    part: RowPart
    tasks: Mapping[str, str]
    choices: RowChoices


@dataclass(frozen=True)
class InstancePage:
    """One row of a set; `task` is the address of its task, empty where it is not known."""

    name: str
    version: int | None
    report: RowReport
    task: str


def word_index(services: Services) -> WordIndex:
    """Return the index of words below the home."""
    return WordIndex(services.settings.home.absolute() / "cache")


def list_instances(services: Services, search: RowSearch) -> RowPart:
    """Return the part of the rows that is asked for.

    Raises:
        InvalidInput: there is no such version, or the place is none of the list.
        Corrupt: a file is missing or cannot be read.
    """
    return _find(services, row_set(services, search.version), search)


def instance_list(services: Services, search: RowSearch) -> InstanceList:
    """Return the same with what the page needs around it."""
    rows = row_set(services, search.version)
    part = _find(services, rows, search)
    columns = row_columns(rows)
    return InstanceList(
        name=rows.name,
        version=rows.version,
        part=part,
        tasks=_task_addresses(services, [line.task_key for line in part.rows]),
        choices=RowChoices(
            versions=offered_versions(services),
            licences=sorted(columns.coded["licence"].names),
            splits=sorted(columns.coded["split"].names),
        ),
    )


def instance_page(services: Services, key: str, version: int | None) -> InstancePage:
    """Return one row with the address of its task.

    Raises:
        InvalidInput: there is no such version, or it has no such row.
        Corrupt: a file is missing or cannot be read.
    """
    rows = row_set(services, version)
    report = row_report(rows, key, str(services.settings.hf_endpoint))
    task = report.line.task_key
    return InstancePage(
        rows.name, rows.version, report, _task_addresses(services, [task]).get(task, "")
    )


def _find(services: Services, rows: RowSet, search: RowSearch) -> RowPart:
    tasks = tasks_of_form(services.engine, search.form) if search.form else None
    return find_rows(rows, search, word_index(services), tasks)


def _task_addresses(services: Services, keys: Sequence[str]) -> dict[str, str]:
    found = proposals_of_tasks(services.engine, keys)
    return {key: f"{day}/{request}/{at}" for key, (day, _, request, at) in found.items()}


def offered_versions(services: Services) -> dict[int, str]:
    """Return the versions that can be chosen by number; 0 is everything in the store."""
    offered = {EVERYTHING: "everything in the store"}
    for record in newest_versions(services.engine, _VERSIONS_OFFERED):
        offered[record.version] = record.name
    return offered
