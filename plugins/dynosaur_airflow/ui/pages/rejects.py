"""Rejects: every thing that was left out, where and why."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.views.read_only import read_only_services
from dynosaur_etl.flows.views.reject_list import RejectSearch, find_rejects
from dynosaur_etl.pages.downloads import FileForm, download
from dynosaur_etl.pages.rendering import page

_COLUMNS = ("day", "stage", "subject", "reason", "words", "number", "detail")

router = APIRouter()


@router.get("/rejects")
def rejects(request: Request, search: Annotated[RejectSearch, Query()]) -> Response:
    """Rejects by stage, reason, day and name, the newest day first."""
    with read_only_services() as services:
        part = find_rejects(services, search)
    content = {
        "search": search,
        "part": part,
        "stages": [str(stage) for stage in Stage],
        "reasons": [str(reason) for reason in Reason],
    }
    return page(request, "rejects.html.jinja", content, here="rejects")


@router.get("/rejects.{form}")
def rejects_file(form: FileForm, search: Annotated[RejectSearch, Query()]) -> Response:
    """What the filters find as a file of up to 10,000 rows."""
    with read_only_services() as services:
        found = find_rejects(services, search.for_download())
    return download(found.rows, _COLUMNS, "rejects", form)
