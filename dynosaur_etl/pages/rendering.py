"""Templates, and what every answer carries: escaped output under a policy without foreign hosts."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from dynosaur_etl.domain.money import dollars
from dynosaur_etl.flows.views.parameter_lines import as_words

HERE = Path(__file__).parent
PREFIX = "/training-set"
"""Where Airflow mounts the pages."""

EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""The hash of nothing: charts may make an empty style sheet, which they fill rule by rule."""

MAPS_STYLE = "'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='"
"""The hash of the style sheet of the charts' maps, which their library adds as it is loaded."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self';"
        f" style-src 'self' {EMPTY_STYLE} {MAPS_STYLE}; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    request: Request,
    template: str,
    content: Mapping[str, Any],
    status: int = 200,
    here: str = "",
) -> Response:
    """Fill a template; `here` is the part of the navigation that it belongs to."""
    frame = {
        "base": base_of(request),
        "airflow_base": airflow_base_of(request),
        "navigation": request.app.state.navigation,
        "here": here,
    }
    text = templates.get_template(template).render(**frame, **content)
    return HTMLResponse(text, status_code=status)


def base_of(request: Request) -> str:
    """Give the path under which Airflow has mounted the pages."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def airflow_base_of(request: Request) -> str:
    """Return the path under which Airflow itself stands."""
    return base_of(request).removesuffix(PREFIX)


def address(path: str, values: Mapping[str, Any]) -> str:
    """Write an address with the values that are set."""
    query = urlencode({name: value for name, value in values.items() if value not in ("", None)})
    return f"{path}?{query}" if query else path


def coded(text: str) -> Markup:
    """Escape a text, and show what stands between backticks as code."""
    parts = text.split("`")
    shown = [
        Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts)
    ]
    return Markup("").join(shown)


def chart_library() -> Path:
    """Give the charts' script as its Python package ships it; the package is not imported."""
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package plotly is not installed")
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


templates.globals["address"] = address
templates.filters["coded"] = coded
templates.globals["dollars"] = dollars
templates.globals["as_words"] = as_words
