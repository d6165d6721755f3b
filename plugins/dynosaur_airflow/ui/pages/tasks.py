"""Tasks: proposals found by filters, and one with everything that is known of it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as FromPath
from starlette.responses import RedirectResponse, Response

from dynosaur_etl.domain.models import Mode
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.views.read_only import read_only_services
from dynosaur_etl.flows.views.task_list import FORMS, TaskSearch, find_tasks
from dynosaur_etl.flows.views.task_report import task_address, task_report
from dynosaur_etl.pages.downloads import FileForm, download
from dynosaur_etl.pages.rendering import base_of, page

_COLUMNS = (
    "day", "dataset", "revision", "config", "licence", "mode", "form", "verdict", "reason",
    "detail", "instruction", "task_key", "request_key", "position",
)  # fmt: skip
_KEY = r"^[0-9A-Za-z_.:-]*$"
Key = Annotated[str, FromPath(pattern=r"^[0-9a-f]{32,64}$")]
Position = Annotated[int, FromPath(ge=0, le=1_000)]

router = APIRouter()


@router.get("/tasks")
def tasks(request: Request, search: Annotated[TaskSearch, Query()]) -> Response:
    """Proposals and their verdicts, the newest day first."""
    with read_only_services() as services:
        part = find_tasks(services, search)
        licences = services.settings.licences
    content = {
        "search": search,
        "part": part,
        "modes": [str(mode) for mode in Mode],
        "forms": FORMS,
        "reasons": [str(reason) for reason in Reason],
        "licences": licences,
    }
    return page(request, "tasks.html.jinja", content, here="tasks")


@router.get("/tasks.{form}")
def tasks_file(form: FileForm, search: Annotated[TaskSearch, Query()]) -> Response:
    """What the filters find as a file of up to 10,000 rows."""
    with read_only_services() as services:
        return download(find_tasks(services, search.for_download()).rows, _COLUMNS, "tasks", form)


@router.get("/tasks/of/{key}")
def task_of_key(request: Request, key: Key) -> Response:
    """Lead from the key of a task to the task."""
    with read_only_services() as services:
        found = task_address(services, key)
    return RedirectResponse(f"{base_of(request)}/tasks/{found}")


@router.get("/tasks/{day}/{request_key}/{position}")
def task(
    request: Request,
    day: Annotated[str, FromPath(max_length=10, pattern=_KEY)],
    request_key: Annotated[str, FromPath(max_length=200, pattern=_KEY)],
    position: Position,
) -> Response:
    """One proposal: prompt, answer, verdicts, examples and where it comes from."""
    with read_only_services() as services:
        report = task_report(services, day, request_key, position)
    return page(request, "task.html.jinja", {"report": report}, here="tasks")
