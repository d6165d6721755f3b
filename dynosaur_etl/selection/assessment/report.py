"""The report of a selection: one HTML file with its pictures inside, readable offline."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.assessment.alpha_sweep import SweepPoint
from dynosaur_etl.selection.assessment.pictures import (
    coverage_picture,
    map_picture,
    sweep_picture,
)
from dynosaur_etl.selection.problem.result import Selection

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1c2430}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left;"
    "border-bottom:1px solid #ccd2da}img{max-width:100%}"
)


def report(
    selection: Selection,
    embeddings: NDArray[np.number],
    sweep: Sequence[SweepPoint],
    facts: Mapping[str, Any],
) -> str:
    """Return the page.

    Args:
        selection: what was selected.
        embeddings: of the pool, for the map [n, d].
        sweep: quality and coverage over alpha; may be empty.
        facts: what the page states in its table, plain values.
    """
    pictures = [("Coverage against size", coverage_picture(selection))]
    if sweep:
        pictures.append(("Quality against coverage over alpha", sweep_picture(sweep)))
    pictures.append(("Pool and picks on two principal axes", map_picture(embeddings, selection)))
    rows = {**facts, **selection.params, **selection.diagnostics}
    body = [f"<h1>{len(selection)} picks of {len(embeddings)}</h1>"]
    body += [shown(title, data) for title, data in pictures]
    body += ["<h2>What was specified and done</h2>", table(rows)]
    return page("Selection", "".join(body))


def page(title: str, body: str) -> str:
    """Return a whole page, readable offline."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style>{body}</html>\n"
    )


def shown(title: str, data: str) -> str:
    """Return a picture, base64 of PNG, under its title."""
    said = html.escape(title)
    return f'<h2>{said}</h2><img alt="{said}" src="data:image/png;base64,{data}">'


def table(rows: Mapping[str, Any]) -> str:
    """Return a table of names and values."""
    lines = (
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<table>{''.join(lines)}</table>"
