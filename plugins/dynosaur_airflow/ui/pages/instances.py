"""Instances: the rows of a version's pool, or of the store, and one of them whole."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as FromPath
from pydantic import BeforeValidator
from starlette.responses import Response

from dynosaur_etl.domain.models import Mode
from dynosaur_etl.flows.views.instance_pages import (
    instance_list,
    instance_page,
    list_instances,
    offered_versions,
)
from dynosaur_etl.flows.views.read_only import read_only_services
from dynosaur_etl.flows.views.row_search import RowSearch
from dynosaur_etl.flows.views.row_statistics import row_statistics
from dynosaur_etl.flows.views.task_list import FORMS
from dynosaur_etl.pages.downloads import INSTANCE_COLUMNS, FileForm, download
from dynosaur_etl.pages.rendering import page

Key = Annotated[str, FromPath(pattern=r"^[0-9a-f]{16,64}$")]
Version = Annotated[
    int | None,
    BeforeValidator(lambda text: str(text).removeprefix("v") or None),
    Query(ge=0, le=1_000_000),
]

router = APIRouter()


@router.get("/instances")
def instances(request: Request, search: Annotated[RowSearch, Query()]) -> Response:
    """Rows by source, licence, form, task, day, split, quality, selection and words."""
    with read_only_services() as services:
        found = instance_list(services, search)
    content = {
        "search": search,
        "found": found,
        "modes": [str(mode) for mode in Mode],
        "forms": FORMS,
    }
    return page(request, "instances.html.jinja", content, here="instances")


@router.get("/instances.{form}")
def instances_file(form: FileForm, search: Annotated[RowSearch, Query()]) -> Response:
    """What the filters find as a file of up to 10,000 rows."""
    with read_only_services() as services:
        part = list_instances(services, search.for_download())
    return download(part.rows, INSTANCE_COLUMNS, "instances", form)


@router.get("/instances/{key}")
def instance(request: Request, key: Key, version: Version = None) -> Response:
    """One row: its turns, where it comes from, and what became of it."""
    with read_only_services() as services:
        found = instance_page(services, key, version)
    content = {"found": found, "report": found.report}
    return page(request, "instance.html.jinja", content, here="instances")


@router.get("/statistics")
def statistics(request: Request, version: Version = None, against: Version = None) -> Response:
    """Each column of a version's pool beside its picks, or of two versions."""
    with read_only_services() as services:
        found = row_statistics(services, version, against)
        versions = offered_versions(services)
    content = {"found": found, "versions": versions, "against": against}
    return page(request, "statistics.html.jinja", content, here="instances")
