"""Growth: the first page, one day's report, and what is worked on now."""

from datetime import UTC, datetime
from typing import Annotated, Any

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import APIRouter, Query, Request
from fastapi import Path as FromPath
from starlette.responses import Response

from dynosaur_airflow.ui.airflow_state import airflow_state
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.current_day import current_day
from dynosaur_etl.flows.views.day_report import day_report
from dynosaur_etl.flows.views.growth_history import (
    VALIDITY_FLOOR,
    gaps_after,
    growth_history,
)
from dynosaur_etl.flows.views.paging import Day
from dynosaur_etl.flows.views.read_only import read_only_services
from dynosaur_etl.flows.views.tonight import tonight
from dynosaur_etl.flows.views.version_figures import version_lines
from dynosaur_etl.pages.charts import growth_chart, validity_chart
from dynosaur_etl.pages.content import funnel_widths, reject_lines, with_bars
from dynosaur_etl.pages.downloads import FileForm, download
from dynosaur_etl.pages.rendering import page

DAYS_SHOWN = 60
SNAPSHOTS_SHOWN = 5
_COLUMNS = (
    "day", "datasets_seen", "datasets_kept", "proposals", "tasks", "instances", "validity",
    "surplus", "rejected", "cost_usd",
)  # fmt: skip
DayKey = Annotated[str, FromPath(max_length=32)]

router = APIRouter()


@router.get("/")
def training_set(
    request: Request, session: SessionDep, before: Annotated[Day, Query()] = ""
) -> Response:
    """How the night went, growth by day, and the funnel from the Hub to the selection."""
    with read_only_services() as services:
        history, now = growth_history(services), _now(services, session)
        snapshots = version_lines(services, SNAPSHOTS_SHOWN)
    days = [day for day in history.days if not before or day.day < before]
    shown = days[::-1][:DAYS_SHOWN]
    content = {
        "history": history,
        "widths": funnel_widths([stage.number for stage in history.funnel]),
        "days": with_bars(shown, lambda day: day.instances),
        "earlier": shown[-1].day if len(days) > DAYS_SHOWN else "",
        "floor": VALIDITY_FLOOR,
        "gaps": gaps_after(days),
        **now,
        "snapshots": snapshots,
        "charts": [growth_chart(history.days), validity_chart(history.days)],
    }
    return page(request, "growth.html.jinja", content, here="growth")


@router.get("/live")
def now(request: Request, session: SessionDep) -> Response:
    """The part of the first page that a script reads again every few seconds."""
    with read_only_services() as services:
        return page(request, "live.html.jinja", _now(services, session))


def _now(services: Services, session: Any) -> dict[str, Any]:
    airflow = airflow_state(session)
    return {
        "night": tonight(services, airflow, datetime.now(UTC)),
        "live": current_day(services, airflow),
    }


@router.get("/days.{form}")
def days_file(form: FileForm) -> Response:
    """All growth days as a file."""
    with read_only_services() as services:
        return download(growth_history(services).days, _COLUMNS, "growth-days", form)


@router.get("/day/{day}")
def growth_day(request: Request, day: DayKey) -> Response:
    """The report of one growth day."""
    return page(request, "day.html.jinja", day_content(day), here="growth")


def day_content(day: str) -> dict[str, Any]:
    """Give a growth day's report.

    Raises:
        InvalidInput: it is not a calendar day written `YYYY-MM-DD`.
    """
    key = str(GrowthDay.parse(day))
    with read_only_services() as services:
        report = day_report(key, services)
    return {"report": report, "rejects": reject_lines(report.rejects)}
