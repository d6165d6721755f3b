"""The style sheet and the scripts, which too are for logged-in users only."""

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from dynosaur_etl.pages.rendering import HERE, chart_library

_FOREVER = {"Cache-Control": "private, max-age=604800"}

router = APIRouter()


@router.get("/style.css")
def style() -> Response:
    return _text("style.css", "text/css")


@router.get("/charts.js")
def charts() -> Response:
    return _text("charts.js", "text/javascript")


@router.get("/live.js")
def live() -> Response:
    return _text("live.js", "text/javascript")


@router.get("/theme.js")
def theme() -> Response:
    return _text("theme.js", "text/javascript")


@router.get("/links.js")
def links() -> Response:
    return _text("links.js", "text/javascript")


@router.get("/plotly.js")
def plotly() -> Response:
    """The charts' library as its package ships it; a browser keeps it for a week."""
    return FileResponse(chart_library(), media_type="text/javascript", headers=_FOREVER)


def _text(name: str, media_type: str) -> Response:
    return Response((HERE / "static" / name).read_text(encoding="utf-8"), media_type=media_type)
