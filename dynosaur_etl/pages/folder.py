"""The pages of a version's folder alone: its card, rows, statistics and sources."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi import Path as FromPath
from pydantic import BeforeValidator
from starlette.responses import FileResponse, RedirectResponse, Response

from dynosaur_etl.domain.models import Mode
from dynosaur_etl.flows.views.folder_view import FolderView
from dynosaur_etl.flows.views.paging import Text
from dynosaur_etl.flows.views.parameter_lines import parameter_lines
from dynosaur_etl.flows.views.row_search import RowSearch
from dynosaur_etl.pages import static_files
from dynosaur_etl.pages.answers import answer_alike
from dynosaur_etl.pages.charts import curve_chart
from dynosaur_etl.pages.downloads import INSTANCE_COLUMNS, FileForm, download
from dynosaur_etl.pages.guard import Guard
from dynosaur_etl.pages.markdown import card_html
from dynosaur_etl.pages.rendering import address, page

NAVIGATION = (
    ("folder", "/", "Version"),
    ("instances", "/instances", "Instances"),
    ("statistics", "/statistics", "Statistics"),
    ("sources", "/sources", "Sources"),
)
Key = Annotated[str, FromPath(pattern=r"^[0-9a-f]{16,64}$")]
Name = Annotated[str, FromPath(max_length=300)]
Version = Annotated[
    int | None,
    BeforeValidator(lambda text: str(text).removeprefix("v") or None),
    Query(ge=0, le=1_000_000),
]

router = APIRouter()


def folder_app(view: FolderView, guard: Guard) -> FastAPI:
    """Make the application that shows a folder to whom the guard lets in."""
    app = FastAPI(title="Training set", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.navigation = NAVIGATION
    app.state.view = view
    app.include_router(static_files.router)
    app.include_router(router)
    app.middleware("http")(guard)
    answer_alike(app)
    return app


def _view(request: Request) -> FolderView:
    found: FolderView = request.app.state.view
    return found


View = Annotated[FolderView, Depends(_view)]


@router.get("/")
def version(request: Request, view: View) -> Response:
    """The version: figures, curve, parameters, files and card."""
    report = view.report()
    content = {
        "view": view,
        "report": report,
        "parameters": parameter_lines(report.parameters),
        "curve": curve_chart(report.curve),
        "card": card_html(report.card, view.manifest.files, "/files"),
    }
    return page(request, "folder.html.jinja", content, here="folder")


@router.get("/files/{name:path}")
def file(view: View, name: Name) -> Response:
    """One file of the folder."""
    path = view.file(name)
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


@router.get("/instances")
def instances(request: Request, view: View, search: Annotated[RowSearch, Query()]) -> Response:
    """Rows by source, licence, task, day, split, quality, selection and words."""
    content = {
        "search": search,
        "found": view.instances(search),
        "modes": [str(mode) for mode in Mode],
        "forms": (),
    }
    return page(request, "instances.html.jinja", content, here="instances")


@router.get("/instances.{form}")
def instances_file(view: View, form: FileForm, search: Annotated[RowSearch, Query()]) -> Response:
    """What the filters find as a file of up to 10,000 rows."""
    part = view.find(search.for_download())
    return download(part.rows, INSTANCE_COLUMNS, "instances", form)


@router.get("/instances/{key}")
def instance(request: Request, view: View, key: Key, version: Version = None) -> Response:
    """One row whole."""
    found = view.instance(key, version)
    content = {"found": found, "report": found.report}
    return page(request, "instance.html.jinja", content, here="instances")


@router.get("/statistics")
def statistics(request: Request, view: View) -> Response:
    """Each column of all rows beside the picks."""
    found = view.statistics()
    content = {"found": found, "versions": {}, "against": None}
    return page(request, "statistics.html.jinja", content, here="statistics")


@router.get("/sources")
def sources(request: Request, view: View, begins: Annotated[Text, Query()] = "") -> Response:
    """Sources with their licences and numbers, the largest first."""
    content = {"begins": begins, "found": view.sources(begins)}
    return page(request, "folder_sources.html.jinja", content, here="sources")


@router.get("/datasets/{name:path}")
def dataset(request: Request, view: View, name: Name) -> Response:
    """One dataset at each of its revisions."""
    content = {"name": name, "found": view.source(name)}
    return page(request, "folder_dataset.html.jinja", content, here="sources")


@router.get("/tasks/of/{key}")
def task(request: Request, view: View, key: Key) -> Response:
    """One task, as the folder's table of tasks has it."""
    return page(request, "folder_task.html.jinja", {"task": view.task(key)}, here="instances")


@router.get("/day/{day}")
def day(day: Annotated[str, FromPath(pattern=r"^\d{4}-\d{2}-\d{2}$")]) -> Response:
    """The rows of a growth day."""
    return RedirectResponse(address("/instances", {"day": day}))


@router.get("/{path:path}")
def unknown(path: str) -> Response:  # noqa: ARG001 - FastAPI binds it
    raise HTTPException(404, "no such page")
