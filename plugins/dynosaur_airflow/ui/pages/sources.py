"""Sources: whose data the newest snapshot's pool is made of, and what was withdrawn."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as FromPath
from starlette.responses import Response

from dynosaur_etl.flows.views.dataset_report import dataset_report
from dynosaur_etl.flows.views.read_only import read_only_services
from dynosaur_etl.flows.views.source_shares import SourceSearch, find_sources
from dynosaur_etl.pages.downloads import FileForm, download
from dynosaur_etl.pages.rendering import page

_COLUMNS = (
    "dataset", "revision", "owner", "licence", "languages", "pretty_name", "pool_instances",
    "share", "selected_instances", "selected_share", "url",
)  # fmt: skip

NamePart = Annotated[str, FromPath(max_length=200, pattern=r"^[\w.-]+$")]

router = APIRouter()


@router.get("/sources")
def sources(request: Request, search: Annotated[SourceSearch, Query()]) -> Response:
    """Sources by owner and licence, the largest first."""
    with read_only_services() as services:
        found = find_sources(services, search)
    return page(request, "sources.html.jinja", {"search": search, "found": found}, here="sources")


@router.get("/sources.{form}")
def sources_file(form: FileForm, search: Annotated[SourceSearch, Query()]) -> Response:
    """What the filters find as a file of up to 10,000 rows."""
    with read_only_services() as services:
        found = find_sources(services, search.for_download())
    return download(found.part.rows, _COLUMNS, "sources", form)


@router.get("/datasets/{owner}/{name}")
def dataset(request: Request, owner: NamePart, name: NamePart) -> Response:
    """One dataset: what each day said of it, and what was left out."""
    with read_only_services() as services:
        report = dataset_report(services, f"{owner}/{name}")
    return page(request, "dataset.html.jinja", {"report": report}, here="sources")
