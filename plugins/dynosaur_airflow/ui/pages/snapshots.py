"""Snapshots: the versions, one version, its map, and the difference of two."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as FromPath
from pydantic import BeforeValidator
from starlette.responses import FileResponse, Response

from dynosaur_etl.flows.views.paging import Cursor
from dynosaur_etl.flows.views.parameter_lines import parameter_lines
from dynosaur_etl.flows.views.pool_map import pool_map
from dynosaur_etl.flows.views.read_only import read_only_services
from dynosaur_etl.flows.views.row_compare import CompareSearch, Kind, compare_rows
from dynosaur_etl.flows.views.row_search import MOST, SIZE
from dynosaur_etl.flows.views.version_figures import (
    compare,
    version_file,
    version_lines,
    version_report,
)
from dynosaur_etl.flows.views.version_moves import moves
from dynosaur_etl.pages.charts import alpha_chart, curve_chart, map_chart, tradeoff_chart
from dynosaur_etl.pages.downloads import FileForm, download
from dynosaur_etl.pages.markdown import card_html
from dynosaur_etl.pages.rendering import base_of, page

_MOST = 1_000_000
_COLUMNS = (
    "name", "status", "parent", "day", "pool", "selected", "alpha", "coverage", "quality", "path",
    "manifest_sha256",
)  # fmt: skip
_Number = Annotated[int, BeforeValidator(lambda text: str(text).removeprefix("v"))]
Version = Annotated[_Number, FromPath(ge=1, le=_MOST)]
ChosenVersion = Annotated[_Number, Query(ge=1, le=_MOST)]

FileName = Annotated[str, FromPath(max_length=200)]

router = APIRouter()


def _compare_search(
    kind: Kind = "added",
    after: Cursor = "",
    size: Annotated[int, Query(ge=1, le=MOST)] = SIZE,
) -> CompareSearch:
    return CompareSearch(kind=kind, after=after, size=size)


@router.get("/snapshots")
def snapshots(request: Request) -> Response:
    """All versions with their figures, and quality against coverage."""
    with read_only_services() as services:
        found = version_lines(services)
    content = {"versions": found, "charts": [alpha_chart(found)]}
    return page(request, "snapshots.html.jinja", content, here="snapshots")


@router.get("/snapshots.{form}")
def snapshots_file(form: FileForm) -> Response:
    """All versions as a file."""
    with read_only_services() as services:
        return download(version_lines(services), _COLUMNS, "snapshots", form)


@router.get("/snapshots/diff")
def difference(request: Request, old: ChosenVersion, new: ChosenVersion) -> Response:
    """What came and what went between two versions, by reason, source and licence."""
    with read_only_services() as services:
        found = compare(services, old, new)
    content = {"old": old, "new": new, "diff": found, "moves": moves(found)}
    return page(request, "diff.html.jinja", content, here="snapshots")


@router.get("/snapshots/rows")
def compared_rows(
    request: Request,
    old: ChosenVersion,
    new: ChosenVersion,
    search: Annotated[CompareSearch, Depends(_compare_search)],
) -> Response:
    """The rows of two versions that came, that went, and that moved in rank."""
    with read_only_services() as services:
        found = compare_rows(services, old, new, search)
    content = {"old": old, "new": new, "search": search, "found": found}
    return page(request, "compared_rows.html.jinja", content, here="snapshots")


@router.get("/snapshots/{version}")
def snapshot(request: Request, version: Version) -> Response:
    """One version: figures, curves, files, parameters and card."""
    with read_only_services() as services:
        report = version_report(services, version)
    content = {
        "report": report,
        "parameters": parameter_lines(report.parameters),
        "curve": curve_chart(report.curve),
        "tradeoff": tradeoff_chart(report),
        "card": card_html(
            report.card,
            {file.name for file in report.state.files},
            f"{base_of(request)}/snapshots/{report.figures.name}/files",
        ),
    }
    return page(request, "snapshot.html.jinja", content, here="snapshots")


@router.get("/snapshots/{version}/files/{name:path}")
def snapshot_file(version: Version, name: FileName) -> Response:
    """One file of a version, of those that its manifest lists."""
    with read_only_services() as services:
        path = version_file(services, version, name)
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


@router.get("/snapshots/{version}/map")
def snapshot_map(request: Request, version: Version) -> Response:
    """A map of a version's pool and picks."""
    with read_only_services() as services:
        found = pool_map(services, version)
    content = {"version": version, "map": found, "charts": [map_chart(found)]}
    return page(request, "map.html.jinja", content, here="snapshots")
