"""Snapshots: the versions, one version, its map, and the difference of two."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as FromPath
from starlette.responses import Response

from dynosaur_airflow.ui.charts import alpha_chart, curve_chart, map_chart, tradeoff_chart
from dynosaur_airflow.ui.content import moves
from dynosaur_airflow.ui.downloads import FileKind, download
from dynosaur_airflow.ui.rendering import page
from dynosaur_etl.flows.views.maps import pool_map
from dynosaur_etl.flows.views.reading import reading
from dynosaur_etl.flows.views.versions import compare, version_report, versions

_MOST = 1_000_000
_COLUMNS = (
    "name", "status", "parent", "day", "pool", "selected", "alpha", "coverage", "quality", "path",
    "manifest_sha256",
)  # fmt: skip
Version = Annotated[int, FromPath(ge=1, le=_MOST)]
ChosenVersion = Annotated[int, Query(ge=1, le=_MOST)]

router = APIRouter()


@router.get("/snapshots")
def snapshots(request: Request) -> Response:
    """All versions with their figures, and quality against coverage."""
    with reading() as services:
        found = versions(services)
    content = {"versions": found, "charts": [alpha_chart(found)]}
    return page(request, "snapshots.html.jinja", content, here="snapshots")


@router.get("/snapshots.{kind}")
def snapshots_file(kind: FileKind) -> Response:
    """All versions as a file."""
    with reading() as services:
        return download(versions(services), _COLUMNS, "snapshots", kind)


@router.get("/snapshots/diff")
def difference(request: Request, old: ChosenVersion, new: ChosenVersion) -> Response:
    """What came and what went between two versions, by reason, source and licence."""
    with reading() as services:
        found = compare(services, old, new)
    content = {"old": old, "new": new, "diff": found, "moves": moves(found)}
    return page(request, "diff.html.jinja", content, here="snapshots")


@router.get("/snapshots/{version}")
def snapshot(request: Request, version: Version) -> Response:
    """One version: figures, curves, files, parameters and card."""
    with reading() as services:
        report = version_report(services, version)
    content = {
        "report": report,
        "curve": curve_chart(report["curve"]),
        "tradeoff": tradeoff_chart(report),
    }
    return page(request, "snapshot.html.jinja", content, here="snapshots")


@router.get("/snapshots/{version}/map")
def snapshot_map(request: Request, version: Version) -> Response:
    """A map of a version's pool and picks."""
    with reading() as services:
        found = pool_map(services, version)
    content = {"version": version, "map": found, "charts": [map_chart(found)]}
    return page(request, "map.html.jinja", content, here="snapshots")
