"""The page that shows selections of one pool beside one another."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynosaur_etl.selection.assessment.comparison import Assessment, overlaps
from dynosaur_etl.selection.assessment.pictures import (
    curves_picture,
    maps_picture,
    overlap_picture,
)
from dynosaur_etl.selection.assessment.report import page, shown, table
from dynosaur_etl.selection.problem.result import Selection

_SOURCES = 12
_COLUMNS = (
    "rows",
    "tokens",
    "coverage",
    "coverage_lowest_decile",
    "quality",
    "quality_lowest_decile",
    "vendi",
    "novelsum",
    "target",
)


@dataclass(frozen=True)
class Entry:
    """One selection of a comparison.

    Attributes:
        name: by which it was asked for.
        selection: what was picked.
        assessment: its figures.
    """

    name: str
    selection: Selection
    assessment: Assessment


def comparison_page(
    groups: Mapping[str, Sequence[Entry]],
    embeddings: NDArray[np.number],
    facts: Mapping[str, object],
) -> str:
    """Return the page of a comparison.

    Args:
        groups: entries that are comparable, by what they have in common in words.
        embeddings: of the pool, for the maps [n, d].
        facts: what the page states in its last table.
    """
    body = ["<h1>Selections compared</h1>"]
    for title, entries in groups.items():
        names = [entry.name for entry in entries]
        chosen = [entry.selection for entry in entries]
        orders = [one.order for one in chosen]
        body += [f"<h2>{html.escape(title)}</h2>", figures_table(entries)]
        body += [shown("Coverage against size", curves_picture(names, chosen))]
        body += [shown("Rows in common", overlap_picture(names, overlaps(orders)))]
        body += [shown("Picks on two principal axes", maps_picture(names, embeddings, orders))]
        body += [sources_table(entries)]
    body += ["<h2>What was specified</h2>", table(facts)]
    return page("Selections compared", "".join(body))


def figures_table(entries: Sequence[Entry]) -> str:
    """Return the figures of all entries as a table, an entry a row; what none has is left out."""
    known = [name for name in _COLUMNS if any(_value(entry, name) is not None for entry in entries)]
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in ("", *known))
    rows = "".join(
        f"<tr><th>{html.escape(entry.name)}</th>"
        + "".join(f"<td>{_figure(_value(entry, name))}</td>" for name in known)
        + "</tr>"
        for entry in entries
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def sources_table(entries: Sequence[Entry]) -> str:
    """Return the share of each source in each entry; nothing without sources."""
    totals: dict[str, float] = {}
    for entry in entries:
        for name, share in entry.assessment.shares.items():
            totals[name] = totals.get(name, 0.0) + share
    if not totals:
        return ""
    names = sorted(totals, key=lambda name: (-totals[name], name))[:_SOURCES]
    head = "".join(f"<th>{html.escape(entry.name)}</th>" for entry in entries)
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th>"
        + "".join(f"<td>{entry.assessment.shares.get(name, 0.0):.1%}</td>" for entry in entries)
        + "</tr>"
        for name in names
    )
    more = f"<p>and {len(totals) - len(names)} more sources</p>" if len(totals) > len(names) else ""
    return f"<h3>Per source</h3><table><tr><th></th>{head}</tr>{rows}</table>{more}"


def _value(entry: Entry, name: str) -> float | int | None:
    found: float | int | None = getattr(entry.assessment, name)
    return found


def _figure(value: float | int | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
